/* SPDX-License-Identifier: MIT */
/*
 * Frames of the knowledge base: their reading, what is held of them, and the plan of a batch.
 * Input: two bytes of settings, then a segment, which is read twice, as two segments.
 *
 *     [0]  bits 0-1 type of vectors, 2-3 how many numbers they have (0: any), bit 4: NUL is
 * stripped, bit 5: a small budget [1]  tokens of a chunk, from 16 on
 *
 * What must hold whatever the bytes: a refused frame leaves nothing; rows are well-formed and as
 * many as are counted; the second segment has what the first had; every frame belongs to one asset
 * or document of the plan.
 */
#define FIRST_WINDOW ((size_t)64)
#include "frame/reader.c"
#include "kb/asset.c"
#include "kb/chunk.c"
#include "kb/frame.c"
#include "kb/held.c"
#include "kb/keys.c"
#include "kb/media.c"
#include "kb/reading.c"
#include "kb/text.c"
#include "kb/vector.c"

#include <jansson.h>

#include "kb/plan.h"

static const struct frame_limits limits = FRAME_LIMITS_DEFAULT;

struct source {
    const uint8_t *bytes;
    size_t len;
};

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    *got = s->len < size ? s->len : size;
    if (*got > 0)
        memcpy(room, s->bytes, *got);
    s->bytes += *got;
    s->len -= *got;
    return ERR_OK;
}

/* --- rows --------------------------------------------------------------------------------------
 */

static void check_jsonb(const uint8_t *p, uint32_t len)
{
    json_error_t error;
    assert(len > 2 && p[0] == 1);
    json_t *value = json_loadb((const char *)p + 1, len - 1, JSON_ALLOW_NUL, &error);
    /* jansson takes no number past a double's; Postgres does. */
    assert(json_is_object(value) || json_error_code(&error) == json_error_numeric_overflow);
    json_decref(value);
}

static bool is_finite_field(const uint8_t *p, enum kb_vector_type type)
{
    return type == KB_HALFVEC ? (p[0] & 0x7c) != 0x7c : (word_be32(p) & 0x7f800000) != 0x7f800000;
}

static void check_vector(const struct kb_shape *shape, const uint8_t *p, uint32_t len)
{
    size_t head = shape->type == KB_REAL ? 24 : 4; /* the first element's length included */
    size_t step = shape->type == KB_REAL ? 8 : shape->type == KB_HALFVEC ? 2 : 4;
    size_t count = (len - (shape->type == KB_REAL ? 20 : 4)) / step;
    assert(len == (shape->type == KB_REAL ? 20 : 4) + count * step && count > 0);
    assert(shape->dimensions == 0 || shape->dimensions == count);
    for (size_t i = 0; i < count; i++)
        assert(is_finite_field(p + head + i * step, shape->type));
}

/* By the letter of its type: Id, Text, Number from 0 on, Json, 3: 32 bytes, 8 bytes, Vector; in
 * lower case: it may be NULL. Returns where the field ends. */
static const uint8_t *check_field(const struct kb_shape *shape, char type, const uint8_t *p,
                                  const uint8_t *end)
{
    assert(end - p >= 4);
    uint32_t len = word_be32(p);
    p += 4;
    if (len == UINT32_MAX) {
        assert(type >= 'a');
        return p;
    }
    assert(len <= (size_t)(end - p));
    switch (type & ~0x20) {
    case 'I':
        assert(len == 16);
        break;
    case 'T':
        assert(utf8_check(p, len) == len && !memchr(p, 0, len));
        break;
    case 'N':
        assert(len == 4 && p[0] < 0x80);
        break;
    case 'J':
        check_jsonb(p, len);
        break;
    case 'H':
        assert(len == HASH_BYTES);
        break;
    case 'E':
        assert(len == 8);
        break;
    default:
        check_vector(shape, p, len);
        break;
    }
    return p + len;
}

static void check_rows(const struct kb_shape *shape, const struct buf *all, struct kb_span part,
                       uint32_t count, const char *types)
{
    struct kb_rows rows = kb_rows_of(all, part);
    struct kb_row row;
    struct kb_ids ids = {.doc = {{1}}};
    struct buf filled = {0};
    for (; kb_rows_next(&rows, &row); count--) {
        const uint8_t *end = row.bytes + row.len;
        const uint8_t *p = row.bytes + 2;
        assert(word_be16(row.bytes) == strlen(types));
        for (const char *type = types; *type; type++)
            p = check_field(shape, *type, p, end);
        assert(p == end);
        buf_clear(&filled);
        if (strlen(types) == SECTION_FIELDS)
            kb_section_fill(&filled, &row, &ids);
        else
            kb_chunk_fill(&filled, &row, &ids);
        assert(filled.len == row.len);
    }
    assert(count == 0);
    buf_free(&filled);
}

