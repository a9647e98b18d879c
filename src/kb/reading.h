/* SPDX-License-Identifier: MIT */
/*
 * reading: one frame of the knowledge base in hand, for the files that read it: kb/frame.c,
 * asset.c, chunk.c and text.c.
 *
 * Their functions append to what is held, all of it behind reading.mark, and fill in the record;
 * false: the frame is refused, and the reject says why.
 */
#ifndef SPOOLGATE_KB_READING_H
#define SPOOLGATE_KB_READING_H

#include "kb/frame.h"
#include "kb/keys.h"

struct kb_reading {
    struct kb_reader *reader;
    const struct frame *frame;
    enum kb_kind kind;
    struct kb_keys keys;
    struct kb_held *held;
    struct kb_mark mark;
    struct kb_record record;
    int64_t next_idx; /* of a chunk: after the frame before, then after this one; -1: not known */
    struct reject *reject;
};

/* A chunk's longest text. Its words must fit into a tsvector, which has 1 MiB: five times the text
 * is the most that they come to. */
#define KB_CHUNK_TEXT_MAX ((size_t)200 << 10)

/* A key's field of COPY BINARY; NULL where the frame doesn't have it. */
bool kb_put_key(struct kb_reading *g, enum kb_key key, struct buf *out);
/* The same of a pair that stands for the key's. */
bool kb_put_value(struct kb_reading *g, enum kb_key key, const struct frame_pair *pair,
                  struct buf *out);
/* A uri, kept with the records; len 0: the frame doesn't have it. */
bool kb_read_uri(struct kb_reading *g, enum kb_key key, struct kb_span *uri);
/* *has is false where the frame doesn't have it. */
bool kb_read_id(struct kb_reading *g, enum kb_key key, bool *has, struct uuid *id);
/* 64 hexadecimal digits, lower case, kept with the records; len 0: the frame doesn't have it. */
bool kb_read_checksum(struct kb_reading *g, struct kb_span *checksum);
/* An integer from 0 on. The key must be there. */
bool kb_read_count(struct kb_reading *g, enum kb_key key, uint32_t *count);
bool kb_require(struct kb_reading *g, enum kb_key key);
/* False, so that callers can return it; the rest as for printf. */
#define kb_refuse(g, key, ...) \
    field_reject((g)->reject, REJECT_OTHER, kb_key_columns[key].name, __VA_ARGS__)
/* A field that is NULL. */
void kb_put_null(struct buf *out);

/* An asset, with its text where there is one, and a document (kb/asset.c). */
bool kb_asset_read(struct kb_reading *g);
bool kb_document_read(struct kb_reading *g);

/* A row of h.sections or h.chunks (kb/chunk.c). */
bool kb_section_read(struct kb_reading *g);
bool kb_chunk_read(struct kb_reading *g);

/* The text is split, and its sections and chunks become rows (kb/text.c). title: of the text
 * itself, as a field, NULL where it has none. The text is the reader's, and UTF-8 without NUL. */
bool kb_text_read(struct kb_reading *g, enum text_format format, struct buf *title);

#endif
