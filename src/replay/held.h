/* SPDX-License-Identifier: MIT */
/*
 * held: a batch's encoded rows and rejects, kept in memory from its inspection to its COPY, as long
 * as they fit a budget. Pure.
 *
 *     struct held h;
 *     held_open(&h, budget);
 *     held_begin(&h, stream_count);
 *     ... encode a row to h.rows[stream]; held_row(&h, segment, &row, len) ...
 *     ... or held_reject(&h, segment, &frame, &reject) ...
 *     held_order(&h);                          // rows of a partition lie together from here on
 *     ... h.runs[0 .. run_count), h.rejects[0 .. reject_count) ...
 *     held_clear(&h);                          // empty again, memory kept for the next batch
 *     held_close(&h);
 *
 * Over the budget everything is let go and is_over is set: the batch's segments are then read once
 * more, while they are loaded. Callers go on calling; nothing more is kept.
 */
#ifndef SPOOLGATE_REPLAY_HELD_H
#define SPOOLGATE_REPLAY_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "frame/reader.h"
#include "replay/copybin.h"

/* Rows of one stream, segment and partition that follow each other. */
struct held_run {
    int64_t period_us; /* start of the partition's period */
    uint32_t stream, segment;
    uint32_t rows;
    size_t at, len; /* in rows[stream] */
};

struct held_reject {
    uint32_t segment;
    uint32_t frame_len;
    size_t frame_at; /* in frames */
    uint64_t index, offset;
    struct reject reject;
};

struct held {
    struct buf *rows; /* by stream */
    struct held_run *runs;
    size_t run_count, run_cap;
    struct buf frames; /* the rejects' original bytes */
    struct held_reject *rejects;
    size_t reject_count, reject_cap;
    bool is_over;

    /* private */
    size_t streams, budget, row_bytes;
};

void held_open(struct held *h, size_t budget);
void held_close(struct held *h);
/* Empty, and with room for the rows of so many streams. */
void held_begin(struct held *h, size_t streams);
void held_clear(struct held *h);

/* The row that was just appended to rows[row->stream], `len` bytes of it. */
void held_row(struct held *h, size_t segment, const struct copybin_row *row, size_t len);
void held_reject(struct held *h, size_t segment, const struct frame *frame,
                 const struct reject *reject);

/* What is held, in bytes. */
size_t held_bytes(const struct held *h);

/* Sorts the runs by stream and partition; within one the order is that of the segments. */
void held_order(struct held *h);

/* The frame of a reject, as the reader gave it. */
struct frame held_frame(const struct held *h, const struct held_reject *reject);

#endif
