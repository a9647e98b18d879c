/* SPDX-License-Identifier: MIT */
/*
 * worker: makes the vectors of chunks that wait in pmoves_kb.chunks_next, and completes documents.
 *
 *     struct embed_worker *w;
 *     TRY(embed_start(&w, &config, current, NULL, NULL));
 *     embed_wake(w);                        // new manifests; any thread
 *     embed_status(w, &json);               // any thread
 *     embed_end(w, EMBED_SOON);             // asks, and doesn't wait; any thread
 *     embed_stop(w, EMBED_SOON, &result);   // asks, waits and frees
 *
 * For each embedder of the manifests in force there are `concurrency` threads, each with a database
 * connection of its own and at most one request under way:
 *
 *     claim (a short transaction: lease and claim id) → request (no transaction) → settle (one
 *     transaction: kb_lock, vectors by COPY into a temporary table and one UPDATE, failed ones with
 *     their reasons, kb_complete) → COMMIT
 *
 * Any number of processes do this at once. A claim that lapses (its worker was killed) comes due by
 * itself; what its worker sends later finds another claim id and changes nothing.
 *
 * What goes wrong, and what becomes of it:
 *
 *     429, 5xx, 408, no answer     the embedder is paused for all workers, for Retry-After or with
 *                                  back-off; the chunks are given back, no attempt is spent
 *     5xx or no answer twice in    the request is halved, down to the text that breaks it: an
 *     a row, and yet a harmless    attempt of six is spent
 *     text gets its vector
 *     401, 403, 404, quota,        it is stopped for all workers, until `spoolgate embed --resume`;
 *     vectors of another length    the chunks are given back; a 403 of some texts alone is as a 400
 *     it isn't of the database's   it claims nothing, until they agree; the error names
 *     model or dimensions          `spoolgate migrate --embedding`
 *     400, 413, 422                the request is halved, down to the text that is at fault, which
 *                                  fails with the provider's words; but where the embedder refuses
 *                                  a harmless text, too, it is stopped
 *     an answer without sense      the same; of a single text an attempt is spent, and the third
 *                                  ends it; where any text is answered so, it is paused
 *
 * The built-in embedder fails only on a text without a word.
 */
#ifndef SPOOLGATE_EMBED_WORKER_H
#define SPOOLGATE_EMBED_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "manifest/current.h"

struct embed_worker; /* see worker.c */

/* over: called on one of its threads when the last one ends after embed_end; NULL: nobody wants to
 * know. */
struct err embed_start(struct embed_worker **w, const struct config *config,
                       struct manifest_current *current, void (*over)(void *context),
                       void *context);
void embed_wake(struct embed_worker *w);

/* {"embedders": [{"name", "model", "threads", "in_flight", "error"}], "database_error"} */
void embed_status(struct embed_worker *w, struct buf *json);

enum embed_end {
    EMBED_FINISH, /* go on until nothing is due and nothing under way, or nobody can do it */
    EMBED_SOON,   /* claim nothing more; answers are waited for EMBED_GRACE_US at the most */
    EMBED_NOW,    /* break off; what is in hand comes due by its lease, or is given back */
};
#define EMBED_GRACE_US INT64_C(5000000)
void embed_end(struct embed_worker *w, enum embed_end how);
bool embed_is_over(struct embed_worker *w);

struct embed_result {
    uint64_t embedded, failed; /* chunks */
    uint64_t documents;        /* completed */
    struct err failure; /* of the database, where it can't be used: EMBED_FINISH ends by it */
};
/* So far. Here and above, a w of NULL is one that has nothing to do, and is over. */
void embed_count(struct embed_worker *w, struct embed_result *result);
/* Ends it, blocks until it is over, and frees it. result may be NULL; so may w, with no effect. */
void embed_stop(struct embed_worker *w, enum embed_end how, struct embed_result *result);

#endif
