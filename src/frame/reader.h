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
 * at the end. A frame's bytes and pairs live in the reader until the next call. The window starts
 * at 1 MiB and grows to one frame's size at the most (limits.frame_bytes), so memory does not
 * follow the segment's size; pages of it that no byte reaches cost nothing. Each malformed shape
 * has its own text, with the byte offset where the frame starts.
 */
#ifndef SPOOLGATE_FRAME_READER_H
#define SPOOLGATE_FRAME_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "frame/limits.h"
#include "frame/msgpack.h"
#include "frame/source.h"

/* A key of a frame and its value, as the reader's walk met them: whoever looks into the frame needs
 * no second walk. Containers are read to their header; their bytes are those of `at`. */
struct frame_pair {
    struct mp_value key, value;
    struct mp_cursor at; /* the whole value */
};

#define FRAME_PAIRS                                                               \
    32 /* so many of a frame's pairs are noted; the others are there to be walked \
        */

struct frame {
    const uint8_t *bytes;
    size_t len;
    uint64_t offset;     /* of its first byte in the decompressed segment */
    uint64_t index;      /* 0 for the first; the seal has none */
    const uint8_t *kind; /* the text of `kind` (or of `event`), NULL where it has neither */
    uint32_t kind_len;
    uint32_t pair_count;            /* of the map */
    const struct frame_pair *pairs; /* its first FRAME_PAIRS; NULL where nobody noted them */
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
    struct frame_pair pairs[FRAME_PAIRS];
};

/* FRAME_FAILED: *e says why; ERR_SEGMENT for damaged bytes, else what the source said. FRAME_NEXT
 * leaves *e alone: half a KiB a frame is more than the walk of its bytes. */
enum frame_result frame_next(struct frame_reader *r, struct frame *frame, struct err *e);

/* Forgets the segment, whole or not, and keeps the window, which shrinks to its first size where a
 * large frame made it grow. fill, context and limits may be set anew before or after. */
void frame_reader_restart(struct frame_reader *r);
void frame_reader_free(struct frame_reader *r);

#endif
