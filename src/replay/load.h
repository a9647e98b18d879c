/* SPDX-License-Identifier: MIT */
/*
 * load: a claim becomes rows, once.
 *
 *     struct loader l = {.spool = ..., .preparer = {...}, .target = ...};
 *     pg_init(&l.pg);
 *     TRY(pg_open(&l.pg, &l.target));
 *     TRY(load_claim(&l, &prepared, &outcome));       // its claim is fresh from claim_make
 *     TRY(load_retire(&spool, &prepared.claim, &outcome.times));  // after it; on any thread
 *     TRY(load_resume(&l, &id, &outcome));            // found in processing/: whatever is owed
 *
 * receipt → inspect (unless prepared before) → partitions → one transaction (receipt locked,
 * ledger, rows, rejects, receipt) → COMMIT → retire. Rows that prepare.h holds are sent from
 * memory; those of a batch over its budget are read and encoded again on their way. Bad segments
 * and frames are no failure: they are recorded and the call succeeds. A failure is the
 * environment's (err_is_environment): everything stays in processing/, and load_resume takes it
 * from there, any number of times.
 *
 * One loader is one thread with one connection.
 */
#ifndef SPOOLGATE_REPLAY_LOAD_H
#define SPOOLGATE_REPLAY_LOAD_H

#include "base/err.h"
#include "io/pg.h"
#include "replay/outcome.h"
#include "replay/prepare.h"
#include "spool/claim.h"

struct loader {
    const struct spool *spool;
    struct preparer
        preparer; /* its stop flag: give the batch in hand up, for a later load_resume */
    struct pg_target target;
    struct pg pg;

    /* May be NULL. Asked inside the batch's transaction, for each stream that has rows in it, with
     * the stream's table locked: are its columns (db/queries/table_print.sql) still those that take
     * the stream's rows? COPY itself would take an integer for a float. */
    struct err (*check_table)(void *context, const struct load_terms *terms, size_t stream,
                              const char *print);
    void *check_context;

    /* private: the manifests on record, and the connection that did it */
    char recorded[HASH_HEX];
    unsigned recorded_on;
};

/* Up to the COMMIT. */
struct err load_claim(struct loader *l, struct prepared *p, struct load_outcome *out);
/* The renames that are owed then. */
struct err load_retire(const struct spool *spool, const struct claim *c, struct batch_times *times);
/* All that is still owed, retiring included. */
struct err load_resume(struct loader *l, const struct uuid *id, struct load_outcome *out);

/* Why the batch is held, on its receipt, where it has one that isn't settled: best effort.
 * load_claim and load_resume do it; for a caller that has a reason of his own not to try. */
void load_note_stall(struct loader *l, const char *batch, const struct err *why);

/* An operator's word that the batch shall not be tried any more: its receipt becomes failed, for
 * the reason `why`, and its segments go to failed/, from where they can be retried. Where its
 * folder is gone, which takes no lock on the spool, the receipt is all that is left to be closed:
 * it counts as many failed segments as there were. */
struct err load_park(struct loader *l, const struct uuid *id, const char *why,
                     struct load_outcome *out);

#endif
