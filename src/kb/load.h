/* SPDX-License-Identifier: MIT */
/*
 * load: assets, documents, sections and chunks of a batch become rows, in the batch's transaction.
 * docs/KNOWLEDGE.md has the frames and what they mean.
 *
 *     struct kb_context kb;
 *     kb_context_open(&kb, &config);
 *     TRY(kb_context_refresh(&kb, &pg));              // with every new connection
 *     preparer.handler = kb_handler(&kb);
 *     kb_context_close(&kb);
 *
 * Walk of the data: a frame is decoded (kb/frame.h) and a document's text split (kb/split.h) while
 * the batch is inspected; what it says of assets and documents is kept as records, its sections and
 * chunks as rows of COPY BINARY whose ids are still open (kb/held.h). In the transaction the
 * records of the segments that are loaded are put together by what they refer to (kb/plan.h), sent
 * to temporary tables and resolved by a few statements over all of them: which asset, which
 * document, is it new, changed or the same. Then the rows get their ids on their way into the COPY.
 * A document whose chunks all have vectors, and that is new, goes straight into pmoves_kb.chunks;
 * every other goes through chunks_next (kb/complete.h).
 *
 * One batch with knowledge frames commits at a time in a database: an advisory lock that lasts to
 * the end of the transaction. So what the statements found is true until the COMMIT.
 */
#ifndef SPOOLGATE_KB_LOAD_H
#define SPOOLGATE_KB_LOAD_H

#include <pthread.h>

#include "base/err.h"
#include "config/config.h"
#include "io/pg.h"
#include "kb/shape.h"
#include "replay/handler.h"

struct kb_context {
    const struct config *config; /* of batches whose terms name none */

    /* private */
    pthread_mutex_t lock;
    struct kb_shape shape; /* dimensions 0: not known yet */
    size_t budget;         /* rows of a batch that may be held: PREPARE_BUDGET */
    struct handler handler;
};

void kb_context_open(struct kb_context *kb, const struct config *config);
void kb_context_close(struct kb_context *kb);
struct err kb_context_refresh(struct kb_context *kb, struct pg *pg);

/* Lives as long as the context. */
const struct handler *kb_handler(struct kb_context *kb);

#endif
