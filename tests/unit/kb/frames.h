/* SPDX-License-Identifier: MIT */
/*
 * frames: frames of the knowledge base written as JSON, and what is held of them written as text.
 *
 *     struct frames f;
 *     frames_open(&f);
 *     frames_read(&f, "[{'kind': 'document', 'uri': 'a', 'text': 'b'}]");   // ' stands for "
 *     cr_expect_str_eq(frames_show(&f), "document 0+1 uri=a title=- meta=-\n ...");
 *     frames_close(&f);
 *
 * A call of frames_read is a segment; "\0..." inside of JSON can't be, "\u0000" can. A reject is a
 * line of its own: "reject 3 text: not a map".
 */
#ifndef SPOOLGATE_TESTS_FRAMES_H
#define SPOOLGATE_TESTS_FRAMES_H

#include <jansson.h>
#include <stdlib.h>

#include "bytes.h"
#include "frame/pack.h"
#include "kb/frame.h"

struct frames {
    struct kb_shape shape;
    struct kb_reader reader;
    struct kb_held held;
    size_t segments;
    struct buf rejects, shown;
};

static inline void frames_open(struct frames *f)
{
    memset(f, 0, sizeof *f);
    f->shape = (struct kb_shape){.type = KB_VECTOR, .dimensions = 2, .model = "lexical"};
    f->reader = (struct kb_reader){.shape = &f->shape, .split = {.tokens = 16, .overlap = 4}};
    kb_held_open(&f->held, 1 << 20);
}

static inline void frames_close(struct frames *f)
{
    kb_reader_free(&f->reader);
    kb_held_close(&f->held);
    buf_free(&f->rejects);
    buf_free(&f->shown);
}

struct frames_source {
    const uint8_t *bytes;
    size_t len;
};

static inline struct err frames_fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct frames_source *s = context;
    *got = s->len < size ? s->len : size;
    if (*got > 0)
        memcpy(room, s->bytes, *got);
    s->bytes += *got;
    s->len -= *got;
    return ERR_OK;
}

static inline void frames_read_bytes(struct frames *f, const void *bytes, size_t len)
{
    const struct frame_limits limits = FRAME_LIMITS_DEFAULT;
    struct frames_source source = {bytes, len};
    struct frame_reader r = {.fill = frames_fill, .context = &source, .limits = &limits};
    struct frame frame;
    struct err e;
    enum frame_result result;
    while ((result = frame_next(&r, &frame, &e)) == FRAME_NEXT) {
        struct reject reject = {.reason = ""};
        if (!kb_frame_read(&f->reader, f->segments, &frame, &f->held, &reject))
            buf_printf(&f->rejects, "reject %d %s: %s\n", (int)frame.index, reject.column,
                       reject.reason);
    }
    cr_assert_eq(result, FRAME_END, "%s", e.text);
    f->segments++;
    frame_reader_free(&r);
}

/* A string "f32:1,-2" becomes bin of float32, so that vectors can be written. */
static inline void frames_pack(struct buf *out, const json_t *map)
{
    const char *key;
    json_t *value;
    buf_byte(out, 0xde);
    buf_be16(out, (uint16_t)json_object_size(map));
    json_object_foreach((json_t *)map, key, value)
    {
        json_t *name = json_string(key);
        pack_json(out, name);
        json_decref(name);
        const char *text = json_string_value(value);
        if (!text || strncmp(text, "f32:", 4) != 0) {
            pack_json(out, value);
            continue;
        }
        size_t at = out->len;
        buf_byte(out, 0xc4);
        buf_byte(out, 0);
        for (char *p = (char *)text + 3; *p != '\0';) {
            float number = strtof(p + 1, &p);
            buf_put(out, &number, sizeof number);
        }
        out->data[at + 1] = (uint8_t)(out->len - at - 2);
    }
}

static inline void frames_read(struct frames *f, const char *text)
{
    struct buf json = {0};
    struct buf bytes = {0};
    json_error_t error;
    size_t i;
    json_t *frame;
    buf_str(&json, text);
    for (size_t at = 0; at < json.len; at++)
        json.data[at] = json.data[at] == '\'' ? '"' : json.data[at];
    json_t *frames = json_loads(buf_cstr(&json), JSON_ALLOW_NUL, &error);
    cr_assert(frames, "%s: %s", text, error.text);
    json_array_foreach(frames, i, frame) frames_pack(&bytes, frame);
    frames_read_bytes(f, bytes.data, bytes.len);
    json_decref(frames);
    buf_free(&json);
    buf_free(&bytes);
}

/* --- showing -----------------------------------------------------------------------------------
 */

static inline void frames_show_uuid(struct buf *out, const uint8_t *bytes)
{
    char text[UUID_TEXT];
    struct uuid id;
    memcpy(id.bytes, bytes, sizeof id.bytes);
    buf_str(out, uuid_format(&id, text));
}

static inline void frames_show_vector(struct buf *out, const uint8_t *p, uint32_t len)
{
    for (uint32_t at = 4; at < len; at += 4) {
        uint32_t bits = word_be32(p + at);
        float number;
        memcpy(&number, &bits, sizeof number);
        buf_printf(out, "%s%g", at > 4 ? "," : "", (double)number);
    }
}

