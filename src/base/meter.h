/* SPDX-License-Identifier: MIT */
/*
 * meter: what this process has done so far, in numbers. One for the process, like the log: whoever
 * does a thing counts it, and /metrics reads all of it.
 *
 *     meter_add(METER_FRAMES, METER_LABELS(gate, "loaded"), rows);
 *     meter_time(METER_STAGE, METER_LABELS("load"), took_us);
 *     meter_write(&out);                                  // OpenMetrics, without its "# EOF"
 *
 * Counters and histograms only; what is true of this moment (backlogs, queues) is asked for when
 * somebody wants to know it (web/metrics.h). Any thread; each call takes a lock, so count once a
 * batch, a request or a scan, never once a frame.
 *
 * Label values come from names in manifests and folders, of which there may be many: beyond
 * METER_SERIES combinations of one meter, the rest is counted with "other" as each label's value.
 */
#ifndef SPOOLGATE_BASE_METER_H
#define SPOOLGATE_BASE_METER_H

#include <stdint.h>

#include "base/buf.h"

#define METER_SERIES 500

/* Names, help and label names stand in meter.c's table, and in docs/MONITORING.md. */
enum meter {
    METER_BATCHES,       /* gate, status */
    METER_SEGMENTS,      /* gate, outcome */
    METER_FRAMES,        /* gate, outcome */
    METER_REJECTS,       /* gate, reason */
    METER_READ_BYTES,    /* gate, form */
    METER_STAGE,         /* stage; seconds */
    METER_STALLS,        /* reason */
    METER_RECONNECTS,    /* who */
    METER_RESCUED,       /* - */
    METER_DELIVERIES,    /* sink, outcome */
    METER_DELIVERY,      /* sink; seconds */
    METER_EMBED_TEXTS,   /* embedder, outcome */
    METER_EMBED_REQUEST, /* embedder, outcome; seconds */
    METER_COUNT
};

#define METER_LABELS_MAX  2
#define METER_LABELS(...) ((const char *const[METER_LABELS_MAX]){__VA_ARGS__})
#define METER_NO_LABELS   NULL

/* labels: the values, in the order of the meter's label names. Adding 0 makes a series appear: a
 * rate needs a 0 to rise from. */
void meter_add(enum meter meter, const char *const *labels, uint64_t n);
void meter_time(enum meter meter, const char *const *labels, int64_t us);

void meter_write(struct buf *out);

/* A label's value as the format wants it, quotes and all; for those who write gauges. What isn't
 * UTF-8 becomes U+FFFD. */
void meter_write_value(struct buf *out, const char *value);

#endif
