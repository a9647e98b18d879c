/* SPDX-License-Identifier: MIT */
/*
 * transaction: a batch's transaction, from BEGIN to COMMIT: receipt locked, ledger, rows, rejects,
 * receipt. And the same rows for a trial, which is rolled back.
 *
 *     struct err e = transaction_load(&loader, &prepared, attempt);    // inspected before
 *     struct err e = transaction_try(&loader, &prepared, refused, context);
 *
 * After a failure the connection is closed: the server rolls back by itself. ERR_ROW: the server
 * refused a row; batch.is_careful makes the next call find out which, of a COMMIT that a deferred
 * constraint refused with batch.checks_now, which is set then. ERR_SEGMENT: a segment isn't
 * what was inspected, and is marked; the next call goes without it.
 */
#ifndef SPOOLGATE_REPLAY_TRANSACTION_H
#define SPOOLGATE_REPLAY_TRANSACTION_H

#include "base/err.h"
#include "replay/careful.h"
#include "replay/load.h"

struct err transaction_load(struct loader *l, struct prepared *p, int attempt);

/* Nothing of it stays: partitions that lack are made and the rows go in, carefully, in a
 * transaction that is rolled back. `refused` is told of each row that the server refuses.
 * batch_totals() then says what the batch would come to; ledger and receipts are not asked. */
struct err transaction_try(struct loader *l, struct prepared *p, careful_refused_fn *refused,
                           void *context);

#endif
