/* SPDX-License-Identifier: MIT */
/*
 * upkeep: partitions ahead of time, and away after it, as the streams' `ahead` and `keep` say.
 *
 *     struct upkeep u = {.pg = &pg, .streams = ..., .now_us = time_now()};
 *     struct upkeep_result r = {0};
 *     TRY(upkeep_run(&u, &r));
 *     if (err_is(&r.first))
 *         ... r.left partitions stay for the next pass, and this is why ...
 *
 * ahead: the current period's partition and the N following. keep: partitions that end at or before
 * stream_keep_from() are detached, then dropped, unless keep_detached. Streams whose tables are
 * somebody else's are never touched, nor is anything that isn't ours by leaves.h.
 *
 * Ingest doesn't wait for it: locks on the parent are light (DETACH ... CONCURRENTLY), and every
 * wait is short. Where there is a default partition, the parent is locked against all, for as long
 * as the catalogue takes and after a wait of 100 ms at the most. What can't be had, because
 * somebody reads the partition for instance, is tried again by the next pass, which also ends what
 * this one left half done. Passes of several processes go table by table, and don't wait for each
 * other.
 *
 * The clock decides what is dropped: where the server's is behind ours, it counts.
 *
 * The connection must not be in a transaction. Returns a failure only where it is lost; others are
 * counted in the result, and the other streams go on.
 */
#ifndef SPOOLGATE_REPLAY_UPKEEP_H
#define SPOOLGATE_REPLAY_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/pg.h"
#include "stream/stream.h"

struct upkeep {
    struct pg *pg;
    const struct stream_set *streams;
    int64_t now_us;
    uint64_t limit; /* so many partitions are let go in one pass; 0: all */
    /* A partition past keep that isn't ours; may be NULL. */
    void (*odd)(void *context, const char *table, const char *reason);
    void *context;
};

struct upkeep_result {
    uint64_t made, dropped;
    uint64_t detached; /* and kept */
    uint64_t left;     /* failures */
    uint64_t skipped;  /* tables that another process is at */
    bool more;         /* the limit was reached */
    struct err first;  /* failure */
};

struct err upkeep_run(const struct upkeep *u, struct upkeep_result *result);

#endif
