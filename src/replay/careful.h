/* SPDX-License-Identifier: MIT */
/*
 * careful: rows go in by blocks under savepoints, so that a row which the server refuses (a
 * constraint, a trigger) costs itself and not its batch. The second try of a batch whose plain COPY
 * was refused.
 *
 *     struct careful c;
 *     careful_open(&c, &pg, &copier, &stages, refused, context);
 *     TRY(careful_add(&c, table, &row_bytes, segment, &frame, time_us));
 *     TRY(careful_finish(&c));
 *     careful_close(&c);
 *
 * A block that fails is cut where the server's CONTEXT names a line, else in halves, down to the
 * one row, which is handed to `refused` with the server's reason. A row that wants another one
 * (a foreign key) is tried again when all others are in: that one may come later in the batch.
 *
 * Deferred constraints stay deferred, unless a try before met one at its COMMIT, where no row can
 * be told from the others: then careful_check_now.
 *
 * The blocks of a stream with a key go through its stage one by one, in the order of their frames,
 * each behind all rows without a key that were read before it.
 * So a value that is refused leaves the one before it in place; and a row that a later block
 * replaces counts as loaded, for it was.
 */
#ifndef SPOOLGATE_REPLAY_CAREFUL_H
#define SPOOLGATE_REPLAY_CAREFUL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "frame/reader.h"
#include "replay/copier.h"
#include "replay/copybin.h"
#include "replay/stage.h"

/* The frame that the row came from, and what the server said. */
typedef struct err careful_refused_fn(void *context, size_t segment, const struct frame *frame,
                                      const struct reject *reject);

struct careful_block;

/* What may wait for others: a whole range that holds a row which lacks one, such a row, or nothing.
 */
enum careful_patience { CAREFUL_WAIT_RANGES, CAREFUL_WAIT_ROWS, CAREFUL_WAIT_NO_MORE };

struct careful {
    uint64_t skipped;             /* rows that their table had no use for */
    int64_t ts_min_us, ts_max_us; /* of the rows that went in; INT64_MAX, INT64_MIN for none */
    const atomic_bool *stop;      /* may be NULL; set: ERR_STOPPED at the next try */

    /* private */
    struct pg *pg;
    struct copier *copier; /* its commands and counts */
    struct stages *stages;
    size_t tables;                /* one a stream */
    struct careful_block *blocks; /* by table */
    struct careful_block *later;  /* by table: rows that wait for all others */
    size_t later_bytes, later_rows;
    enum careful_patience patience;
    careful_refused_fn *refused;
    void *context;
};

void careful_open(struct careful *c, struct pg *pg, struct copier *copier, struct stages *stages,
                  careful_refused_fn *refused, void *context);
void careful_close(struct careful *c);

/* The deferred constraints that wait, and all from here on. */
struct err careful_check_now(struct careful *c);
/* Takes over the bytes in `row`, which is empty afterwards. */
struct err careful_add(struct careful *c, size_t table, struct buf *row, size_t segment,
                       const struct frame *frame, int64_t time_us);
struct err careful_finish(struct careful *c);

/* A row that the server refused, as a reject. */
void careful_explain(const struct err *why, struct reject *reject);

#endif
