/* SPDX-License-Identifier: MIT */
#include "kb/held.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/word.h"

/* Where a row's parts are: int16 fields, then the first id with its length, then doc_id with its
 * own; of a chunk section_id is next. */
enum { FIRST_ID = 6, DOC_LENGTH = 22, DOC_ID = 26, SECTION_LENGTH = 42, SECTION_ID = 46 };
enum { SECTION_FIELDS = 5, CHUNK_FIELDS = 14, ID_BYTES = 16 };

void kb_held_open(struct kb_held *h, size_t budget)
{
    *h = (struct kb_held){.budget = budget, .records_max = KB_RECORDS_MAX};
}

static size_t records_bytes(const struct kb_held *h)
{
    return h->count * sizeof *h->records + h->texts.len + h->fields.len + h->digests.len;
}

size_t kb_held_bytes(const struct kb_held *h)
{
    return records_bytes(h) + h->sections.len + h->chunks.len;
}

bool kb_held_is_full(const struct kb_held *h)
{
    return records_bytes(h) > h->records_max;
}

static void free_memory(struct kb_held *h)
{
    free(h->records);
    h->records = NULL;
    h->cap = 0;
    buf_free(&h->texts);
    buf_free(&h->fields);
    buf_free(&h->digests);
    buf_free(&h->sections);
    buf_free(&h->chunks);
}

/* One batch of large parts would otherwise leave every buffer large. */
void kb_held_clear(struct kb_held *h)
{
    size_t kept = h->cap * sizeof *h->records + h->texts.cap + h->fields.cap + h->digests.cap +
                  h->sections.cap + h->chunks.cap;
    if (kept - kept / 3 > h->budget)
        free_memory(h);
    buf_clear(&h->texts);
    buf_clear(&h->fields);
    buf_clear(&h->digests);
    buf_clear(&h->sections);
    buf_clear(&h->chunks);
    h->count = 0;
    h->is_over = false;
    h->keys_ignored = h->numbers_nulled = 0;
}

void kb_held_close(struct kb_held *h)
{
    free_memory(h);
    *h = (struct kb_held){0};
}

/* --- records -----------------------------------------------------------------------------------
 */

struct kb_mark kb_held_mark(const struct kb_held *h)
{
    return (struct kb_mark){.texts = h->texts.len,
                            .fields = h->fields.len,
                            .digests = h->digests.len,
                            .sections = h->sections.len,
                            .chunks = h->chunks.len};
}

void kb_held_back(struct kb_held *h, const struct kb_mark *mark)
{
    h->texts.len = mark->texts;
    h->fields.len = mark->fields;
    h->digests.len = mark->digests;
    h->sections.len = mark->sections;
    h->chunks.len = mark->chunks;
}

static bool same_text(const struct kb_held *h, struct kb_span a, struct kb_span b)
{
    return a.len == b.len &&
           (a.len == 0 || word_same(h->texts.data + a.at, h->texts.data + b.at, a.len));
}

static bool same_id(bool has_a, const struct uuid *a, bool has_b, const struct uuid *b)
{
    return has_a == has_b && (!has_a || word_same(a->bytes, b->bytes, ID_BYTES));
}

/* Are these rows, as those are, of the same document, and behind them? */
static bool joins(const struct kb_held *h, const struct kb_record *last, const struct kb_record *r)
{
    return last->segment == r->segment && !last->has_asset && !r->has_asset && !last->is_head &&
           !r->is_head && last->frames < UINT32_MAX && same_text(h, last->name.uri, r->name.uri) &&
           same_id(last->name.has_asset_id, &last->name.asset_id, r->name.has_asset_id,
                   &r->name.asset_id) &&
           same_id(last->name.has_doc_id, &last->name.doc_id, r->name.has_doc_id,
                   &r->name.doc_id) &&
           same_text(h, last->checksum, r->checksum);
}

void kb_held_add(struct kb_held *h, const struct kb_mark *mark, const struct kb_record *record)
{
    size_t section_bytes = h->sections.len - mark->sections;
    size_t chunk_bytes = h->chunks.len - mark->chunks;
    if (h->count > 0 && joins(h, &h->records[h->count - 1], record)) {
        struct kb_record *last = &h->records[h->count - 1];
        last->frames += record->frames;
        last->sections += record->sections;
        last->chunks += record->chunks;
        last->vectors += record->vectors;
        last->section_rows.len += section_bytes;
        last->chunk_rows.len += chunk_bytes;
        h->texts.len = mark->texts;
    } else {
        struct kb_record *r = MEM_PUSH(h->records, h->count, h->cap);
        *r = *record;
        r->digest_at = mark->digests;
        r->section_rows = (struct kb_span){mark->sections, section_bytes};
        r->chunk_rows = (struct kb_span){mark->chunks, chunk_bytes};
    }
    if (h->sections.len + h->chunks.len > h->budget)
        h->is_over = true;
    if (h->is_over) {
        buf_free(&h->sections);
        buf_free(&h->chunks);
    }
}

