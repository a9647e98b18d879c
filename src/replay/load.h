/* SPDX-License-Identifier: MIT */
/*
 * load: a claim becomes rows, once.
 *
 *     struct loader l = {.spool = ..., .streams = ..., .limits = ..., .target = ..., .stop = ...};
 *     pg_init(&l.pg);
 *     TRY(pg_open(&l.pg, &l.target));
 *     TRY(load_claim(&l, &claim));          // fresh from claim_make
 *     TRY(load_resume(&l, &id));            // found in processing/: whatever is still owed
 *
 * receipt → inspect → partitions → one transaction (receipt locked, ledger, rows, rejects, receipt)
 * → COMMIT → retire. Bad segments and frames are no failure: they are recorded and the call
 * succeeds. A failure is the environment's (err_is_environment): everything stays in processing/,
 * and load_resume takes it from there, any number of times.
 *
 * One loader is one thread with one connection.
 */
#ifndef SPOOLGATE_REPLAY_LOAD_H
#define SPOOLGATE_REPLAY_LOAD_H

#include <stdatomic.h>

#include "base/err.h"
#include "frame/limits.h"
#include "io/pg.h"
#include "replay/rules.h"
#include "spool/claim.h"
#include "stream/stream.h"

struct loader {
    const struct spool *spool;
    const struct stream_set *streams;
    const struct frame_limits *limits;
    const struct load_rules *(*rules_of)(const void *context, const char *gate);
    const void *rules_context;
    struct pg_target target;
    const atomic_bool *stop; /* set: give the batch in hand up, for a later load_resume */
    struct pg pg;
};

/* What became of a batch, for status and for drain's exit code. */
struct load_outcome {
    bool settled; /* this call saw the batch to its end (not: returned to incoming/) */
    bool failed;  /* receipt status */
    uint64_t rows, rejected, skipped, segments, segments_failed, bytes;
};

struct err load_claim(struct loader *l, struct claim *c, struct load_outcome *out);
struct err load_resume(struct loader *l, const struct uuid *id, struct load_outcome *out);

/* An operator's word that the batch shall not be tried any more: its receipt becomes failed, for
 * the reason `why`, and its segments go to failed/, from where they can be retried. */
struct err load_park(struct loader *l, const struct uuid *id, const char *why,
                     struct load_outcome *out);

#endif
