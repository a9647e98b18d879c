/* SPDX-License-Identifier: MIT */
#include "kb/frame.h"

#include <assert.h>
#include <string.h>

#include "kb/reading.h"

/* --- keys --------------------------------------------------------------------------------------
 */

bool kb_require(struct kb_reading *g, enum kb_key key)
{
    return g->keys.of[key] ||
           field_reject(g->reject, REJECT_MISSING, kb_key_columns[key].name, "the key is missing");
}

void kb_put_null(struct buf *out)
{
    buf_be32(out, UINT32_MAX);
}

bool kb_put_value(struct kb_reading *g, enum kb_key key, const struct frame_pair *pair,
                  struct buf *out)
{
    uint32_t nulled = 0;
    struct field f = {.out = out,
                      .column = &kb_key_columns[key],
                      .value = &pair->value,
                      .at = &pair->at,
                      .nul = g->reader->nul,
                      .order = &g->reader->order,
                      .numbers_nulled = &nulled,
                      .reject = g->reject};
    if (f.column->type == COLUMN_JSONB && pair->value.type != MP_MAP)
        return field_refuse_type(&f, "a map");
    bool good = field_put(&f);
    g->held->numbers_nulled += nulled;
    return good;
}

bool kb_put_key(struct kb_reading *g, enum kb_key key, struct buf *out)
{
    const struct frame_pair *pair = g->keys.of[key];
    if (!pair) {
        kb_put_null(out);
        return true;
    }
    if (kb_key_columns[key].type == COLUMN_TEXT && field_put_plain(out, &pair->value))
        return true; /* most are */
    return kb_put_value(g, key, pair, out);
}

bool kb_read_count(struct kb_reading *g, enum kb_key key, uint32_t *count)
{
    const struct mp_value *v = &g->keys.of[key]->value;
    if (v->type == MP_UINT && v->u <= INT32_MAX) {
        *count = (uint32_t)v->u;
        return true;
    }
    struct buf *scratch = &g->reader->text;
    buf_clear(scratch);
    if (!kb_put_key(g, key, scratch))
        return false;
    *count = word_be32(scratch->data + 4);
    return *count <= INT32_MAX || kb_refuse(g, key, "an integer from 0 on is wanted");
}

/* Text that is kept with the records; len 0: the frame doesn't have it, or it is empty. */
static bool read_text(struct kb_reading *g, enum kb_key key, struct kb_span *span)
{
    struct buf *texts = &g->held->texts;
    size_t begun = texts->len;
    *span = (struct kb_span){0};
    if (!g->keys.of[key])
        return true;
    if (!kb_put_key(g, key, texts))
        return false;
    *span = (struct kb_span){begun + 4, texts->len - begun - 4};
    return true;
}

bool kb_read_uri(struct kb_reading *g, enum kb_key key, struct kb_span *uri)
{
    if (!read_text(g, key, uri))
        return false;
    if (g->keys.of[key] && uri->len == 0)
        return kb_refuse(g, key, "it is empty");
    return uri->len <= KB_URI_MAX ||
           kb_refuse(g, key, "%zu bytes; %d are the most", uri->len, KB_URI_MAX);
}

static bool read_id(struct kb_reading *g, enum kb_key key, bool *has, struct uuid *id)
{
    struct buf *scratch = &g->reader->text;
    *has = g->keys.of[key] != NULL;
    if (!*has)
        return true;
    buf_clear(scratch);
    if (!kb_put_key(g, key, scratch))
        return false;
    memcpy(id->bytes, scratch->data + 4, sizeof id->bytes);
    return true;
}

