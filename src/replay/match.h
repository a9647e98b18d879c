/* SPDX-License-Identifier: MIT */
/*
 * match: which stream takes a frame, and which of its columns take which keys. Pure.
 *
 *     struct match m;
 *     size_t stream;
 *     uint32_t ignored;
 *     match_open(&m, &streams);
 *     if (match_stream(&m, &frame, &stream) && match_columns(&m, &frame, stream, &ignored))
 *         ... match_pair(&m, c) is the key and value that column c takes, m.rest what is left ...
 *     match_close(&m);
 *
 * A column's path leads through maps: pos.lat is the key `lat` in the map at `pos`. Of duplicate
 * keys the last is taken, in every map. A path that ends at a missing key, or at a value that is no
 * map, leads nowhere: its column has no pair. Several columns may take one key, and one may take
 * `pos` where another takes pos.lat.
 *
 * A producer's frames are alike: the last frame's stream and the keys at the same places are tried
 * first, and looked for only where they don't fit. So a guess costs nothing but time.
 */
#ifndef SPOOLGATE_REPLAY_MATCH_H
#define SPOOLGATE_REPLAY_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "frame/reader.h"
#include "stream/stream.h"

struct match_stream;

/* The last pair of a key's name; NULL where the frame has none. */
struct match_field {
    const struct frame_pair *pair;
};

struct match {
    /* Where the stream has a column for it: a msgpack map of what no column takes, `kind` aside.
     * Maps that columns only look into are in it without what is taken of them, unless nothing is
     * left. Until the next frame; at most 64 KiB of it are kept then. */
    struct buf rest;

    /* private */
    const struct stream_set *streams;
    struct match_stream *known; /* by stream */
    size_t last;                /* the stream of the last frame */
    /* of the frame in hand: */
    const size_t *key_of;       /* by column: its key's number */
    struct match_field *fields; /* by key */
    struct frame_pair *spare;   /* by key: pairs that the reader didn't note */
    uint32_t ignored;
};

void match_open(struct match *m, const struct stream_set *streams); /* streams must outlive it */
void match_close(struct match *m);

/* False: no stream takes frames of this kind, or the frame has none. */
bool match_stream(struct match *m, const struct frame *frame, size_t *stream);

/* ignored: keys, other than `kind`, that no column takes, those of maps that columns look into
 * included; 0 where the rest is kept. False: the frame isn't a map (the reader gives out nothing
 * else). */
bool match_columns(struct match *m, const struct frame *frame, size_t stream, uint32_t *ignored);

/* The pair that a column takes of the frame in hand; NULL where it has none, or it is nil. */
static inline const struct frame_pair *match_pair(const struct match *m, size_t column)
{
    const struct frame_pair *pair = m->fields[m->key_of[column]].pair;
    return pair && pair->value.type != MP_NIL ? pair : NULL;
}

#endif
