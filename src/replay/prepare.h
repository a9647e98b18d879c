/* SPDX-License-Identifier: MIT */
/*
 * prepare: all of a batch's work that needs no database: its segments read from end to end, hashed,
 * judged and counted, and their rows encoded and held for the COPY.
 *
 *     struct preparer preparer = {.terms = ...};       // one a thread
 *     struct prepared batch;
 *     prepared_open(&batch, &preparer);
 *     TRY(claim_make(&spool, ..., &batch.claim));
 *     TRY(prepare_batch(&preparer, &batch));
 *     TRY(load_claim(&loader, &batch, &outcome));     // inspects it, where that wasn't done before
 *     prepared_clear(&batch);                         // ready for the next claim, memory kept
 *     prepared_close(&batch);
 *     preparer_close(&preparer);
 *
 * A prepared batch may be handed from one thread to another; it keeps pointers into itself and must
 * not be copied.
 */
#ifndef SPOOLGATE_REPLAY_PREPARE_H
#define SPOOLGATE_REPLAY_PREPARE_H

#include <stdatomic.h>

#include "base/err.h"
#include "replay/batch.h"
#include "replay/copybin.h"
#include "replay/handler.h"
#include "replay/held.h"
#include "replay/terms.h"
#include "spool/claim.h"

/* Rows of one batch that may be held. A loader has two batches in hand, the one on its way into the
 * database and the next: with windows and libpq that stays below 64 MiB. */
#define PREPARE_BUDGET ((size_t)24 << 20)

struct preparer {
    struct load_terms_source terms;
    const struct handler *handler; /* may be NULL */
    const atomic_bool *stop;       /* may be NULL; set: ERR_STOPPED */

    struct segment_tools tools; /* private */
};

struct prepared {
    struct claim claim;       /* the caller's to fill; prepared_clear() frees it */
    struct batch_times times; /* as far as it is: the caller adds what it knows of */

    /* of prepare_start() and prepare_batch() */
    bool is_started, is_inspected;
    struct batch_watch queue; /* since it is inspected */
    struct load_terms terms;
    struct load_terms_source terms_source;
    const struct handler *handler;
    struct batch batch;
    struct copybin encoder;
    struct held held;
};

void prepared_open(struct prepared *p, const struct preparer *preparer);
void prepared_clear(struct prepared *p);
void prepared_close(struct prepared *p);

/* The batch of the claim, with nothing known of its segments. Does nothing the second time. */
void prepare_start(struct prepared *p);
/* Inspects the claim's segments. Failures are the environment's; may be called again after one. */
struct err prepare_batch(struct preparer *preparer, struct prepared *p);

/* Memory that a byte on disk of the batch's segments came to, or would have: what the size of the
 * next batches is judged by. What the batch doesn't tell stays as it was. */
struct load_weight {
    double raw, zstd; /* 0: not known yet */
};
void prepared_weigh(const struct prepared *p, struct load_weight *weight);

void preparer_close(struct preparer *preparer);

#endif
