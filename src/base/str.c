/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

void str_percent_encode(struct buf *out, const char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (*p > 0x20 && *p < 0x7f && *p != '%') {
            buf_byte(out, *p);
        } else {
            buf_byte(out, '%');
            buf_byte(out, (uint8_t)hex[*p >> 4]);
            buf_byte(out, (uint8_t)hex[*p & 15]);
        }
    }
}

bool str_percent_decode(const char *text, struct buf *out)
{
    for (const char *p = text; *p; p++) {
        if (*p != '%') {
            buf_byte(out, (uint8_t)*p);
            continue;
        }
        if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
            return false;
        buf_byte(out, (uint8_t)strtoul((char[]){p[1], p[2], '\0'}, NULL, 16));
        p += 2;
    }
    return true;
}

struct unit {
    const char *name;
    double factor;
};

static bool parse_with_unit(const char *text, const struct unit *units, double *value)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)text[0]) || text[1] == 'x' || text[1] == 'X') /* strtod reads hex */
        return false;
    double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (const struct unit *u = units; u->name; u++)
        if (strcmp(end, u->name) == 0) {
            *value = number * u->factor;
            return errno == 0 && isfinite(*value);
        }
    return false;
}

bool str_parse_size(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {{"", 1},
                                        {"B", 1},
                                        {"KiB", 1024},
                                        {"MiB", 1048576},
                                        {"GiB", 1073741824},
                                        {"TiB", 1099511627776.0},
                                        {"K", 1024},
                                        {"M", 1048576},
                                        {"G", 1073741824},
                                        {"kB", 1e3},
                                        {"MB", 1e6},
                                        {"GB", 1e9},
                                        {NULL, 0}};
    double value;
    if (!parse_with_unit(text, units, &value) || value >= 9.2e18)
        return false;
    *bytes = (uint64_t)value;
    return true;
}

bool str_parse_duration(const char *text, int64_t *us)
{
    static const struct unit units[] = {{"", 1e6},
                                        {"us", 1},
                                        {"ms", 1e3},
                                        {"s", 1e6},
                                        {"m", 60e6},
                                        {"min", 60e6},
                                        {"h", 3600e6},
                                        {"hour", 3600e6},
                                        {"hours", 3600e6},
                                        {"d", 86400e6},
                                        {"day", 86400e6},
                                        {"days", 86400e6},
                                        {"week", 7 * 86400e6},
                                        {"weeks", 7 * 86400e6},
                                        {"year", 365 * 86400e6},
                                        {"years", 365 * 86400e6},
                                        {NULL, 0}};
    double value;
    if (!parse_with_unit(text, units, &value) || value >= 9.2e18)
        return false;
    *us = (int64_t)value;
    return true;
}

const char *str_size(uint64_t bytes, char text[STR_HUMAN])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1024 && unit < 5; unit++)
        value /= 1024;
    (void)snprintf(text, STR_HUMAN, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                   names[unit]);
    return text;
}

const char *str_duration(int64_t us, char text[STR_HUMAN])
{
    int64_t seconds = us / TIME_US_PER_S;
    if (us < 10 * TIME_US_PER_MS)
        (void)snprintf(text, STR_HUMAN, "%.1f ms", (double)us / 1e3);
    else if (us < TIME_US_PER_S)
        (void)snprintf(text, STR_HUMAN, "%" PRId64 " ms", us / TIME_US_PER_MS);
    else if (seconds < 60)
        (void)snprintf(text, STR_HUMAN, "%.1f s", (double)us / 1e6);
    else if (seconds < 3600)
        (void)snprintf(text, STR_HUMAN, "%d min %d s", (int)(seconds / 60), (int)(seconds % 60));
    else if (seconds < 86400)
        (void)snprintf(text, STR_HUMAN, "%d h %d min", (int)(seconds / 3600),
                       (int)(seconds / 60 % 60));
    else
        (void)snprintf(text, STR_HUMAN, "%" PRId64 " d %d h", seconds / 86400,
                       (int)(seconds / 3600 % 24));
    return text;
}

struct exact_unit {
    uint64_t size;
    const char *name;
};

static void put_exact(struct buf *out, uint64_t number, const struct exact_unit *units)
{
    while (units->size > 1 && (number == 0 || number % units->size != 0))
        units++;
    buf_printf(out, "%" PRIu64 "%s", number / units->size, number == 0 ? "" : units->name);
}

void str_put_size(struct buf *out, uint64_t bytes)
{
    static const struct exact_unit units[] = {
        {UINT64_C(1) << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, ""}};
    put_exact(out, bytes, units);
}

void str_put_duration(struct buf *out, int64_t us)
{
    static const struct exact_unit units[] = {{UINT64_C(86400000000), " days"},
                                              {UINT64_C(3600000000), "h"},
                                              {60000000, "m"},
                                              {1000000, "s"},
                                              {1000, "ms"},
                                              {1, "us"}};
    if ((uint64_t)us == units[0].size)
        buf_str(out, "1 day");
    else
        put_exact(out, (uint64_t)us, units);
}

const char *str_count(uint64_t count, char text[STR_HUMAN])
{
    char digits[STR_HUMAN];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, count);
    int at = 0;
    for (int i = 0; i < n && at < STR_HUMAN - 2; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

static const char *plural_end(const char *one, size_t len)
{
    static const char *const hissing[] = {"s", "x", "z", "ch", "sh"};
    for (size_t i = 0; i < sizeof hissing / sizeof *hissing; i++) {
        size_t n = strlen(hissing[i]);
        if (len >= n && memcmp(one + len - n, hissing[i], n) == 0)
            return "es";
    }
    return "s";
}

const char *str_many(uint64_t count, const char *one, char text[STR_MANY])
{
    char number[STR_HUMAN];
    size_t len = strlen(one);
    bool is_y = len > 1 && one[len - 1] == 'y' && !strchr("aeiou", one[len - 2]);
    (void)str_count(count, number);
    if (count == 1)
        (void)snprintf(text, STR_MANY, "%s %s", number, one);
    else if (is_y)
        (void)snprintf(text, STR_MANY, "%s %.*sies", number, (int)len - 1, one);
    else
        (void)snprintf(text, STR_MANY, "%s %s%s", number, one, plural_end(one, len));
    return text;
}

unsigned str_distance(const char *a, const char *b)
{
    enum { LONGEST = 31 };
    size_t n = strlen(a);
    size_t m = strlen(b);
    unsigned row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return 99;
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            unsigned shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[m];
}

const char *str_line(const char **text, size_t *len)
{
    const char *line = *text;
    if (!*line)
        return NULL;
    *len = strcspn(line, "\n");
    *text = line + *len + (line[*len] == '\n');
    return line;
}
