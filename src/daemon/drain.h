/* SPDX-License-Identifier: MIT */
/*
 * drain: `spoolgate drain`. One pass over the spool, for timers and scripts: resume
 * what is in processing/, then claim and load what is due, until nothing is; and deliver the events
 * that are due, those of the pass included.
 *
 * force: everything that waits is due. Segments that changed less than SCAN_SETTLE_US ago are then
 * waited for, since nobody watched them being closed.
 */
#ifndef SPOOLGATE_DAEMON_DRAIN_H
#define SPOOLGATE_DAEMON_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "manifest/current.h"

struct drain_result {
    uint64_t batches, segments, segments_failed, rows, rejected, skipped;
    uint64_t left;                   /* segments that wait on: not due, not settled, or held */
    uint64_t delivered, undelivered; /* attempts to deliver events */
    uint64_t embedded, unembedded;   /* chunks that got their vectors, or never will */
    uint64_t documents;              /* completed */
};

/* Called after each batch, and now and then while chunks are embedded, from any thread, one at a
 * time. */
struct drain_watch {
    void (*settled)(void *context, const struct drain_result *so_far);
    void *context;
};

/* A batch that meets an environment error stays in processing/; the others go on, and the first
 * such error is returned with the counts of what went well. watch may be NULL. */
struct err drain_run(const struct config *config, struct manifest_current *current, bool force,
                     const struct drain_watch *watch, struct drain_result *result);

#endif
