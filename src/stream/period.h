/* SPDX-License-Identifier: MIT */
/*
 * period: how a table is cut into partitions by time (UTC). Pure.
 *
 *     struct period_range r = period_range(PERIOD_MONTH, us);     // r.from_us <= us < r.to_us
 *     for (i = 0; i < ahead; i++)
 *         r = period_range(PERIOD_MONTH, r.to_us);                // the next one
 */
#ifndef SPOOLGATE_STREAM_PERIOD_H
#define SPOOLGATE_STREAM_PERIOD_H

#include <stdint.h>

enum period { PERIOD_NONE, PERIOD_HOUR, PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_YEAR };

struct period_range {
    int64_t from_us, to_us;
};

/* Weeks start on Monday. PERIOD_NONE is all of time. */
struct period_range period_range(enum period every, int64_t us);

const char *period_name(enum period every); /* "day" */

#endif
