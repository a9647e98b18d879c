/* SPDX-License-Identifier: MIT */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec ts;
    (void)clock_gettime(clock, &ts); /* can't fail for the two clocks below */
    return (int64_t)ts.tv_sec * TIME_US_PER_S + ts.tv_nsec / 1000;
}

int64_t time_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t time_day(int64_t us)
{
    return floor_div(us, TIME_US_PER_DAY);
}

/* Days to date and back by counting in 400-year cycles that start on 1 March of year 0. */
struct time_date time_date_of_day(int64_t day)
{
    int64_t z = day + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    return (struct time_date){.year = (int)(yoe + era * 400 + (month <= 2)),
                              .month = month,
                              .day = (int)(doy - (153 * mp + 2) / 5 + 1)};
}

int64_t time_day_of_date(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

const char *time_format(int64_t us, char text[TIME_TEXT])
{
    int64_t day = time_day(us);
    int64_t rest = us % TIME_US_PER_DAY;
    rest += rest < 0 ? TIME_US_PER_DAY : 0;
    struct time_date date = time_date_of_day(day);
    int second = (int)(rest / TIME_US_PER_S);
    int fraction = (int)(rest % TIME_US_PER_S);
    int n = snprintf(text, TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d", date.year, date.month,
                     date.day, second / 3600, second / 60 % 60, second % 60);
    if (fraction != 0) {
        n += snprintf(text + n, TIME_TEXT - (size_t)n, ".%06d", fraction);
        while (text[n - 1] == '0')
            n--;
    }
    (void)snprintf(text + n, TIME_TEXT - (size_t)n, "Z");
    return text;
}

/* A cursor over the text: each step fails once and for all. */
struct scan {
    const char *p, *end;
    bool failed;
};

static int scan_digits(struct scan *s, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (s->p == s->end || *s->p < '0' || *s->p > '9') {
            s->failed = true;
            return 0;
        }
        value = value * 10 + (*s->p++ - '0');
    }
    return value;
}

static bool scan_any(struct scan *s, const char *set)
{
    for (; s->p < s->end && *set; set++)
        if (*s->p == *set) {
            s->p++;
            return true;
        }
    return false;
}

static void scan_one_of(struct scan *s, const char *set)
{
    if (!scan_any(s, set))
        s->failed = true;
}

static int64_t scan_fraction(struct scan *s)
{
    int64_t us = 0;
    int digits = 0;
    if (!scan_any(s, "."))
        return 0;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, digits++)
        if (digits < 6)
            us = us * 10 + (*s->p - '0');
    if (digits == 0)
        s->failed = true;
    for (; digits < 6; digits++)
        us *= 10;
    return us;
}

static int scan_offset_minutes(struct scan *s)
{
    if (scan_any(s, "Zz"))
        return 0;
    int sign = scan_any(s, "-") ? -1 : 1;
    if (sign == 1)
        scan_one_of(s, "+");
    int hours = scan_digits(s, 2);
    bool colon = scan_any(s, ":");
    int minutes = colon || s->p < s->end ? scan_digits(s, 2) : 0;
    if (hours > 15 || minutes > 59)
        s->failed = true;
    return sign * (hours * 60 + minutes);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool time_parse(const char *text, size_t len, int64_t *us)
{
    struct scan s = {.p = text, .end = text + len};
    int year = scan_digits(&s, 4);
    scan_one_of(&s, "-");
    int month = scan_digits(&s, 2);
    scan_one_of(&s, "-");
    int day = scan_digits(&s, 2);
    scan_one_of(&s, "Tt ");
    int hour = scan_digits(&s, 2);
    scan_one_of(&s, ":");
    int minute = scan_digits(&s, 2);
    scan_one_of(&s, ":");
    int second = scan_digits(&s, 2);
    int64_t fraction = scan_fraction(&s);
    int offset = scan_offset_minutes(&s);
    if (s.failed || s.p != s.end || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t seconds = hour * 3600 + minute * 60 + second - offset * 60;
    *us = time_day_of_date(year, month, day) * TIME_US_PER_DAY + seconds * TIME_US_PER_S + fraction;
    return true;
}
