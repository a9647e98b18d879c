/* SPDX-License-Identifier: MIT */
/*
 * checks: the parts of doctor_run, private to src/doctor. Each adds to d->findings and d->checked;
 * an error means that something could not be read, and the check is not complete.
 *
 *     spool_checks      what the folders alone can tell
 *     database_checks   processing/ and failed/ against receipts
 *     archive_checks    archive/ against receipts and ledger
 *     receipt_checks    receipts against folders, ledger and rows; after archive_checks
 *     event_checks      receipts against the outbox; dead letters
 *     knowledge_checks  documents against their chunks; embedders
 *
 * knowledge_fix completes the documents that are settled.
 */
#ifndef SPOOLGATE_DOCTOR_CHECKS_H
#define SPOOLGATE_DOCTOR_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "base/uuid.h"
#include "doctor/doctor.h"
#include "io/pg.h"

#define DOCTOR_YOUNG_US (60 * TIME_US_PER_S) /* beside a daemon: work in progress */
#define DOCTOR_OLD_US   TIME_US_PER_DAY      /* of files that somebody should have finished */

struct err spool_checks(struct doctor *d);
struct err database_checks(struct doctor *d, struct pg *pg);
struct err archive_checks(struct doctor *d, struct pg *pg);
struct err receipt_checks(struct doctor *d, struct pg *pg);
struct err event_checks(struct doctor *d, struct pg *pg);
struct err knowledge_checks(struct doctor *d, struct pg *pg);
struct err knowledge_fix(struct doctor *d, struct pg *pg);

/* What a batch's folder holds, besides our notes. */
struct batch_contents {
    bool exists;
    uint64_t segments;
    uint64_t others; /* what is neither a segment nor a note */
    bool has_rejects;
};
struct err claim_contents(const struct spool *s, const char *batch,
                          struct batch_contents *contents);
struct err failed_contents(const struct spool *s, const char *name,
                           struct batch_contents *contents);

/* What the database knows of batches that were found on disk. */
struct batch_known {
    const char *batch, *status, *spool_id, *error; /* the result's; status "" without a receipt */
    bool has_receipt, is_ours, is_settled;
    bool is_young;     /* opened, or finished, less than a minute ago */
    bool is_in_ledger; /* asked only where there is no receipt */
    uint64_t file_count;
};

/* Asks about up to BATCHES_ASKED ids at once, and hands each answer to judge, in their order. */
#define BATCHES_ASKED 500
struct err batches_ask(const struct doctor *d, struct pg *pg, const struct uuid *ids, size_t count,
                       struct err (*judge)(void *context, const struct batch_known *known),
                       void *context);

/* "{ID,ID,...}", as uuid[] wants it. */
void batches_array(struct buf *out, const struct uuid *ids, size_t count);

/* The same for any number of folders: asks whenever there are enough of them, and at the end by
 * portion_ask. */
struct portion {
    const struct doctor *doctor;
    struct pg *pg;
    struct err (*judge)(void *context, const struct batch_known *known);
    void *context;
    struct uuid ids[BATCHES_ASKED];
    size_t count;
};
struct err portion_add(struct portion *p, const struct uuid *id);
struct err portion_ask(struct portion *p);

#endif
