/* SPDX-License-Identifier: MIT */
/*
 * batch: what is known of a claim's segments, before and while they are loaded.
 *
 *     struct batch b;
 *     batch_open(&b, &claim, &terms);
 *     TRY(batch_inspect(&b, &walk, &held));       // reads every byte; touches no database
 *     ... ledger marks duplicates, the copy marks nothing ...
 *     struct batch_totals t = batch_totals(&b);
 *     batch_close(&b);
 */
#ifndef SPOOLGATE_REPLAY_BATCH_H
#define SPOOLGATE_REPLAY_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "replay/held.h"
#include "replay/outcome.h"
#include "replay/partition.h"
#include "replay/segment.h"
#include "replay/terms.h"
#include "spool/claim.h"

enum segment_fate {
    SEGMENT_LOADED,    /* its good frames are rows, or will be */
    SEGMENT_DUPLICATE, /* the ledger had it: skipped, archived */
    SEGMENT_FAILED,    /* its bytes can't be loaded: failed/ */
    SEGMENT_HELD_BACK, /* good, but its batch failed as a whole: failed/, its frames skipped */
};

static inline bool segment_goes_to_failed(enum segment_fate fate)
{
    return fate == SEGMENT_FAILED || fate == SEGMENT_HELD_BACK;
}

struct batch_segment {
    const char *name; /* the claim's */
    char *encoded;    /* percent-encoded, for the database */
    struct segment_summary sum;
    uint64_t refused; /* frames of it that were found out to be rejects while they were loaded */
    enum segment_fate fate;
    bool staged;                  /* moved to the claim's staging */
    char *reason;                 /* why it goes to failed/ */
    char duplicate_of[UUID_TEXT]; /* SEGMENT_DUPLICATE: the batch that loaded it */
};

struct handler;
struct handler_batch;

struct batch {
    const struct claim *claim;
    const struct load_terms *terms;
    const struct handler *handler; /* handler.h; NULL: none */
    struct handler_batch *handled; /* its own, while the batch is inspected and loaded */
    struct batch_segment *segments;
    size_t count;
    struct partition_list partitions;
    char error[OUTCOME_ERROR];             /* why it fails as a whole; "" while it doesn't */
    bool too_many_rejects;                 /* over the gate's max_rejects: the batch fails */
    uint64_t refused_by[REJECT_WHY_COUNT]; /* of all segments' `refused` */
    uint64_t skipped; /* good frames that nothing had a use for: replay/stage.h, the handler's */
    bool is_careful;  /* loaded in careful mode: these are the times of the rows that went in */
    int64_t ts_min_us, ts_max_us;
    bool checks_now; /* a deferred constraint refused a COMMIT: careful mode checks them at once */
};

/* Seals and the frames of failed segments are not counted. */
struct batch_totals {
    uint64_t segments_failed, segments_duplicate;
    uint64_t bytes, bytes_raw;
    uint64_t frames, rows, rejected, skipped; /* frames == rows + rejected + skipped */
    uint64_t rejected_by[REJECT_WHY_COUNT];
    int64_t ts_min_us, ts_max_us; /* INT64_MIN in both where no row has one */
};

/* Both must outlive it. */
void batch_open(struct batch *b, const struct claim *claim, const struct load_terms *terms);
void batch_close(struct batch *b);

/* Walks every segment: sums, partitions, and the rows and rejects into `held`. A segment that can't
 * be loaded is marked, not an error; an error is the environment's. Of `walk` the encoder, the
 * tools, the limits and the stop flag are used. The handler's frames go to b->handled. */
struct err batch_inspect(struct batch *b, const struct segment_walk *walk, struct held *held);

void batch_fail_segment(struct batch *b, size_t index, const char *reason);
/* The batch fails as a whole: every segment goes to failed/. */
void batch_fail(struct batch *b, const char *reason);

struct batch_totals batch_totals(const struct batch *b);

/* The receipt's `files`: failed segments first, at most 1,000 in all. True when the list was cut.
 */
bool batch_files_json(const struct batch *b, struct buf *out);

/* NAME.reason.json */
void batch_reason_json(const struct batch *b, size_t index, struct buf *out);

#endif
