/* SPDX-License-Identifier: MIT */
#include "base/time.h"

#include <time.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bytes.h"

Test(base_time, days_and_dates)
{
    static const struct {
        int64_t day;
        struct time_date date;
    } rows[] = {
        {0, {1970, 1, 1}},         {-1, {1969, 12, 31}},     {59, {1970, 3, 1}},
        {10957, {2000, 1, 1}},     {11016, {2000, 2, 29}},   {11017, {2000, 3, 1}},
        {-25509, {1900, 2, 28}},   {-25508, {1900, 3, 1}},   {20778, {2026, 11, 21}},
        {2932896, {9999, 12, 31}}, {2932897, {10000, 1, 1}}, {-719528, {0, 1, 1}},
        {-719529, {-1, 12, 31}},   {-719162, {1, 1, 1}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct time_date *want = &rows[i].date;
        struct time_date got = time_date_of_day(rows[i].day);
        cr_expect(got.year == want->year && got.month == want->month && got.day == want->day,
                  "day %lld: want %d-%d-%d, got %d-%d-%d", (long long)rows[i].day, want->year,
                  want->month, want->day, got.year, got.month, got.day);
        int64_t day = time_day_of_date(want->year, want->month, want->day);
        cr_expect_eq(day, rows[i].day, "%d-%d-%d: want day %lld, got %lld", want->year, want->month,
                     want->day, (long long)rows[i].day, (long long)day);
    }
}

/* Every day of the 400-year cycle, and then some, against the C library's calendar. */
Test(base_time, calendar_like_libc)
{
    for (int64_t day = -160000; day < 160000; day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        struct time_date got = time_date_of_day(day);
        cr_assert(gmtime_r(&seconds, &tm) != NULL);
        cr_assert(got.year == tm.tm_year + 1900 && got.month == tm.tm_mon + 1 &&
                      got.day == tm.tm_mday,
                  "day %lld: want %d-%d-%d, got %d-%d-%d", (long long)day, tm.tm_year + 1900,
                  tm.tm_mon + 1, tm.tm_mday, got.year, got.month, got.day);
        cr_assert_eq(time_day_of_date(got.year, got.month, got.day), day, "day %lld: back as %lld",
                     (long long)day, (long long)time_day_of_date(got.year, got.month, got.day));
    }
}

Test(base_time, day_of_an_instant)
{
    static const struct {
        int64_t us, want;
    } rows[] = {
        {0, 0},
        {TIME_US_PER_DAY - 1, 0},
        {TIME_US_PER_DAY, 1},
        {-1, -1},
        {-TIME_US_PER_DAY, -1},
        {-TIME_US_PER_DAY - 1, -2},
        {INT64_MAX, 106751991},
        {INT64_MIN, -106751992},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(time_day(rows[i].us), rows[i].want, "%lld: want %lld, got %lld",
                     (long long)rows[i].us, (long long)rows[i].want,
                     (long long)time_day(rows[i].us));
}

Test(base_time, format)
{
    static const struct {
        int64_t us;
        const char *want;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(1795226221250000), "2026-11-21T01:57:01.25Z"},
        {TIME_PG_EPOCH_US, "2000-01-01T00:00:00Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
        {INT64_C(253402300800000000), "10000-01-01T00:00:00Z"},
        {INT64_C(-62135596800000000), "0001-01-01T00:00:00Z"},
        {INT64_MAX, "294247-01-10T04:00:54.775807Z"},
        {INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[TIME_TEXT];
        const char *got = time_format(rows[i].us, text);
        cr_expect_str_eq(got, rows[i].want, "%lld: want %s, got %s", (long long)rows[i].us,
                         rows[i].want, got);
    }
}

#define AT_2026 INT64_C(1795226221000000) /* 2026-11-21T01:57:01Z */
#define HOUR    INT64_C(3600000000)
#define MINUTE  INT64_C(60000000)
static const int64_t NO = INT64_MIN; /* refused */

Test(base_time, parse)
{
    static const struct {
        const char *text;
        int64_t want;
    } rows[] = {
        {"2026-11-21T01:57:01Z", AT_2026},
        {"2026-11-21t01:57:01z", AT_2026},
        {"2026-11-21 01:57:01Z", AT_2026},
        {"2026-11-21T01:57:01+00:00", AT_2026},
        {"2026-11-21T01:57:01-00:00", AT_2026},
        {"2026-11-21T03:57:01+02:00", AT_2026},
        {"2026-11-21T03:57:01+0200", AT_2026},
        {"2026-11-21T03:57:01+02", AT_2026},
        {"2026-11-20T20:27:01-05:30", AT_2026},
        {"2026-11-21T17:56:01+15:59", AT_2026},
        {"2026-11-21T01:57:01.2Z", AT_2026 + 200000},
        {"2026-11-21T01:57:01.25+00:00", AT_2026 + 250000},
        {"2026-11-21T01:57:01.000001Z", AT_2026 + 1},
        {"2026-11-21T01:57:01.123456789Z", AT_2026 + 123456},
        {"2026-11-21T01:57:01.9999999999999999999999999Z", AT_2026 + 999999},
        {"2026-11-21T01:56:60Z", AT_2026 - 1000000}, /* a leap second is the next one's first */
        {"1969-12-31T23:59:59.5Z", -500000},
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200000000)},
        {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999)},

        {"", NO},
        {"2026-11-21", NO},
        {"2026-11-21T01:57:01", NO}, /* no offset: whose time would that be? */
        {"2026-11-21T01:57Z", NO},
        {"2026-11-21T01:57:01.Z", NO},
        {"2026-11-21T01:57:01,5Z", NO},
        {"2026-11-21T01:57:01ZZ", NO},
        {"2026-11-21T01:57:01Z ", NO},
        {" 2026-11-21T01:57:01Z", NO},
        {"2026-11-21_01:57:01Z", NO},
        {"2026-11-21T01:57:01+2", NO},
        {"2026-11-21T01:57:01+02:", NO},
        {"2026-11-21T01:57:01+02:0", NO},
        {"2026-11-21T01:57:01+02:000", NO},
        {"2026-11-21T01:57:01+16:00", NO},
        {"2026-11-21T01:57:01+02:60", NO},
        {"2026-11-21T01:57:01*02:00", NO},
        {"2026-11-21T01:57:01+-2:00", NO},
        {"2026-11-21T24:00:00Z", NO},
        {"2026-11-21T01:60:01Z", NO},
        {"2026-11-21T01:57:61Z", NO},
        {"2026-00-21T01:57:01Z", NO},
        {"2026-13-21T01:57:01Z", NO},
        {"2026-11-00T01:57:01Z", NO},
        {"2026-11-31T01:57:01Z", NO},
        {"2026-02-29T00:00:00Z", NO},
        {"1900-02-29T00:00:00Z", NO},
        {"226-11-21T01:57:01Z", NO},
        {"12026-11-21T01:57:01Z", NO},
        {"-026-11-21T01:57:01Z", NO},
        {"2026/11/21T01:57:01Z", NO},
        {"20261121T015701Z", NO},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = NO;
        bool good = time_parse(rows[i].text, strlen(rows[i].text), &got);
        cr_expect(good == (rows[i].want != NO) && got == rows[i].want,
                  "%s: want %lld, got %s, %lld", rows[i].text, (long long)rows[i].want,
                  good ? "a time" : "refused", (long long)got);
    }
}