size_t kb_held_find(const struct kb_held *h, size_t segment, uint64_t frame, size_t *cursor)
{
    assert(*cursor < h->count);
    for (; *cursor + 1 < h->count; ++*cursor) {
        const struct kb_record *next = &h->records[*cursor + 1];
        if (next->segment > segment || (next->segment == segment && next->frame > frame))
            break;
    }
    return *cursor;
}

/* --- rows --------------------------------------------------------------------------------------
 */

void kb_chunk_begin(struct buf *out, const struct uuid *chunk, bool has_section, uint32_t section)
{
    uint8_t *at = buf_reserve(out, SECTION_ID + ID_BYTES);
    memset(at, 0, SECTION_ID + ID_BYTES);
    at[1] = CHUNK_FIELDS;
    word_put_be32(at + FIRST_ID - 4, ID_BYTES);
    memcpy(at + FIRST_ID, chunk->bytes, ID_BYTES);
    word_put_be32(at + DOC_LENGTH, ID_BYTES);
    word_put_be32(at + SECTION_LENGTH, has_section ? ID_BYTES : UINT32_MAX);
    word_put_be32(at + SECTION_ID, section);
    out->len += has_section ? SECTION_ID + ID_BYTES : SECTION_ID;
}

void kb_section_begin(struct buf *out, uint32_t idx)
{
    uint8_t *at = buf_reserve(out, DOC_ID + ID_BYTES);
    memset(at, 0, DOC_ID + ID_BYTES);
    at[1] = SECTION_FIELDS;
    word_put_be32(at + FIRST_ID - 4, ID_BYTES);
    word_put_be32(at + FIRST_ID, idx);
    word_put_be32(at + DOC_LENGTH, ID_BYTES);
    out->len += DOC_ID + ID_BYTES;
}

struct kb_rows kb_rows_of(const struct buf *rows, struct kb_span part)
{
    return part.len == 0 ? (struct kb_rows){NULL, NULL}
                         : (struct kb_rows){rows->data + part.at, rows->data + part.at + part.len};
}

bool kb_rows_next(struct kb_rows *rows, struct kb_row *row)
{
    const uint8_t *p = rows->p;
    if (p == rows->end)
        return false;
    uint16_t fields = word_be16(p);
    p += 2;
    for (; fields > 0; fields--) {
        uint32_t len = word_be32(p);
        p += 4 + (len == UINT32_MAX ? 0 : len);
    }
    *row = (struct kb_row){rows->p, (size_t)(p - rows->p)};
    rows->p = p;
    return true;
}

static const struct uuid *section_of(struct kb_ids *ids, const uint8_t *idx_at)
{
    uint32_t idx = word_be32(idx_at);
    if (!ids->has_section || ids->idx != idx) {
        ids->section = kb_section_id(&ids->doc, idx);
        ids->idx = idx;
        ids->has_section = true;
    }
    return &ids->section;
}

static uint8_t *copy_row(struct buf *out, const struct kb_row *row)
{
    uint8_t *at = buf_reserve(out, row->len);
    memcpy(at, row->bytes, row->len);
    out->len += row->len;
    return at;
}

void kb_chunk_fill(struct buf *out, const struct kb_row *row, struct kb_ids *ids)
{
    uint8_t *at = copy_row(out, row);
    memcpy(at + DOC_ID, ids->doc.bytes, ID_BYTES);
    if (word_be32(at + SECTION_LENGTH) == ID_BYTES)
        memcpy(at + SECTION_ID, section_of(ids, at + SECTION_ID)->bytes, ID_BYTES);
}

void kb_section_fill(struct buf *out, const struct kb_row *row, struct kb_ids *ids)
{
    uint8_t *at = copy_row(out, row);
    memcpy(at + DOC_ID, ids->doc.bytes, ID_BYTES);
    memcpy(at + FIRST_ID, section_of(ids, at + FIRST_ID)->bytes, ID_BYTES);
}

/* --- ids ---------------------------------------------------------------------------------------
 */

/* RFC 9562, version 8: SHA-256 of what it stands for. */
static struct uuid derive(const char *sort, const void *bytes, size_t len, uint32_t idx)
{
    struct hash h;
    uint8_t digest[HASH_BYTES];
    uint8_t tail[4];
    struct uuid id;
    word_put_be32(tail, idx);
    hash_start(&h);
    hash_update(&h, sort, strlen(sort) + 1);
    hash_update(&h, bytes, len);
    hash_update(&h, tail, sizeof tail);
    hash_finish(&h, digest);
    memcpy(id.bytes, digest, sizeof id.bytes);
    id.bytes[6] = (uint8_t)(0x80 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

struct uuid kb_section_id(const struct uuid *doc, uint32_t idx)
{
    return derive("section", doc->bytes, sizeof doc->bytes, idx);
}

struct uuid kb_asset_id(const void *uri, size_t len)
{
    return derive("asset", uri, len, 0);
}

struct uuid kb_doc_id(const void *uri, size_t len)
{
    return derive("document", uri, len, 0);
}
