/* SPDX-License-Identifier: MIT */
/*
 * held: what the frames of a batch say of the knowledge base, as records, and the rows that come of
 * them. Pure.
 *
 *     struct kb_held h;
 *     kb_held_open(&h, budget);
 *     ... kb_frame_read(&reader, segment, &frame, &h, &reject) for every frame (kb/frame.h) ...
 *     struct kb_rows rows = kb_rows_of(&h.chunks, h.records[i].chunk_rows);
 *     struct kb_ids ids = {.doc = doc_id};
 *     while (kb_rows_next(&rows, &row))
 *         kb_chunk_fill(&out, &row, &ids);         // kb_section_fill() for those of h.sections
 *     kb_held_clear(&h);                           // empty again, memory kept
 *     kb_held_close(&h);
 *
 * A frame of an asset or a document is a record. Sections and chunks of one document that follow
 * each other in a segment are one record together. Records are in the order of the batch, and stay
 * whatever their number, up to KB_RECORDS_MAX bytes: frames past that are rejects. Rows stay as
 * long as they fit the budget; over it they are let go, is_over is set, and the segments are read
 * once more while they are loaded (kb/load.c). Counts and digests are right all the same.
 *
 * A row of h.chunks is one of COPY BINARY with these fields: chunk_id, doc_id, section_id, pack_id,
 * text, tokens, idx, "window", overlap, md, embedding_status, sha256, model, embedding. A row of
 * h.sections: section_id, doc_id, idx, heading, meta. doc_id isn't known yet, nor section_id, of
 * which the idx is (or it is NULL): the fill functions copy a row with its ids in their places.
 */
#ifndef SPOOLGATE_KB_HELD_H
#define SPOOLGATE_KB_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/uuid.h"

/* A part of a buf. */
struct kb_span {
    size_t at, len;
};

/* How a frame names what it is about; at least one of the three is there. */
struct kb_name {
    struct kb_span uri; /* of h.texts; len 0: not given */
    bool has_asset_id, has_doc_id;
    struct uuid asset_id, doc_id;
};

/* Fields of an asset, as COPY BINARY has them. A key that the frame doesn't have is NULL;
 * TYPE_GUESS never is: what a new asset's type is unless one is said. CHECKSUM is 64 digits, lower
 * case. */
enum kb_asset_field {
    KB_ASSET_TYPE,
    KB_ASSET_MIME,
    KB_ASSET_TITLE,
    KB_ASSET_SOURCE,
    KB_ASSET_LICENSE,
    KB_ASSET_CHECKSUM,
    KB_ASSET_SIZE_BYTES, /* bigint */
    KB_ASSET_LANGUAGE,
    KB_ASSET_TRANSCRIPT_URI,
    KB_ASSET_THUMBNAIL_URI,
    KB_ASSET_CREATED_AT, /* timestamptz */
    KB_ASSET_META,       /* jsonb */
    KB_ASSET_TYPE_GUESS,
    KB_ASSET_FIELDS,
};

struct kb_record {
    uint32_t segment;
    uint32_t frames; /* that it stands for */
    uint64_t frame;  /* index of the first of them */
    struct kb_name name;
    struct kb_span checksum; /* of h.texts, 64 digits: what the asset's must be; len 0: any */

    /* KB_ASSET_FIELDS in h.fields. has_asset: it describes the asset, there or not. Else it is a
     * document's frame that says what an asset is which isn't there yet; len 0 of all others. */
    bool has_asset;
    struct kb_span asset;

    /* is_head: it is a document, so chunks and sections that came before don't belong to it. Fields
     * in h.fields: title, meta. */
    bool is_head, is_retired;
    struct kb_span document;
    struct kb_span previous_uri; /* of h.texts */

    /* Of what each of its frames says of the document: HASH_BYTES for each, in h.digests. An asset
     * alone has none. */
    size_t digest_at;
    uint32_t sections, chunks, vectors;      /* rows, and chunks that bring a vector */
    struct kb_span section_rows, chunk_rows; /* of h.sections and h.chunks, unless is_over */
};

struct kb_held {
    struct kb_record *records;
    size_t count, cap;
    struct buf texts, fields, digests;
    struct buf sections, chunks;
    bool is_over;
    uint64_t keys_ignored, numbers_nulled; /* of all frames, as struct copybin_row has them */

    /* private */
    size_t budget, records_max;
};

#define KB_RECORDS_MAX ((size_t)512 << 20)

void kb_held_open(struct kb_held *h, size_t budget);
void kb_held_clear(struct kb_held *h);
void kb_held_close(struct kb_held *h);
/* What is held, in bytes. */
size_t kb_held_bytes(const struct kb_held *h);

/* The record that a frame belongs to. *cursor: 0 at first; frames are asked for in the order of the
 * batch. The frame must be one that was read. */
size_t kb_held_find(const struct kb_held *h, size_t segment, uint64_t frame, size_t *cursor);

/* Does the record say anything of a document? An asset's alone doesn't. */
static inline bool kb_record_is_document(const struct kb_record *r)
{
    return r->is_head || !r->has_asset;
}

/* --- rows --------------------------------------------------------------------------------------
 */

struct kb_rows {
    const uint8_t *p, *end;
};
struct kb_row {
    const uint8_t *bytes;
    size_t len;
};

struct kb_rows kb_rows_of(const struct buf *rows, struct kb_span part);
bool kb_rows_next(struct kb_rows *rows, struct kb_row *row);

/* The ids that go into the rows of one document; the rest is private. */
struct kb_ids {
    struct uuid doc;
    struct uuid section; /* the last, which the next row often has, too */
    uint32_t idx;
    bool has_section;
};
void kb_chunk_fill(struct buf *out, const struct kb_row *row, struct kb_ids *ids);
void kb_section_fill(struct buf *out, const struct kb_row *row, struct kb_ids *ids);

/* A section's id follows from its document and place, so that chunks know it before it is a row. */
struct uuid kb_section_id(const struct uuid *doc, uint32_t idx);
/* Ids of what has none yet follow from its uri: the same again after a restored backup. */
struct uuid kb_asset_id(const void *uri, size_t len);
struct uuid kb_doc_id(const void *uri, size_t len);

/* --- for kb/frame.c ----------------------------------------------------------------------------
 */

/* No more records: KB_RECORDS_MAX. */
bool kb_held_is_full(const struct kb_held *h);

/* Where everything ended before a frame. */
struct kb_mark {
    size_t texts, fields, digests, sections, chunks;
};
struct kb_mark kb_held_mark(const struct kb_held *h);
/* The frame was refused: nothing of it stays. */
void kb_held_back(struct kb_held *h, const struct kb_mark *mark);
/* The frame, all of whose parts lie behind the mark, becomes a record, or joins the last one. */
void kb_held_add(struct kb_held *h, const struct kb_mark *mark, const struct kb_record *record);

/* A row begins: its ids, with room for doc_id. has_section false: section_id is NULL. */
void kb_chunk_begin(struct buf *out, const struct uuid *chunk, bool has_section, uint32_t section);
void kb_section_begin(struct buf *out, uint32_t idx);
/* Bytes at the front of a row that are ids, or will be, and not what the row says. */
#define KB_ROW_IDS 42

#endif