/* 64 hexadecimal digits, lower case; some producers say which hash it is. */
static bool read_checksum(struct kb_reading *g, struct kb_span *checksum)
{
    static const char prefix[] = "sha256:";
    const size_t prefix_len = sizeof prefix - 1;
    bool good = true;
    if (!g->keys.of[KEY_CHECKSUM])
        return true;
    if (!read_text(g, KEY_CHECKSUM, checksum))
        return false;
    uint8_t *text = g->held->texts.data + checksum->at;
    if (checksum->len > prefix_len && memcmp(text, prefix, prefix_len) == 0) {
        checksum->at += prefix_len;
        checksum->len -= prefix_len;
        text += prefix_len;
    }
    for (size_t i = 0; i < checksum->len; i++) {
        text[i] = (uint8_t)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + ('a' - 'A') : text[i]);
        good = good && ((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'));
    }
    return (good && checksum->len == HASH_HEX - 1) ||
           kb_refuse(g, KEY_CHECKSUM, "a SHA-256 is wanted, as 64 hexadecimal digits");
}

static bool read_name(struct kb_reading *g)
{
    struct kb_name *name = &g->record.name;
    if (!kb_read_uri(g, KEY_URI, &name->uri) ||
        !read_id(g, KEY_ASSET_ID, &name->has_asset_id, &name->asset_id) ||
        !read_id(g, KEY_DOC_ID, &name->has_doc_id, &name->doc_id) ||
        !read_checksum(g, &g->record.checksum))
        return false;
    if (g->kind == KB_ASSET)
        return kb_require(g, KEY_URI);
    return name->uri.len > 0 || name->has_asset_id || name->has_doc_id ||
           kb_refuse(g, KEY_URI, "the frame names no document: uri, asset_id or doc_id is wanted");
}

/* --- frames ------------------------------------------------------------------------------------
 */

static bool shares_id(bool has_a, const struct uuid *a, bool has_b, const struct uuid *b,
                      bool *is_known)
{
    if (!has_a || !has_b)
        return true;
    *is_known = true;
    return word_same(a->bytes, b->bytes, sizeof a->bytes);
}

/* Is the frame about the document of the one before it: is there a name that both have, and none
 * that differs? */
static bool is_next(const struct kb_reading *g)
{
    const struct kb_reader *reader = g->reader;
    const struct kb_name *a = &reader->before.name;
    const struct kb_name *b = &g->record.name;
    size_t uri_len = reader->before.uri.len;
    bool is_known = false;
    if (!reader->before.is_there || g->frame->index <= reader->before.frame)
        return false;
    if (uri_len > 0 && b->uri.len > 0) {
        is_known = true;
        if (uri_len != b->uri.len ||
            !word_same(reader->before.uri.data, g->held->texts.data + b->uri.at, uri_len))
            return false;
    }
    return shares_id(a->has_asset_id, &a->asset_id, b->has_asset_id, &b->asset_id, &is_known) &&
           shares_id(a->has_doc_id, &a->doc_id, b->has_doc_id, &b->doc_id, &is_known) && is_known;
}

/* For the next frame of the segment. */
static void remember(struct kb_reading *g, size_t segment)
{
    struct kb_reader *reader = g->reader;
    reader->before.is_there = true;
    reader->before.segment = segment;
    reader->before.frame = g->frame->index;
    reader->before.next_idx = g->next_idx;
    reader->before.name = g->record.name;
    buf_clear(&reader->before.uri);
    if (g->record.name.uri.len > 0)
        buf_put(&reader->before.uri, g->held->texts.data + g->record.name.uri.at,
                g->record.name.uri.len);
}

bool kb_frame_is(const struct frame *frame)
{
    enum kb_kind kind;
    return kb_kind_of(frame, &kind);
}

static bool read_kind(struct kb_reading *g)
{
    switch (g->kind) {
    case KB_ASSET:
        return kb_asset_read(g);
    case KB_DOCUMENT:
        return kb_document_read(g);
    case KB_SECTION:
        return kb_section_read(g);
    default:
        return kb_chunk_read(g);
    }
}

static bool read_frame(struct kb_reading *g, size_t segment)
{
    struct kb_reader *reader = g->reader;
    if (kb_held_is_full(g->held))
        return field_reject(g->reject, REJECT_OTHER, "",
                            "the batch has more assets and documents than fit into "
                            "memory: send them in smaller segments, and lower the "
                            "gate's batch.bytes");
    buf_clear(&reader->rest);
    (void)buf_reserve(&reader->rest, 5);
    reader->rest.len = 5;
    kb_keys_find(&g->keys, g->frame, g->kind, g->kind == KB_ASSET ? &reader->rest : NULL);
    if (!read_name(g))
        return false;
    if (reader->before.segment != segment || !is_next(g))
        g->next_idx = -1;
    else
        g->next_idx = reader->before.next_idx;
    return read_kind(g);
}

bool kb_frame_read(struct kb_reader *reader, size_t segment, const struct frame *frame,
                   struct kb_held *held, struct reject *reject)
{
    struct kb_reading g;
    g.reader = reader;
    g.frame = frame;
    g.held = held;
    g.mark = kb_held_mark(held);
    g.record = (struct kb_record){.segment = (uint32_t)segment, .frames = 1, .frame = frame->index};
    g.reject = reject;
    bool is_ours = kb_kind_of(frame, &g.kind);
    assert(is_ours);
    if (!is_ours || !read_frame(&g, segment)) {
        kb_held_back(held, &g.mark);
        return false;
    }
    held->keys_ignored += g.keys.ignored;
    if (kb_record_is_document(&g.record))
        remember(&g, segment);
    kb_held_add(held, &g.mark, &g.record);
    return true;
}

void kb_reader_free(struct kb_reader *reader)
{
    jsonb_order_free(&reader->order);
    buf_free(&reader->text);
    buf_free(&reader->json);
    buf_free(&reader->headings);
    buf_free(&reader->vector);
    buf_free(&reader->rest);
    buf_free(&reader->before.uri);
}