/* Only the seconds' fraction and the offset's minutes can be left off: every other cut is refused.
 */
Test(base_time, parse_truncated_at_every_byte)
{
    static const char text[] = "2026-11-21T03:57:01.25+02:00";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        int64_t us;
        /* A copy of its own size: reading past the end is seen by ASan. */
        char *cut = mem_alloc(len + 1);
        memcpy(cut, text, len);
        bool want = len == strlen("2026-11-21T03:57:01.25+02");
        bool got = time_parse(cut, len, &us);
        cr_expect_eq(got, want, "%.*s: want %d, got %d", (int)len, text, want, got);
        free(cut);
    }
}

Test(base_time, parse_undoes_format)
{
    uint64_t seed = 20261121;
    for (int i = 0; i < 100000; i++) {
        int64_t span = INT64_C(253402300799999999) + INT64_C(62167219200000000);
        int64_t us = (int64_t)(bytes_random(&seed) % (uint64_t)span) - INT64_C(62167219200000000);
        int64_t got = NO;
        char text[TIME_TEXT];
        (void)time_format(us, text);
        bool good = time_parse(text, strlen(text), &got);
        cr_assert(good && got == us, "%s: want %lld, got %lld", text, (long long)us,
                  (long long)got);
    }
}

Test(base_time, clocks_go_forward)
{
    int64_t first = time_monotonic();
    int64_t wall = time_now();
    cr_expect(time_monotonic() >= first, "the monotonic clock went back from %lld",
              (long long)first);
    cr_expect(wall > INT64_C(1700000000000000) && wall < INT64_C(7300000000000000),
              "time_now() is not in microseconds since 1970: %lld", (long long)wall);
}
