/* SPDX-License-Identifier: MIT */
/* Windows, retention and partitions are tested with the rows they decide about, in copybin_test.c.
 */
#include "base/time.h"
#include "bytes.h"
#include "value.h"

static const int64_t NO = INT64_MIN;

/* Numbers by the column's unit; what they come to in microseconds. */
Test(replay_field_time, units)
{
    static const struct {
        int64_t unit_ns;
        const char *in;
        size_t len;
        int64_t want;
    } rows[] = {
        {0, BYTES("\x02"), 2000000},
        {1000000000, BYTES("\xfe"), -2000000},
        {1, BYTES("\xcd\x07\xcf"), 1}, /* 1999 ns */
        {1, BYTES("\xff"), -1},        /* downwards */
        {1, BYTES("\xd1\xfc\x18"), -1},
        {1, BYTES("\xd1\xfc\x17"), -2},
        {1, BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), INT64_C(9223372036854775)},
        {1, BYTES("\xcf\x80\0\0\0\0\0\0\0"), NO},
        {1, BYTES("\xcb\xc0\x8f\x40\0\0\0\0\0"), -1}, /* -1000.0 */
        {1, BYTES("\xcb\xc0\x8f\x48\0\0\0\0\0"), -2}, /* -1001.0 */
        {1000, BYTES("\x02"), 2},
        {1000000, BYTES("\x02"), 2000},
        {1000000, BYTES("\xcb\x3f\xf8\0\0\0\0\0\0"), 1500},
        {INT64_C(60000000000), BYTES("\x02"), 120000000},
        {INT64_C(3600000000000), BYTES("\xff"), INT64_C(-3600000000)},
        {INT64_C(86400000000000), BYTES("\xcb\x3f\xe0\0\0\0\0\0\0"), INT64_C(43200000000)},
        {INT64_C(86400000000000), BYTES("\xce\x7f\xff\xff\xff"), NO},
        {0, BYTES("\xcb\x7f\xf8\0\0\0\0\0\0"), NO},
        {0, BYTES("\xcb\xff\xf0\0\0\0\0\0\0"), NO},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct column c = {
            .name = "c", .type = COLUMN_TIMESTAMPTZ, .unit_ns = rows[i].unit_ns};
        struct buf out = {0};
        struct reject reject = {.reason = ""};
        bool good = copybin_value(&out, &c, rows[i].in, rows[i].len, &reject);
        int64_t got = good ? (int64_t)word_be64(out.data + 4) + TIME_PG_EPOCH_US : NO;
        cr_expect_eq(got, rows[i].want, "row %zu: want %lld, got %lld", i, (long long)rows[i].want,
                     (long long)got);
        if (!good)
            cr_expect_str_eq(reject.reason, "a number that is no time", "row %zu: %s", i,
                             reject.reason);
        buf_free(&out);
    }
}

Test(replay_field_time, date)
{
    static const struct value_row rows[] = {
        {BYTES("\xaa"
               "2000-01-01"),
         BYTES("\0\0\0\4\0\0\0\0")},
        {BYTES("\xaa"
               "1999-12-31"),
         BYTES("\0\0\0\4\xff\xff\xff\xff")},
        {BYTES("\x00"), BYTES("\0\0\0\4\xff\xff\xd5\x33")}, /* 1970 */
        {BYTES("\xff"), BYTES("\0\0\0\4\xff\xff\xd5\x32")},
        /* an instant's day in UTC */
        {BYTES("\xb9"
               "2000-01-02T00:30:00+01:00"),
         BYTES("\0\0\0\4\0\0\0\0")},
        {BYTES("\xd6\xff\x38\x6d\x43\x80"), BYTES("\0\0\0\4\0\0\0\0")}, /* 2000 */
        {BYTES("\xd6\xff\x38\x6d\x43\x7f"), BYTES("\0\0\0\4\xff\xff\xff\xff")},
        {BYTES("\xaa"
               "2023-02-29"),
         "not a date (YYYY-MM-DD), nor an RFC 3339 time with an offset: \"2023-02-29\"", 0},
        {BYTES("\xa8"
               "20230228"),
         "not a date (YYYY-MM-DD), nor an RFC 3339 time with an offset: \"20230228\"", 0},
        {BYTES("\xab"
               "2023-02-28Z"),
         "not a date (YYYY-MM-DD), nor an RFC 3339 time with an offset: \"2023-02-28Z\"", 0},
        {BYTES("\xc3"), "date is wanted, but it is a boolean", 0},
        {BYTES("\xd4\x05x"), "extension type 5 of 1 bytes is no time", 0},
        /* the first day, and the last second before it */
        {BYTES("\xd3\xff\xff\xff\xce\xe7\x5b\xee\x00"), BYTES("\0\0\0\4\xff\xda\x97\xa7")},
        {BYTES("\xd3\xff\xff\xff\xce\xe7\x5b\xed\xff"),
         "a time before 4714 BC, where Postgres's begin", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_DATE};
    expect_values(&c, rows, COUNT(rows));
}

/* What int64_t holds beyond the times that can have a partition. */
Test(replay_field_time, out_of_reach)
{
    static const struct value_row rows[] = {
        {BYTES("\xcf\x7f\xac\xf7\x41\x9d\x98\x00\x00"),
         BYTES("\0\0\0\x08\x7f\xa9\x9a\x40\x62\x60\x20\x00")},
        {BYTES("\xcf\x7f\xac\xf7\x41\x9d\x98\x00\x01"),
         "a time after 293000 AD, which is out of reach", 0},
        {BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
         "a time after 293000 AD, which is out of reach", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_TIMESTAMPTZ, .unit_ns = 1000};
    expect_values(&c, rows, COUNT(rows));
}
