/* SPDX-License-Identifier: MIT */
#include "base/backoff.h"

#include "bytes.h"

Test(base_backoff, table)
{
    static const struct {
        unsigned failures;
        int64_t longest;
    } rows[] = {
        {0, 200000},    {1, 200000},
        {2, 400000},    {3, 800000},
        {4, 1600000},   {5, 3200000},
        {6, 6400000},   {7, 12800000},
        {8, 25600000},  {9, 30000000},
        {10, 30000000}, {64, 30000000},
        {65, 30000000}, {UINT32_MAX, 30000000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t longest = rows[i].longest;
        int64_t got = backoff_us(rows[i].failures, 0);
        cr_expect_eq(got, longest, "%u failures: want %lld, got %lld", rows[i].failures,
                     (long long)longest, (long long)got);
        got = backoff_us(rows[i].failures, UINT32_C(1) << 31);
        cr_expect_eq(got, longest - longest / 8, "%u failures, half: want %lld, got %lld",
                     rows[i].failures, (long long)(longest - longest / 8), (long long)got);
        got = backoff_us(rows[i].failures, UINT32_MAX);
        cr_expect(got >= longest - longest / 4 && got <= longest - longest / 4 + 1,
                  "%u failures, shortest: want %lld, got %lld", rows[i].failures,
                  (long long)(longest - longest / 4), (long long)got);
    }
}
