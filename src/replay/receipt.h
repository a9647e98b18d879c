/* SPDX-License-Identifier: MIT */
/*
 * receipt: the batch's row in ingestion_manifest; one function for each thing we say to it. The SQL
 * is in db/queries/receipt_*.sql.
 *
 * The statement that inserts it writes gate.open into the outbox, the one that ends it gate.done,
 * each with a delivery for every sink that wants it (terms): there is no receipt without its event,
 * and no event without its receipt.
 */
#ifndef SPOOLGATE_REPLAY_RECEIPT_H
#define SPOOLGATE_REPLAY_RECEIPT_H

#include <stdbool.h>

#include "base/err.h"
#include "io/pg.h"
#include "replay/batch.h"
#include "replay/outcome.h"

/* Puts the declared files on record: before the first receipt that names them. */
struct err receipt_record_manifests(struct pg *pg, const struct load_terms *terms);

enum receipt_state { RECEIPT_NONE, RECEIPT_UNFINISHED, RECEIPT_SETTLED };

/* Inserts the claim's receipt with its first attempt, and gate.open, in one COMMIT; where it is
 * there already, begins another attempt. */
struct err receipt_open(struct pg *pg, const struct batch *b, const char *spool_id, int *attempt);

/* What is known of a batch found on disk. Another spool's batch is ERR_CONFIG. */
struct err receipt_find(struct pg *pg, const char *batch, const char *spool_id,
                        enum receipt_state *state);

/* What a settled batch came to, as far as its receipt says. */
struct err receipt_recall(struct pg *pg, const struct uuid *id, struct load_outcome *out);

/* default-20261121T015701Z-3f9c: what people say to each other. */
void receipt_tag(const struct claim *c, char tag[OUTCOME_TAG]);

/* Begins another attempt; ERR_BUSY when the batch is settled already. */
struct err receipt_start(struct pg *pg, const char *batch, int *attempt);

/* Begins the batch's transaction: locks the row and checks that the attempt is the latest.
 * ERR_BUSY: somebody else took over. synchronous_commit is ours to insist on, where it is less than
 * `on`: a receipt that says done must survive a power cut, because the segments are moved away
 * after it. */
struct err receipt_begin(struct pg *pg, const char *batch, int attempt);

struct receipt_end {
    bool failed;        /* the whole batch: status failed instead of done */
    const char *tables; /* JSON: rows by table */
    const char *error;  /* or NULL */
};
/* Ends it, and writes gate.done, in the transaction that receipt_begin began. ERR_CONFIG: a newer
 * program has migrated the database meanwhile; don't COMMIT. */
struct err receipt_finish(struct pg *pg, const struct batch *b, const struct receipt_end *end);

/* Fails the receipt of a batch whose segments are gone, and writes gate.done: `error` says why.
 * ERR_BUSY: it was settled meanwhile. */
struct err receipt_abandon(struct pg *pg, const struct batch *b, const char *spool_id,
                           const char *error);

/* Best effort: tells people who read the table why an unfinished batch of this spool is held. */
void receipt_stall(struct pg *pg, const char *batch, const char *spool_id, const char *reason);

#endif
