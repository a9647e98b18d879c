/* SPDX-License-Identifier: MIT */
/*
 * stage: the way into a table for rows with a key (streams whose mode is ignore or upsert). COPY
 * knows no ON CONFLICT, so their rows go into a temporary table of the batch's transaction, and
 * from there into the stream's own by one INSERT.
 *
 *     struct stages st;
 *     stages_open(&st, &pg, &streams);
 *     TRY(stages_make(&st, &batch.partitions, false));    // inside the transaction
 *     ... COPY, by ddl_copy() ...
 *     TRY(stages_merge(&st, copier.counts, &skipped));    // after the last COPY
 *     stages_close(&st);
 *
 * Careful mode goes by blocks instead: stages_make(..., true), then for each block of a stream's
 * rows COPY, stage_merge and stage_empty.
 *
 * A row that is refused on its way from the stage is ERR_ROW, as it is in a COPY; the server names
 * no line then. Streams that append have no stage, and nothing here minds them.
 */
#ifndef SPOOLGATE_REPLAY_STAGE_H
#define SPOOLGATE_REPLAY_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/pg.h"
#include "replay/partition.h"
#include "stream/stream.h"

struct stages {
    /* private */
    struct pg *pg;
    const struct stream_set *streams;
    size_t *made; /* streams that have a stage, in the order of their tables' names */
    size_t count;
};

void stages_open(struct stages *st, struct pg *pg, const struct stream_set *streams);
void stages_close(struct stages *st);

/* The stages of the streams that have rows in the batch, as the list says. `alone`: rows won't come
 * in the order of their keys, so no other loader may write into these tables until the end of the
 * transaction; this waits for those that do. */
struct err stages_make(struct stages *st, const struct partition_list *rows, bool alone);

/* Everything that is staged goes where it belongs. counts[stream] is the number of staged rows
 * before and of those that were inserted or updated after; the others are added to *skipped. */
struct err stages_merge(struct stages *st, uint64_t *counts, uint64_t *skipped);

/* The same for one stream and for rows that are staged now: `*changed` were inserted or updated. */
struct err stage_merge(struct stages *st, size_t stream, uint64_t *changed);
struct err stage_empty(struct stages *st, size_t stream);

#endif
