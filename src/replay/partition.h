/* SPDX-License-Identifier: MIT */
/*
 * partition: the partitions ("leaves") that a batch needs.
 *
 *     partition_need(&list, row.stream, row.period_us);        // for every row, cheap
 *     TRY(partition_ensure(&pg, &streams, &list, NULL));       // before the batch's transaction
 *
 * Leaves are made in short transactions of their own, under an advisory lock and with a
 * lock_timeout: ingest never queues behind a long reader of the parent. None is made, or attached
 * again, for a period that is past the stream's `keep`.
 */
#ifndef SPOOLGATE_REPLAY_PARTITION_H
#define SPOOLGATE_REPLAY_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/pg.h"
#include "stream/stream.h"

struct partition {
    size_t stream;   /* index in the set */
    int64_t from_us; /* start of its period */
};

struct partition_list {      /* zeroed is empty */
    struct partition *items; /* by stream and time; also of streams that have no partitions */
    size_t count, cap;
    size_t last; /* private: rows come in runs of one period */
};

void partition_need(struct partition_list *list, size_t stream, int64_t from_us);
void partition_free(struct partition_list *list);

/* Adds to the count in *made, which may be NULL. */
struct err partition_ensure(struct pg *pg, const struct stream_set *streams,
                            const struct partition_list *list, size_t *made);

/* The partitions that lack, as parts of the transaction under way: for a trial, which rolls it
 * back. */
struct err partition_make_here(struct pg *pg, const struct stream_set *streams,
                               const struct partition_list *list);
/* The names of those that lack, quoted; `visit` may not be NULL. */
struct err partition_missing(struct pg *pg, const struct stream_set *streams,
                             const struct partition_list *list,
                             void (*visit)(void *context, const char *leaf), void *context);

#endif
