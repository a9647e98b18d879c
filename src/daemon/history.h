/* SPDX-License-Identifier: MIT */
/*
 * history: the last 15 minutes in steps of 2 s: what came, and what waited. For the page's charts;
 * who wants more asks Prometheus. Pure.
 *
 *     struct history h;
 *     history_open(&h);
 *     history_add(&h, &totals, waiting, waiting_bytes, time_now());     // every HISTORY_STEP_S
 *     history_json(&h, &json);               // "history" of /api/status; any thread
 *     history_close(&h);
 */
#ifndef SPOOLGATE_DAEMON_HISTORY_H
#define SPOOLGATE_DAEMON_HISTORY_H

#include <pthread.h>
#include <stdint.h>

#include "base/buf.h"
#include "daemon/trail.h"

#define HISTORY_STEP_S  2
#define HISTORY_SAMPLES 450

enum history_kind {
    HISTORY_ROWS, /* these three: since the sample before */
    HISTORY_BYTES,
    HISTORY_REJECTED,
    HISTORY_WAITING,
    HISTORY_WAITING_BYTES,
    HISTORY_KINDS
};

struct history {
    /* private */
    pthread_mutex_t lock;
    uint64_t samples[HISTORY_SAMPLES][HISTORY_KINDS]; /* a ring */
    uint64_t added;
    struct trail_totals before; /* the last sample's */
    int64_t end_us;             /* wall clock, of the last sample */
};

void history_open(struct history *h);
void history_close(struct history *h);

/* totals: so far; waiting: segments and bytes now. */
void history_add(struct history *h, const struct trail_totals *totals, uint64_t waiting,
                 uint64_t waiting_bytes, int64_t now_us);
void history_json(struct history *h, struct buf *json);

#endif
