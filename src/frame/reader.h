/* SPDX-License-Identifier: MIT */
/*
 * reader: decompressed segment bytes in, frames out.
 *
 *     struct frame_reader r = {.fill = segment_fill, .context = s, .limits = &limits};
 *     struct frame frame;
 *     struct err e;
 *     while (frame_next(&r, &frame, &e) == FRAME_NEXT)
 *         ...
 *     r.context = another;
 *     frame_reader_restart(&r);            // another segment, in the same memory
 *     ...
 *     frame_reader_free(&r);
 *
 * The format is drawn in bytes in docs/INTERNALS.md: msgpack maps back to back, at most one seal,
 * at the end. A frame's bytes live in the reader's window until the next call. The window starts at
 * 1 MiB and grows to one frame's size at the most (limits.frame_bytes), so memory does not follow
 * the segment's size; pages of it that no byte reaches cost nothing. Each malformed shape has its
 * own text, with the byte offset where the frame starts.
 */
#ifndef SPOOLGATE_FRAME_READER_H
#define SPOOLGATE_FRAME_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "frame/limits.h"
#include "frame/source.h"

struct frame {
    const uint8_t *bytes;
    size_t len;
    uint64_t offset;     /* of its first byte in the decompressed segment */
    uint64_t index;      /* 0 for the first; the seal has none */
    const uint8_t *kind; /* the text of `kind` (or of `event`), NULL where it has neither */
    uint32_t kind_len;
};

enum frame_result { FRAME_NEXT, FRAME_END, FRAME_FAILED };

struct frame_reader {
    frame_fill_fn *fill;
    void *context;
    const struct frame_limits *limits;

    /* readable: */
    uint64_t frames; /* given out so far, without the seal */
    bool sealed;     /* the segment proved that it is complete */

    /* private */
    uint8_t *window;
    size_t cap, start, end;
    uint64_t offset; /* of window[start] */
    bool source_done;
};

/* FRAME_FAILED: *e says why; ERR_SEGMENT for damaged bytes, else what the source said. */
enum frame_result frame_next(struct frame_reader *r, struct frame *frame, struct err *e);

/* Forgets the segment, whole or not, and keeps the window, which shrinks to its first size where a
 * large frame made it grow. fill, context and limits may be set anew before or after. */
void frame_reader_restart(struct frame_reader *r);
void frame_reader_free(struct frame_reader *r);

#endif
