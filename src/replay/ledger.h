/* SPDX-License-Identifier: MIT */
/*
 * ledger: each segment's key is taken once, in the transaction that loads its rows. A key that was
 * taken before makes the segment a duplicate, whichever daemon, batch or twin had it first.
 */
#ifndef SPOOLGATE_REPLAY_LEDGER_H
#define SPOOLGATE_REPLAY_LEDGER_H

#include "base/err.h"
#include "io/pg.h"
#include "replay/batch.h"

/* Inside the batch's transaction, before the rows. Marks duplicates in b. Segments that failed, and
 * those of which no frame can be loaded, get no row: they may be dropped in again. */
struct err ledger_claim(struct pg *pg, struct batch *b);

/* After the rows: takes back the keys of segments of which the server refused every row. */
struct err ledger_release(struct pg *pg, const struct batch *b);

#endif
