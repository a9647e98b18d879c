/* SPDX-License-Identifier: MIT */
/*
 * maintain: what `keep:` says goes away: archived and failed batches, receipts, rejects. Posted by
 * the scanner once an hour, run by a loader; also the last thing a drain does. Failing is no harm:
 * the next pass finds the same things.
 */
#ifndef SPOOLGATE_DAEMON_MAINTAIN_H
#define SPOOLGATE_DAEMON_MAINTAIN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/time.h"
#include "config/config.h"
#include "io/pg.h"
#include "spool/spool.h"

#define MAINTAIN_EVERY_US (INT64_C(3600) * TIME_US_PER_S)

struct maintain {
    const struct spool *spool;
    const struct keep_rules *keep;
};

bool maintain_is_wanted(const struct keep_rules *keep);
struct err maintain_run(const struct maintain *m, struct pg *pg);

#endif