static void check_fields(const struct kb_shape *shape, const struct buf *fields,
                         struct kb_span span, const char *types)
{
    const uint8_t *p = fields->data + span.at;
    const uint8_t *end = p + span.len;
    for (; *types; types++)
        p = check_field(shape, *types, p, end);
    assert(p == end);
}

static void check_record(const struct kb_held *h, const struct kb_shape *shape,
                         const struct kb_record *r)
{
    assert(r->frames > 0 && r->vectors <= r->chunks);
    assert(r->name.uri.len > 0 || r->name.has_asset_id || r->name.has_doc_id);
    assert(r->name.uri.len == 0 ||
           utf8_check(h->texts.data + r->name.uri.at, r->name.uri.len) == r->name.uri.len);
    assert(r->checksum.len == 0 || r->checksum.len == 64);
    assert(!r->has_asset || r->asset.len > 0);
    if (r->asset.len > 0)
        check_fields(shape, &h->fields, r->asset, "ttttttetttejT");
    if (r->is_head)
        check_fields(shape, &h->fields, r->document, "tj");
    if (h->is_over)
        return;
    check_rows(shape, &h->sections, r->section_rows, r->sections, "IINtJ");
    check_rows(shape, &h->chunks, r->chunk_rows, r->chunks, "IIiiTNNnnJTHtv");
}

/* --- frames ------------------------------------------------------------------------------------
 */

/* Returns how many frames were taken. */
static uint64_t read_segment(struct kb_reader *reader, size_t segment, const uint8_t *bytes,
                             size_t len, struct kb_held *held)
{
    struct source source = {bytes, len};
    struct frame_reader r = {.fill = fill, .context = &source, .limits = &limits};
    struct frame frame;
    struct err e;
    uint64_t taken = 0;
    while (frame_next(&r, &frame, &e) == FRAME_NEXT) {
        struct reject reject = {.reason = ""};
        size_t before = kb_held_bytes(held);
        if (!kb_frame_is(&frame))
            continue;
        if (kb_frame_read(reader, segment, &frame, held, &reject))
            taken++;
        else
            assert(*reject.reason && kb_held_bytes(held) == before);
    }
    frame_reader_free(&r);
    return taken;
}

/* Everything but the ids of chunks. */
static void check_same(const struct kb_held *h, uint64_t first, uint64_t second)
{
    size_t half = h->digests.len / 2;
    assert(first == second && h->count % 2 == 0 && h->digests.len % 2 == 0);
    assert(half == 0 || memcmp(h->digests.data, h->digests.data + half, half) == 0);
    for (size_t i = 0; i < h->count / 2; i++) {
        const struct kb_record *a = &h->records[i];
        const struct kb_record *b = &h->records[h->count / 2 + i];
        assert(a->frame == b->frame && a->frames == b->frames && a->chunks == b->chunks);
        assert(a->sections == b->sections && a->vectors == b->vectors);
    }
}

static void check_plan(const struct kb_held *h, uint64_t taken)
{
    struct kb_plan p;
    struct buf fields = {0};
    uint64_t frames = 0;
    kb_plan_open(&p, h);
    for (size_t i = 0; i < h->count; i++) {
        kb_plan_add(&p, i);
        assert(kb_record_is_document(&h->records[i]) ? p.ref_of[i] < p.count
                                                     : p.asset_of[i] < p.asset_count);
    }
    for (size_t i = 0; i < p.asset_count; i++) {
        frames += p.assets[i].frames;
        kb_plan_put_fields(&fields, &p, &p.assets[i]);
    }
    for (size_t i = 0; i < p.count; i++) {
        frames += p.refs[i].frames;
        assert(p.refs[i].asset == KB_NONE || p.refs[i].asset < p.asset_count);
    }
    assert(frames == taken);
    buf_free(&fields);
    kb_plan_close(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    const struct kb_shape shape = {
        .type = (bytes[0] & 3) % 3, .dimensions = bytes[0] >> 2 & 3, .model = "m"};
    struct kb_reader readers[2];
    struct kb_held held;
    uint64_t taken[2];
    kb_held_open(&held, bytes[0] & 32 ? 200 : 1 << 20);
    for (size_t i = 0; i < 2; i++) {
        readers[i] = (struct kb_reader){
            .shape = &shape,
            .split = {.tokens = 16U + bytes[1], .overlap = 8},
            .nul = bytes[0] & 16 ? NUL_STRIP : NUL_REJECT,
        };
        taken[i] = read_segment(&readers[i], i, bytes + 2, len - 2, &held);
        kb_reader_free(&readers[i]);
    }
    for (size_t i = 0; i < held.count; i++)
        check_record(&held, &shape, &held.records[i]);
    check_same(&held, taken[0], taken[1]);
    check_plan(&held, taken[0] + taken[1]);
    kb_held_close(&held);
    return 0;
}
