/* SPDX-License-Identifier: MIT */
#include "embed/limits.h"

#include "bytes.h"

#define SECOND 1000000

Test(embed_limits, waits)
{
    static const struct {
        uint64_t requests, tokens; /* a minute */
        uint64_t spends[3];        /* each at once, without waiting; 0: none */
        int64_t want_us;
    } rows[] = {
        {0, 0, {1000000, 1000000, 0}, 0},
        {60, 0, {0, 0, 0}, 0},
        {60, 0, {5, 0, 0}, SECOND},
        {60, 0, {5, 5, 5}, 3 * SECOND},
        {7, 0, {1, 0, 0}, 8571429},
        {0, 6000, {100, 0, 0}, SECOND},
        {0, 6000, {100, 50, 0}, 3 * SECOND / 2},
        {60, 6000, {500, 0, 0}, 5 * SECOND},
        {60, 600000, {1, 1, 0}, 2 * SECOND},
        {0, 1, {UINT64_MAX, UINT64_MAX, 0}, INT64_MAX - 1000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int64_t now = 1000;
        struct embed_limits l = {rows[i].requests, rows[i].tokens, 0, 0};
        for (size_t k = 0; k < COUNT(rows[i].spends) && rows[i].spends[k] > 0; k++)
            embed_limits_spend(&l, now, rows[i].spends[k]);
        int64_t got = embed_limits_wait(&l, now);
        cr_expect_eq(got, rows[i].want_us, "row %zu: want %jd, got %jd", i,
                     (intmax_t)rows[i].want_us, (intmax_t)got);
    }
}

/* In no minute more than the limit, however long nobody asked before. */
Test(embed_limits, a_minute)
{
    struct embed_limits l = {.requests_per_minute = 7};
    int64_t now = 3600 * (int64_t)SECOND;
    int64_t end = now + 60 * SECOND;
    unsigned asked = 0;
    while (now < end) {
        embed_limits_spend(&l, now, 1);
        asked++;
        now += embed_limits_wait(&l, now);
    }
    cr_expect_eq(asked, 7, "want 7, got %u", asked);
}

/* Other limits begin anew; the same ones, as each thread sets them at a reload, change nothing. */
Test(embed_limits, other_limits)
{
    struct embed_limits l = {0};
    embed_limits_set(&l, 0, 10);
    embed_limits_spend(&l, 0, 100);
    cr_expect_eq(embed_limits_wait(&l, 0), 10 * 60000000LL);
    embed_limits_set(&l, 0, 10);
    cr_expect_eq(embed_limits_wait(&l, 0), 10 * 60000000LL);
    embed_limits_set(&l, 0, 100000);
    cr_expect_eq(embed_limits_wait(&l, 0), 0);
}
