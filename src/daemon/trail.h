/* SPDX-License-Identifier: MIT */
/*
 * trail: the batches that this process settled: all of them counted (base/meter.h, and totals), the
 * last TRAIL_BATCHES of them remembered. Pure.
 *
 *     struct trail t;
 *     trail_open(&t);
 *     trail_expect(&t, "default");          // a gate: its counters begin at 0
 *     trail_add(&t, &outcome);              // once a batch, when it is retired
 *     trail_json(&t, &json);                // "batches" of /api/status, an array
 *     trail_totals_json(&t, &json);         // "totals", an object
 *     trail_close(&t);
 *
 * Any thread. A batch is counted when its files are in archive/ and failed/: whatever comes between
 * its COMMIT and that, it is seen to its end once in a process.
 */
#ifndef SPOOLGATE_DAEMON_TRAIL_H
#define SPOOLGATE_DAEMON_TRAIL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "replay/outcome.h"

#define TRAIL_BATCHES 50

struct trail_totals {
    uint64_t batches, batches_failed, segments;
    uint64_t frames_loaded, frames_rejected, frames_skipped;
    uint64_t bytes, bytes_raw;
};

struct trail {
    /* private */
    pthread_mutex_t lock;
    struct load_outcome last[TRAIL_BATCHES]; /* a ring */
    uint64_t added;                          /* the next one's place is this, modulo */
    struct trail_totals totals;
};

void trail_open(struct trail *t);
void trail_close(struct trail *t);

/* Without it a gate's first reject would be its series' first value, and no rise. */
void trail_expect(const char *gate);
void trail_add(struct trail *t, const struct load_outcome *batch);

struct trail_totals trail_sum(struct trail *t);
void trail_json(struct trail *t, struct buf *json);
void trail_totals_json(struct trail *t, struct buf *json);

#endif
