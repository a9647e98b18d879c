/* SPDX-License-Identifier: MIT */
/* Frames of sections and chunks that are ready-made: a row each. */
#include <string.h>

#include "kb/reading.h"

/* What a row says, the ids of its document aside, is what its frame says of the document. */
static void put_row_digest(struct kb_reading *g, const struct buf *rows, size_t row,
                           const struct kb_span *without)
{
    struct hash h;
    struct buf *digests = &g->held->digests;
    const uint8_t sort = (uint8_t)g->kind;
    size_t begin = row + KB_ROW_IDS;
    size_t rest = without->at + without->len;
    hash_start(&h);
    hash_update(&h, &sort, 1);
    hash_update(&h, rows->data + begin, without->at - begin);
    hash_update(&h, rows->data + rest, rows->len - rest);
    hash_finish(&h, buf_reserve(digests, HASH_BYTES));
    digests->len += HASH_BYTES;
}

static const char empty_jsonb[] = "\1{}"; /* the form's version, which is 1, then JSON text */

static bool put_map(struct kb_reading *g, enum kb_key key, struct buf *out)
{
    if (g->keys.of[key])
        return kb_put_key(g, key, out);
    field_put_bytes(out, empty_jsonb, sizeof empty_jsonb - 1);
    return true;
}

/* --- sections ----------------------------------------------------------------------------------
 */

/* `parent` joins the frame's meta. Of equal keys jsonb takes the last. */
static bool put_section_meta(struct kb_reading *g, uint32_t idx, struct buf *out)
{
    uint32_t parent = 0;
    size_t begun = out->len;
    if (!put_map(g, KEY_META, out))
        return false;
    if (!g->keys.of[KEY_PARENT])
        return true;
    if (!kb_read_count(g, KEY_PARENT, &parent))
        return false;
    if (parent >= idx)
        return kb_refuse(g, KEY_PARENT, "section %u can't be above section %u: parents come first",
                         parent, idx);
    out->len--;
    buf_printf(out, "%s\"parent\":%u}", out->data[out->len - 1] == '{' ? "" : ",", parent);
    field_end(out, begun);
    return true;
}

bool kb_section_read(struct kb_reading *g)
{
    struct buf *out = &g->held->sections;
    size_t row = out->len;
    uint32_t idx = 0;
    if (!kb_require(g, KEY_IDX) || !kb_read_count(g, KEY_IDX, &idx))
        return false;
    kb_section_begin(out, idx);
    field_put_32(out, idx);
    if (!kb_put_key(g, KEY_HEADING, out) || !put_section_meta(g, idx, out))
        return false;
    put_row_digest(g, out, row, &(struct kb_span){.at = out->len});
    g->record.sections = 1;
    return true;
}

/* --- chunks ------------------------------------------------------------------------------------
 */

/* The frame's own idx, or the one after the chunk before it. */
static bool read_idx(struct kb_reading *g, uint32_t *idx)
{
    if (g->keys.of[KEY_IDX])
        return kb_read_count(g, KEY_IDX, idx);
    if (g->next_idx < 0)
        return kb_refuse(g, KEY_IDX,
                         "the key is missing, and the frame before this one in its "
                         "segment is not the same document's");
    if (g->next_idx > INT32_MAX)
        return kb_refuse(g, KEY_IDX, "the key is missing, and the chunk before has the highest");
    *idx = (uint32_t)g->next_idx;
    return true;
}

static bool put_text(struct kb_reading *g, struct buf *out, struct kb_span *text)
{
    size_t begun = out->len;
    if (!kb_require(g, KEY_TEXT) || !kb_put_key(g, KEY_TEXT, out))
        return false;
    *text = (struct kb_span){begun + 4, out->len - begun - 4};
    if (text->len > KB_CHUNK_TEXT_MAX)
        return kb_refuse(g, KEY_TEXT, "%zu bytes; a chunk has %zu KiB at the most", text->len,
                         KB_CHUNK_TEXT_MAX >> 10);
    return !split_blank(out->data + text->at, text->len) ||
           kb_refuse(g, KEY_TEXT, "a chunk of white space alone");
}

/* Fields that count something, NULL where the frame doesn't. */
static bool put_count(struct kb_reading *g, enum kb_key key, struct buf *out)
{
    uint32_t count = 0;
    if (!g->keys.of[key]) {
        kb_put_null(out);
        return true;
    }
    if (!kb_read_count(g, key, &count))
        return false;
    field_put_32(out, count);
    return true;
}

