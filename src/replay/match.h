/* SPDX-License-Identifier: MIT */
/*
 * match: which stream takes a frame, and which of its columns take which keys. Pure.
 *
 *     struct match m;
 *     size_t stream;
 *     uint32_t ignored;
 *     match_open(&m, &streams);
 *     if (match_stream(&m, &frame, &stream) && match_columns(&m, &frame, stream, &ignored))
 *         ... m.fields[c].pair is the one that column c takes, NULL where the frame has none ...
 *     match_close(&m);
 *
 * A producer's frames are alike: the last frame's stream and the columns at the same places are
 * tried first, and looked for only where they don't fit. So a guess costs nothing but time.
 */
#ifndef SPOOLGATE_REPLAY_MATCH_H
#define SPOOLGATE_REPLAY_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame/reader.h"
#include "stream/stream.h"

struct match_stream;

struct match_field {
    const struct frame_pair *pair;
};

struct match {
    struct match_field *fields; /* by column, of the frame in hand; until the next one */

    /* private */
    const struct stream_set *streams;
    struct match_stream *known; /* by stream */
    size_t last;                /* the stream of the last frame */
    struct frame_pair *spare;   /* by column: pairs that the reader didn't note */
};

void match_open(struct match *m, const struct stream_set *streams); /* streams must outlive it */
void match_close(struct match *m);

/* False: no stream takes frames of this kind, or the frame has none. */
bool match_stream(struct match *m, const struct frame *frame, size_t *stream);

/* Of duplicate keys the last is taken; nil is as good as absent. ignored: keys, other than `kind`,
 * that no column takes. False: the frame isn't a map (the reader gives out nothing else). */
bool match_columns(struct match *m, const struct frame *frame, size_t stream, uint32_t *ignored);

#endif
