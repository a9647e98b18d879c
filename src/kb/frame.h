/* SPDX-License-Identifier: MIT */
/*
 * frame: a frame of the knowledge base becomes a record and rows, or a reject that says why.
 *
 *     struct kb_reader reader = {.shape = &shape, .split = settings, .roots = roots, ...};
 *     if (!kb_frame_read(&reader, segment, &frame, &held, &reject))
 *         ...
 *     kb_reader_free(&reader);
 *
 * docs/KNOWLEDGE.md has the keys. Everything that can be judged without the database is judged
 * here: types, UTF-8, NUL, the limits of split.h, vectors against the shape. The text of an asset
 * that names a local file is read from there (kb/file.h): the one thing here that isn't pure.
 *
 * A reader is for one walk over a batch's segments, in order: a chunk without idx is the one after
 * the chunk before it in its segment. A second walk with a reader of its own finds the same.
 */
#ifndef SPOOLGATE_KB_FRAME_H
#define SPOOLGATE_KB_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/uuid.h"
#include "frame/reader.h"
#include "kb/held.h"
#include "kb/split.h"
#include "kb/vector.h"
#include "replay/field.h"
#include "replay/rules.h"

/* Of an asset's uri: it stands in btree indexes, whose entries have some 2,700 bytes at the most.
 */
#define KB_URI_MAX 2000

struct kb_reader {
    const struct kb_shape *shape;
    struct split_settings split;
    const char *const *roots; /* absolute folders; ends with NULL */
    enum nul_rule nul;
    uint64_t file_bytes; /* the longest local file that is read: limits.string_bytes */

    /* readable, where a frame was refused: the machine, not the frame, kept it from being judged (a
     * folder of roots isn't there, ...). Breaks the walk off. */
    struct err failure;

    /* private: scratch, kept from frame to frame */
    struct jsonb_order order;
    struct uuid_pool ids;
    struct buf text, json, headings, vector, rest;
    struct {
        bool is_there;
        size_t segment;
        uint64_t frame;
        int64_t next_idx;    /* of a chunk; -1: it isn't known */
        struct kb_name name; /* its uri is in `uri` */
        struct buf uri;
    } before; /* the frame before this one in its segment */
};

/* Is it one of ours: asset, document, section, chunk, kb.ingest.asset.created.v1? */
bool kb_frame_is(const struct frame *frame);

/* The frame is held, or nothing of it is. */
bool kb_frame_read(struct kb_reader *reader, size_t segment, const struct frame *frame,
                   struct kb_held *held, struct reject *reject);
void kb_reader_free(struct kb_reader *reader);

#endif