static bool put_counts(struct kb_reading *g, struct buf *out, struct kb_span text, uint32_t idx)
{
    if (g->keys.of[KEY_TOKENS]) {
        if (!put_count(g, KEY_TOKENS, out))
            return false;
    } else {
        field_put_32(out, (uint32_t)split_tokens(out->data + text.at, text.len));
    }
    field_put_32(out, idx);
    return put_count(g, KEY_WINDOW, out) && put_count(g, KEY_OVERLAP, out);
}

/* Vectors of two models can't be compared. */
static bool put_model(struct kb_reading *g, struct buf *out)
{
    const char *ours = g->reader->shape->model;
    char text[FIELD_SHOWN];
    size_t begun = out->len;
    if (!kb_put_key(g, KEY_MODEL, out))
        return false;
    if (!g->keys.of[KEY_MODEL])
        return true;
    const uint8_t *model = out->data + begun + 4;
    size_t len = out->len - begun - 4;
    if (len == 0 || len >= KB_MODEL)
        return kb_refuse(g, KEY_MODEL, "%zu bytes; 1 to %d are a model's name", len, KB_MODEL - 1);
    return *ours == '\0' || (len == strlen(ours) && word_same(model, ours, len)) ||
           kb_refuse(g, KEY_MODEL, "\"%s\", but the vectors of this database are of \"%.80s\"",
                     field_show(model, len, text), ours);
}

/* The database's; where none was asked (`spoolgate inspect`), a vector is judged by itself. */
static const struct kb_shape *known_shape(const struct kb_reading *g, const struct mp_value *v,
                                          struct kb_shape *any)
{
    const struct kb_shape *ours = g->reader->shape;
    size_t length = v->type == MP_ARRAY                      ? v->len
                    : v->type == MP_BIN || v->type == MP_EXT ? v->len / sizeof(float)
                                                             : 0;
    if (ours->dimensions > 0)
        return ours;
    *any = *ours;
    any->dimensions = length < KB_DIMENSIONS_MAX ? length : KB_DIMENSIONS_MAX;
    return any;
}

static bool put_vector(struct kb_reading *g, struct buf *out)
{
    const struct frame_pair *pair = g->keys.of[KEY_EMBEDDING];
    struct kb_shape any;
    const struct kb_shape *shape = known_shape(g, &pair->value, &any);
    float *vector =
        (float *)(void *)buf_reserve(&g->reader->vector, shape->dimensions * sizeof *vector);
    char problem[KB_VECTOR_PROBLEM];
    if (!kb_vector_read(shape, &pair->value, &pair->at, vector, problem))
        return kb_refuse(g, KEY_EMBEDDING, "%s", problem);
    kb_vector_put(out, shape, vector);
    g->record.vectors = 1;
    return true;
}

static bool put_embedding(struct kb_reading *g, struct buf *out, struct kb_span text)
{
    bool is_embedded = g->keys.of[KEY_EMBEDDING] != NULL;
    uint8_t digest[HASH_BYTES];
    hash_bytes(out->data + text.at, text.len, digest);
    if (is_embedded)
        field_put_bytes(out, "complete", 8);
    else
        field_put_bytes(out, "pending", 7);
    field_put_bytes(out, digest, sizeof digest);
    if (is_embedded)
        return put_model(g, out) && put_vector(g, out);
    kb_put_null(out);
    kb_put_null(out);
    return true;
}

bool kb_chunk_read(struct kb_reading *g)
{
    struct buf *out = &g->held->chunks;
    size_t row = out->len;
    struct kb_span text = {0};
    uint32_t idx = 0;
    uint32_t section = 0;
    bool has_section = g->keys.of[KEY_SECTION] != NULL;
    if (!read_idx(g, &idx) || (has_section && !kb_read_count(g, KEY_SECTION, &section)))
        return false;
    struct uuid id = uuid_draw(&g->reader->ids);
    kb_chunk_begin(out, &id, has_section, section);
    if (!kb_put_key(g, KEY_PACK_ID, out) || !put_text(g, out, &text) ||
        !put_counts(g, out, text, idx) || !put_map(g, KEY_MD, out) || !put_embedding(g, out, text))
        return false;
    put_row_digest(g, out, row, &text);
    g->record.chunks = 1;
    g->next_idx = (int64_t)idx + 1;
    return true;
}
