/* SPDX-License-Identifier: MIT */
/*
 * segment: one file of the spool, read as rows and rejects.
 *
 *     struct segment_summary sum;
 *     struct err e = segment_walk(&walk, folder, name, &sum);
 *
 * The same walk serves `spoolgate inspect`, the inspection before a batch's transaction and the
 * replay inside it; they differ in what they do with a row. file → (zstd) → frames → rows, in
 * constant memory; the SHA-256 is that of the decompressed bytes.
 *
 * ERR_SEGMENT: these bytes can't be loaded (damaged, over a limit, not a regular file, changed
 * while it was read). Other classes: try again later.
 */
#ifndef SPOOLGATE_REPLAY_SEGMENT_H
#define SPOOLGATE_REPLAY_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "frame/limits.h"
#include "frame/reader.h"
#include "frame/zstream.h"
#include "replay/copybin.h"

/* Windows and a decoder, used for one segment after the other by one thread. Zeroed is closed. */
struct segment_tools {
    struct frame_reader reader;
    struct zstream zstream;
    bool zstream_is_open;
};
void segment_tools_close(struct segment_tools *t);

struct segment_walk {
    struct segment_tools *tools;
    struct copybin *encoder;
    const struct frame_limits *limits;
    struct buf *rows;        /* one a stream; the encoder appends, on_row empties */
    const atomic_bool *stop; /* may be NULL; set: ERR_STOPPED at the next frame or block */
    /* False stops the walk, with *failure set. on_row NULL: only frames that the encoder calls
     * elsewhere are looked at, and `rows` and on_reject aren't needed. */
    bool (*on_row)(void *context, const struct frame *frame, const struct copybin_row *row,
                   struct err *failure);
    /* A frame that is taken elsewhere, or isn't after all: then *refused, and *reject says why. */
    bool (*on_other)(void *context, const struct frame *frame, bool *refused, struct reject *reject,
                     struct err *failure);
    bool (*on_reject)(void *context, const struct frame *frame, const struct reject *reject,
                      struct err *failure);
    void *context;
};

struct segment_summary {
    uint64_t bytes;     /* on disk */
    uint64_t bytes_raw; /* decompressed */
    uint64_t frames, rejected;
    uint64_t rejected_by[REJECT_WHY_COUNT]; /* add up to `rejected` */
    uint64_t others, others_rejected;       /* of these: frames that were for on_other */
    uint64_t keys_ignored, numbers_nulled;
    int64_t ts_min_us, ts_max_us; /* of the rows; INT64_MAX, INT64_MIN where there are none */
    uint8_t sha256[HASH_BYTES];
    bool sealed;
};

struct err segment_walk(const struct segment_walk *walk, int folder, const char *name,
                        struct segment_summary *summary);

#endif
