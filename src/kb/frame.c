/* SPDX-License-Identifier: MIT */
#include "kb/frame.h"

#include <assert.h>
#include <string.h>

#include "kb/reading.h"

static bool read_name(struct kb_reading *g)
{
    struct kb_name *name = &g->record.name;
    if (!kb_read_uri(g, KEY_URI, &name->uri) ||
        !kb_read_id(g, KEY_ASSET_ID, &name->has_asset_id, &name->asset_id) ||
        !kb_read_id(g, KEY_DOC_ID, &name->has_doc_id, &name->doc_id) ||
        !kb_read_checksum(g, &g->record.checksum))
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
