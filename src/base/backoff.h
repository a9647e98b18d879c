/* SPDX-License-Identifier: MIT */
/*
 * backoff: how long to wait after the nth failure in a row: 200 ms, doubling to 30 s, each
 * shortened by up to a quarter at random, so that many waiters don't come back together. Pure.
 */
#ifndef SPOOLGATE_BASE_BACKOFF_H
#define SPOOLGATE_BASE_BACKOFF_H

#include <stdint.h>

/* failures: 1 after the first; random: any 32 bits. Microseconds. */
static inline int64_t backoff_us(unsigned failures, uint32_t random)
{
    unsigned doublings = failures > 1 ? failures - 1 : 0;
    int64_t wait = doublings < 8 ? INT64_C(200000) << doublings : INT64_C(30000000);
    if (wait > INT64_C(30000000))
        wait = INT64_C(30000000);
    return wait - (int64_t)((uint64_t)wait / 4 * random >> 32);
}

#endif
