/* SPDX-License-Identifier: MIT */
/*
 * partition: the days that a batch needs, and the leaves that hold them.
 *
 *     partition_need(&days, stream_index, row.time_us);        // for every row, cheap
 *     TRY(partition_ensure(&pg, &streams, &days));             // before the batch's transaction
 *
 * Leaves are made in short transactions of their own, under an advisory lock and with a
 * lock_timeout: ingest never queues behind a long reader of the parent.
 */
#ifndef SPOOLGATE_REPLAY_PARTITION_H
#define SPOOLGATE_REPLAY_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/pg.h"
#include "stream/stream.h"

struct partition_day {
    size_t stream; /* index in the set */
    int64_t day;   /* since 1970-01-01 */
};

struct partition_days {          /* zeroed is empty */
    struct partition_day *items; /* by stream and day */
    size_t count, cap;
    size_t last; /* private: rows come in runs of one day */
};

void partition_need(struct partition_days *days, size_t stream, int64_t time_us);
void partition_free(struct partition_days *days);

/* Adds to the count in *made, which may be NULL. */
struct err partition_ensure(struct pg *pg, const struct stream_set *streams,
                            const struct partition_days *days, size_t *made);

#endif
