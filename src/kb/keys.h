/* SPDX-License-Identifier: MIT */
/*
 * keys: what a frame of the knowledge base has, by the names of its keys. Pure; for kb/frame.c.
 *
 *     struct kb_keys k;
 *     kb_keys_find(&k, &frame, KB_CHUNK, &rest);
 *     if (k.of[KEY_TITLE]) ... k.of[KEY_TITLE]->value ...
 *
 * Of duplicate keys the last is taken, and nil is the same as no key.
 */
#ifndef SPOOLGATE_KB_KEYS_H
#define SPOOLGATE_KB_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "frame/reader.h"
#include "stream/stream.h"

enum kb_kind { KB_ASSET, KB_DOCUMENT, KB_SECTION, KB_CHUNK };

/* key, name, type of its column, the kinds of frames that have it. An asset's frame may be its
 * document's, too. */
#define KB_KEY_LIST(X)                                      \
    X(URI, "uri", TEXT, ALL)                                \
    X(ASSET_ID, "asset_id", UUID, ALL)                      \
    X(DOC_ID, "doc_id", UUID, ALL)                          \
    X(CHECKSUM, "checksum", TEXT, ALL)                      \
    X(TYPE, "type", TEXT, ASSET | DOCUMENT)                 \
    X(MIME, "mime", TEXT, ASSET | DOCUMENT)                 \
    X(TITLE, "title", TEXT, ASSET | DOCUMENT)               \
    X(SOURCE, "source", TEXT, ASSET | DOCUMENT)             \
    X(LICENSE, "license", TEXT, ASSET)                      \
    X(LANGUAGE, "language", TEXT, ASSET | DOCUMENT)         \
    X(TRANSCRIPT_URI, "transcript_uri", TEXT, ASSET)        \
    X(THUMBNAIL_URI, "thumbnail_uri", TEXT, ASSET)          \
    X(SIZE_BYTES, "size_bytes", INT8, ASSET)                \
    X(CREATED_AT, "created_at", TIMESTAMPTZ, ASSET)         \
    X(META, "meta", JSONB, ASSET | DOCUMENT | SECTION)      \
    X(MD, "md", JSONB, ASSET | DOCUMENT | CHUNK)            \
    X(TEXT, "text", TEXT, ASSET | DOCUMENT | CHUNK)         \
    X(FORMAT, "format", TEXT, ASSET | DOCUMENT)             \
    X(PACK_ID, "pack_id", UUID, ASSET | DOCUMENT | CHUNK)   \
    X(PREVIOUS_URI, "previous_uri", TEXT, ASSET | DOCUMENT) \
    X(DELETED, "deleted", BOOL, DOCUMENT)                   \
    X(IDX, "idx", INT4, SECTION | CHUNK)                    \
    X(SECTION, "section", INT4, CHUNK)                      \
    X(HEADING, "heading", TEXT, SECTION)                    \
    X(PARENT, "parent", INT4, SECTION)                      \
    X(TOKENS, "tokens", INT4, CHUNK)                        \
    X(WINDOW, "window", INT4, CHUNK)                        \
    X(OVERLAP, "overlap", INT4, CHUNK)                      \
    X(EMBEDDING, "embedding", VECTOR, CHUNK)                \
    X(MODEL, "model", TEXT, CHUNK)

enum kb_key {
#define KB_KEY_ENUM(key, name, type, kinds) KEY_##key,
    KB_KEY_LIST(KB_KEY_ENUM)
#undef KB_KEY_ENUM
        KB_KEYS,
};

/* Their names and types, for replay/field.h. An embedding isn't read by that. */
extern const struct column kb_key_columns[KB_KEYS];

struct kb_keys {
    const struct frame_pair *of[KB_KEYS]; /* NULL: not there */
    uint32_t ignored;                     /* keys that frames of the kind don't have */

    struct frame_pair pairs[KB_KEYS]; /* private */
};

/* False: the frame is none of ours. */
bool kb_kind_of(const struct frame *frame, enum kb_kind *kind);

/* rest: the keys that are ignored, with their values, are appended; NULL: not wanted. What names
 * the frame's kind is no key. */
void kb_keys_find(struct kb_keys *keys, const struct frame *frame, enum kb_kind kind,
                  struct buf *rest);

#endif
