/* SPDX-License-Identifier: MIT */
/*
 * maintain: what time brings along. Partitions are made ahead and let go as the streams say
 * (replay/upkeep.h); archived and failed batches, receipts, rejects and events go away as `keep:`
 * says.
 *
 *     struct maintain m = {.spool = &spool};
 *     struct maintain_result done;
 *     struct err e = maintain_run(&m, set, &pg, &done);
 *     maintain_close(&m);
 *
 * Posted by the scanner once an hour and run by a loader; also the last thing a drain does, and
 * `spoolgate maintain`. Takes no lock of the spool's: it touches only what is retired, and may run
 * beside a daemon and beside itself.
 *
 * Failing is no harm: the next pass finds the same things. What upkeep had to leave is no failure
 * of the pass, but logged (the same reason twice in a row once), and told in the result.
 */
#ifndef SPOOLGATE_DAEMON_MAINTAIN_H
#define SPOOLGATE_DAEMON_MAINTAIN_H

#include "base/err.h"
#include "base/time.h"
#include "daemon/oddities.h"
#include "io/pg.h"
#include "manifest/manifest.h"
#include "outbox/queue.h"
#include "replay/upkeep.h"
#include "spool/prune.h"
#include "spool/spool.h"

#define MAINTAIN_EVERY_US (INT64_C(3600) * TIME_US_PER_S)

/* A daemon's loader is away from its batches for so many partitions at the most: letting one go
 * waits for the transactions that have the table in use. */
#define MAINTAIN_PARTITIONS 4

struct maintain {
    const struct spool *spool;
    uint64_t limit; /* partitions let go in one run; 0: all */

    /* private */
    char told[sizeof((struct err *)0)->text]; /* upkeep's last failure in the log */
    struct oddities oddities;
};

struct maintain_result {
    struct upkeep_result partitions; /* .more: run it again, the rest wasn't done yet */
    struct prune_result files;
    uint64_t receipts, rejects;
    struct queue_pruned events;
};

/* By the streams of the set, and `keep:` of its configuration. */
struct err maintain_run(struct maintain *m, const struct manifest *set, struct pg *pg,
                        struct maintain_result *result);
void maintain_close(struct maintain *m);

/* BRIN summaries of all that lacks them. A partition that can't be had now (VACUUM may be at it) is
 * passed over, and the first such failure returned. Leaves the session with a lock_timeout. */
struct err maintain_summarize(const struct stream_set *streams, struct pg *pg, uint64_t *ranges);

#endif
