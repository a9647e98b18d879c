/* SPDX-License-Identifier: MIT */
#include "base/screen.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

#define HOME       "\033[H"
#define ERASE_LINE "\033[K"
#define ERASE_REST "\033[J"
/* Terminals that know this pair show all in between at once; others pass over it. */
#define BEGIN "\033[?2026h"
#define END   "\033[?2026l"

static uint32_t decode(const uint8_t *p, size_t len)
{
    static const uint8_t first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & first[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* The process's locale may be C, which knows of no character beyond ASCII. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t utf8;

static void find_locale(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static int width_of(uint32_t c)
{
    (void)pthread_once(&once, find_locale);
    if (!utf8)
        return 1;
    locale_t before = uselocale(utf8);
    int width = wcwidth((wchar_t)c);
    (void)uselocale(before);
    return width;
}

int screen_character(const uint8_t *p, size_t left, size_t *bytes)
{
    size_t len = utf8_length(p, left);
    *bytes = len > 0 ? len : 1;
    if (len == 1)
        return p[0] >= 0x20 && p[0] != 0x7f ? 1 : -1;
    return len > 1 ? width_of(decode(p, len)) : -1;
}

size_t screen_columns(const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text);
    size_t columns = 0;
    for (size_t bytes; left > 0; p += bytes, left -= bytes) {
        int width = screen_character(p, left, &bytes);
        columns += width < 0 ? 1 : (size_t)width;
    }
    return columns;
}

static void put_line(struct buf *out, const char *line, size_t left, const struct screen_size *size)
{
    const uint8_t *p = (const uint8_t *)line;
    unsigned column = 0;
    for (size_t bytes; left > 0; p += bytes, left -= bytes) {
        int width = screen_character(p, left, &bytes);
        if (bytes > 1 && !size->is_utf8)
            width = -1;
        unsigned takes = width < 0 ? 1 : (unsigned)width;
        if (column + takes > size->columns)
            break;
        if (width < 0)
            buf_byte(out, '?');
        else
            buf_put(out, p, bytes);
        column += takes;
    }
    if (column < size->columns) /* behind a full line the cursor is on its last character */
        buf_str(out, ERASE_LINE);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; n++)
        text += strcspn(text, "\n") + (text[strcspn(text, "\n")] != '\0');
    return n;
}

void screen_put(struct buf *out, const char *text, const struct screen_size *size)
{
    size_t lines = count_lines(text);
    size_t shown = lines <= size->rows ? lines : size->rows > 0 ? size->rows - 1 : 0;
    char rest[64];
    buf_str(out, BEGIN HOME);
    for (size_t i = 0; i < shown; i++) {
        size_t len = strcspn(text, "\n");
        buf_str(out, i > 0 ? "\r\n" : "");
        put_line(out, text, len, size);
        text += len + (text[len] == '\n');
    }
    if (shown < lines && size->rows > 0) {
        (void)snprintf(rest, sizeof rest, "... %zu more lines: a higher window shows them",
                       lines - shown);
        buf_str(out, shown > 0 ? "\r\n" : "");
        put_line(out, rest, strlen(rest), size);
    } else if (lines < size->rows) {
        buf_str(out, lines > 0 ? "\r\n" ERASE_REST : ERASE_REST);
    }
    buf_str(out, END);
}
