/* SPDX-License-Identifier: MIT */
#include "stream/period.h"

#include "base/time.h"
#include "bytes.h"

Test(stream_period, ranges)
{
    static const struct {
        enum period every;
        const char *at, *from, *to;
    } rows[] = {
        {PERIOD_HOUR, "2026-11-21T13:59:59.999999Z", "2026-11-21T13:00:00Z",
         "2026-11-21T14:00:00Z"},
        {PERIOD_HOUR, "1969-12-31T23:59:59Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z"},
        {PERIOD_DAY, "2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"},
        {PERIOD_DAY, "1969-12-31T00:00:01Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
        {PERIOD_WEEK, "2026-11-21T13:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
        {PERIOD_WEEK, "2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
        {PERIOD_WEEK, "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"},
        {PERIOD_MONTH, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {PERIOD_MONTH, "2024-02-29T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
        {PERIOD_YEAR, "2024-02-29T00:00:00Z", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t at = 0;
        char from[TIME_TEXT];
        char to[TIME_TEXT];
        cr_assert(time_parse(rows[i].at, strlen(rows[i].at), &at));
        struct period_range r = period_range(rows[i].every, at);
        time_format(r.from_us, from);
        time_format(r.to_us, to);
        cr_expect(strcmp(from, rows[i].from) == 0 && strcmp(to, rows[i].to) == 0,
                  "%s of %s: want %s to %s, got %s to %s", period_name(rows[i].every), rows[i].at,
                  rows[i].from, rows[i].to, from, to);
        cr_expect_eq(period_range(rows[i].every, r.to_us).from_us, r.to_us, "no gap after %s", to);
        cr_expect_eq(period_range(rows[i].every, r.to_us - 1).from_us, r.from_us);
    }
    struct period_range all = period_range(PERIOD_NONE, 5);
    cr_expect(all.from_us == INT64_MIN && all.to_us == INT64_MAX);
}
