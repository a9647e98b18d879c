/* SPDX-License-Identifier: MIT */
#include "replay/rules.h"

#include "bytes.h"

Test(replay_rules, too_many_rejects)
{
    static const struct {
        struct reject_limit limit;
        uint64_t rejected, frames;
        bool want;
    } rows[] = {
        /* a number */
        {{0, false}, 0, 10, false},
        {{0, false}, 1, 10, true},
        {{5, false}, 5, 10, false},
        {{5, false}, 6, 10, true},
        {{INT64_MAX, false}, UINT64_C(1) << 40, UINT64_C(1) << 40, false},
        /* a share: 1% */
        {{10000, true}, 0, 0, false},
        {{10000, true}, 100, 100, false}, /* a handful never fails a batch by its share */
        {{10000, true}, 101, 101, true},
        {{10000, true}, 101, 10100, false},
        {{10000, true}, 102, 10100, true},
        {{10000, true}, 1000000, 100000000, false},
        {{10000, true}, 1000001, 100000000, true},
        /* 0% and 100% */
        {{0, true}, 0, 1000000, false},
        {{0, true}, 1, 1000000, true},
        {{1000000, true}, 1000000, 1000000, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool got = rules_too_many(&rows[i].limit, rows[i].rejected, rows[i].frames);
        cr_expect_eq(got, rows[i].want, "row %zu: want %d, got %d", i, rows[i].want, got);
    }
}
