/* SPDX-License-Identifier: MIT */
/*
 * handler: what takes the frames of a batch that are more than one row of one table: the knowledge
 * base's (kb/load.h). Replay knows it by these functions alone.
 *
 *     struct handler_batch *state = handler->begin(handler->context, &terms);
 *     if (handler->takes(&frame) && !handler->inspect(state, segment, &frame, &refused, &reject,
 * &e)) return e;
 *     ... refused: the frame is a reject ...
 *     TRY(handler->load(state, &in));    // inside the batch's transaction, after the streams' rows
 *     handler->end(state);
 *
 * Streams come first: a handler is asked about kinds that no stream takes. begin, inspect and end
 * touch no database; what a preparing thread inspects, a loading thread loads.
 *
 * As with streams' rows, a handler holds what it made of the frames as long as that fits a budget,
 * and reads the segments again where it doesn't (in->walk). Counting is replay's: a frame counts as
 * loaded unless inspect refused it, or load says otherwise: in->reject, in->skipped.
 */
#ifndef SPOOLGATE_REPLAY_HANDLER_H
#define SPOOLGATE_REPLAY_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "frame/reader.h"
#include "io/pg.h"
#include "replay/batch.h"
#include "replay/field.h"

struct handler_batch; /* what it knows of one batch; its own */

#define HANDLER_TABLES 4

/* Rows that went into a table, for the receipt. */
struct handler_table {
    const char *name; /* "pmoves_kb.chunks"; NULL ends the list */
    uint64_t rows;
};

struct handler_load {
    struct pg *pg;
    const struct batch *batch; /* frames of segments whose fate isn't SEGMENT_LOADED don't count */
    bool is_careful; /* a plain try met a row that the server refuses: find it, and go on without */
    bool must_walk;  /* what inspect refused wasn't kept: one walk has to be `again` */

    /* Reads the segments that are loaded once more; `frame` is called for every frame that the
     * handler takes, in the order of the batch. Where inspect refused it, it sets *refused and
     * *reject once more; with `again` that makes it a reject of the batch, where it wasn't kept. An
     * error breaks off. Checking the stop flag is replay's. */
    struct err (*walk)(struct handler_load *in, bool again,
                       struct err (*frame)(void *context, size_t segment, const struct frame *frame,
                                           bool *refused, struct reject *reject),
                       void *context);
    /* The frame, which inspect took, can't be loaded after all: a reject, with its original bytes.
     * ERR_ROW: those are more than the gate's max_rejects. */
    struct err (*reject)(struct handler_load *in, size_t segment, const struct frame *frame,
                         const struct reject *reject);

    /* for the handler to fill */
    uint64_t skipped; /* frames that changed nothing: their effect was there already */
    struct handler_table tables[HANDLER_TABLES + 1];

    void *replay; /* private to the caller */
};

struct handler {
    bool (*takes)(const struct frame *frame);
    struct handler_batch *(*begin)(void *context, const struct load_terms *terms);
    /* False: it can't be judged just now; *failure says why, and the batch is held. */
    bool (*inspect)(struct handler_batch *state, size_t segment, const struct frame *frame,
                    bool *refused, struct reject *reject, struct err *failure);
    /* What it holds, in bytes; *is_over: it was more than it may. */
    size_t (*held)(const struct handler_batch *state, bool *is_over);
    /* Called again, after a failure, with the same state. */
    struct err (*load)(struct handler_batch *state, struct handler_load *in);
    void (*end)(struct handler_batch *state);
    void *context;
};

#endif