/* One field by the letter of its type: Text, Int4, 8: int8 or time, Json, Uuid, Vector, Bytes. */
static inline const uint8_t *frames_show_field(struct buf *out, char type, const uint8_t *p)
{
    uint32_t len = word_be32(p);
    p += 4;
    if (len == UINT32_MAX) {
        buf_str(out, "-");
        return p;
    }
    if (type == 'T')
        buf_put(out, p, len);
    else if (type == 'I')
        buf_printf(out, "%d", (int32_t)word_be32(p));
    else if (type == '8')
        buf_printf(out, "%lld", (long long)word_be64(p));
    else if (type == 'J')
        buf_put(out, p + 1, len - 1);
    else if (type == 'U')
        frames_show_uuid(out, p);
    else if (type == 'V')
        frames_show_vector(out, p, len);
    else
        buf_printf(out, "%u bytes", len);
    return p + len;
}

static inline void frames_show_span(struct frames *f, const char *name, struct kb_span span)
{
    if (span.len > 0)
        buf_printf(&f->shown, " %s=%.*s", name, (int)span.len, f->held.texts.data + span.at);
}

static inline void frames_show_record(struct frames *f, const struct kb_record *r)
{
    static const char asset_types[] = "TTTTTT8TT" /* to thumbnail_uri */ "T8JT";
    struct buf *out = &f->shown;
    bool is_part = !r->is_head && !r->has_asset;
    buf_printf(out, "%s %u.%llu+%u",
               is_part      ? "part"
               : r->is_head ? "document"
                            : "asset",
               r->segment, (unsigned long long)r->frame, r->frames);
    frames_show_span(f, "uri", r->name.uri);
    if (r->name.has_asset_id) {
        buf_str(out, " asset_id=");
        frames_show_uuid(out, r->name.asset_id.bytes);
    }
    if (r->name.has_doc_id) {
        buf_str(out, " doc_id=");
        frames_show_uuid(out, r->name.doc_id.bytes);
    }
    frames_show_span(f, "checksum", r->checksum);
    frames_show_span(f, "previous_uri", r->previous_uri);
    if (r->is_retired)
        buf_str(out, " retired");
    buf_byte(out, '\n');
    if (r->asset.len > 0) {
        const uint8_t *p = f->held.fields.data + r->asset.at;
        buf_str(out, r->has_asset ? "  is" : "  may be");
        for (size_t i = 0; i < KB_ASSET_FIELDS; i++) {
            buf_byte(out, ' ');
            p = frames_show_field(out, asset_types[i], p);
        }
        cr_expect_eq(p, f->held.fields.data + r->asset.at + r->asset.len);
        buf_byte(out, '\n');
    }
    if (r->is_head) {
        const uint8_t *p = f->held.fields.data + r->document.at;
        buf_str(out, "  title ");
        p = frames_show_field(out, 'T', p);
        buf_str(out, " meta ");
        p = frames_show_field(out, 'J', p);
        buf_byte(out, '\n');
        cr_expect_eq(p, f->held.fields.data + r->document.at + r->document.len);
    }
}

static inline void frames_show_rows(struct frames *f, const struct buf *all, struct kb_span part,
                                    uint32_t count, const char *types, const char *label)
{
    struct kb_rows rows = kb_rows_of(all, part);
    struct kb_row row;
    for (; kb_rows_next(&rows, &row); count--) {
        struct buf copy = {0};
        struct kb_ids ids = {.doc = {{7}}};
        if (*label == 's')
            kb_section_fill(&copy, &row, &ids);
        else
            kb_chunk_fill(&copy, &row, &ids);
        cr_assert_eq(copy.len, row.len);
        cr_expect_eq(word_be16(copy.data), 2 + strlen(types));
        const uint8_t *p = copy.data + 42; /* behind the two ids */
        buf_printf(&f->shown, "  %s", label);
        for (const char *t = types; *t; t++) {
            buf_byte(&f->shown, ' ');
            if (*t == 'S') { /* section_id: as its document's and its idx have it */
                for (uint32_t idx = 0; word_be32(p) == 16 && idx < 100; idx++) {
                    struct uuid id = kb_section_id(&ids.doc, idx);
                    if (memcmp(id.bytes, p + 4, 16) == 0)
                        buf_printf(&f->shown, "s%u", idx);
                }
                struct buf scratch = {0};
                p = frames_show_field(&scratch, 'U', p);
                if (bytes_equal(scratch.data, scratch.len, "-", 1))
                    buf_byte(&f->shown, '-');
                buf_free(&scratch);
            } else {
                p = frames_show_field(&f->shown, *t, p);
            }
        }
        cr_expect_eq(p, copy.data + copy.len);
        buf_byte(&f->shown, '\n');
        buf_free(&copy);
    }
    cr_expect_eq(count, 0, "%u rows less than counted", count);
}

static inline const char *frames_show(struct frames *f)
{
    buf_clear(&f->shown);
    for (size_t i = 0; i < f->held.count; i++) {
        const struct kb_record *r = &f->held.records[i];
        frames_show_record(f, r);
        frames_show_rows(f, &f->held.sections, r->section_rows, r->sections, "ITJ", "section");
        frames_show_rows(f, &f->held.chunks, r->chunk_rows, r->chunks, "SUTIIIIJTBTV", "chunk");
    }
    buf_put(&f->shown, f->rejects.data, f->rejects.len);
    return buf_cstr(&f->shown);
}

#endif
