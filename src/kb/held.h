/* SPDX-License-Identifier: MIT */
/*
 * held: what the frames of a batch say of the knowledge base, as records, and the rows that come of
 * them. Pure.
 *
 *     struct kb_held h;
 *     kb_held_open(&h, budget);
 *     struct kb_record *r = kb_held_record(&h, segment, frame_index);
 *     ... kb_frame_read (kb/frame.h) fills r and appends rows to h.sections and h.chunks ...
 *     kb_held_added(&h);                       // joins chunk frames of one document to one record
 *     kb_held_close(&h);
 *
 * Records stay whatever their number: they are what the batch's documents are called, and small.
 * Rows of sections and chunks stay as long as they fit the budget; over it they are let go, is_over
 * is set, and the segments are read once more while they are loaded (kb/load.c).
 *
 * A row of h.chunks is one of COPY BINARY with these fields: chunk_id, doc_id, section_id, pack_id,
 * text, tokens, idx, "window", overlap, md, embedding_status, sha256, model, embedding. The uuid of
 * doc_id, at KB_CHUNK_DOC_AT, is not known yet. section_id is NULL, or its uuid begins with the
 * section's idx, 4 bytes big-endian, for kb_section_id(). A row of h.sections: section_id and
 * doc_id alike (KB_SECTION_AT, KB_SECTION_DOC_AT), idx, heading, meta. kb_rows_next() walks either,
 * kb_row_fill() copies one with its ids.
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

struct kb_record {
    uint32_t segment;
    uint32_t frames; /* that it stands for */
    uint64_t frame;  /* index of the first of them */
    struct kb_name name;
    struct kb_span checksum; /* of h.texts: what the asset's must be (of an asset: what it is) */

    /* has_asset: it describes the asset. Fields of COPY BINARY in h.fields: type, mime, title,
     * source, license, checksum, size_bytes, language, transcript_uri, thumbnail_uri, created_at,
     * meta. */
    bool has_asset;
    struct kb_span asset;

    /* is_head: it is a document, so chunks and sections that came before don't belong to it. Fields
     * in h.fields: title, meta. */
    bool is_head, is_retired;
    struct kb_span document;
    struct kb_span previous_uri; /* of h.texts */

    /* Of everything that it says of the document, chained with that of the frames it stands for. */
    uint8_t digest[HASH_BYTES];
    uint32_t sections, chunks, vectors;      /* rows, and chunks that bring a vector */
    struct kb_span section_rows, chunk_rows; /* of h.sections and h.chunks */
};

struct kb_held {
    struct kb_record *records;
    size_t count, cap;
    struct buf texts, fields;
    struct buf sections, chunks;
    bool is_over;

    /* private */
    size_t budget;
};

#define KB_CHUNK_DOC_AT     26 /* int16 count, field chunk_id, length of doc_id */
#define KB_CHUNK_SECTION_AT 46
#define KB_SECTION_AT       6
#define KB_SECTION_DOC_AT   26

void kb_held_open(struct kb_held *h, size_t budget);
void kb_held_close(struct kb_held *h);
struct kb_record *kb_held_record(struct kb_held *h, size_t segment, uint64_t frame);
void kb_held_added(struct kb_held *h);
/* The frame was refused: its record and rows are taken back. */
void kb_held_drop(struct kb_held *h, const struct kb_record *before);

/* A section's id follows from its document and place, so that chunks know it before it is a row. */
struct uuid kb_section_id(const struct uuid *doc, uint32_t idx);
/* Ids of what has none yet follow from its uri: the same again after a restored backup. */
struct uuid kb_asset_id(const void *uri, size_t len);
struct uuid kb_doc_id(const void *uri, size_t len);

#endif
