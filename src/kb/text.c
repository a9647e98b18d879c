/* SPDX-License-Identifier: MIT */
/* A document's text as rows of sections and chunks. */
#include <string.h>

#include "base/decimal.h"
#include "base/hash.h"
#include "base/jsonw.h"
#include "kb/reading.h"

/* Rows of one document: what `md` says stands in each of its chunks. */
#define ROWS_MAX ((size_t)256 << 20)

struct text_rows {
    struct kb_reading *g;
    const struct split *s;
    struct buf *headings; /* JSON: the path of headings of `section` */
    size_t section;
    size_t pack_len; /* the front of reader.json: the field of pack_id */
    size_t md_at;    /* the rest of it: the document's md, without its last brace */
};

static void put_number(struct buf *out, uint64_t number)
{
    out->len = (size_t)(decimal_uint(buf_reserve(out, DECIMAL_BYTES), number) - out->data);
}

/* jsonb_recv: the form's version, which is 1, then JSON text. */
static size_t begin_jsonb(struct buf *out)
{
    size_t begun = field_begin(out);
    buf_byte(out, 1);
    return begun;
}

static void put_heading(struct buf *out, const struct split *s, size_t section)
{
    const struct split_section *of = &s->sections[section];
    jsonw_quote(out, s->headings.data + of->heading_at, of->heading_len);
}

/* Of all sections around the section and of itself, the outermost first; those without are left
 * out. Levels go down towards the root, so there are at most six. */
static void list_headings(struct text_rows *t, size_t section)
{
    size_t path[6];
    size_t depth = 0;
    for (size_t at = section; at != SPLIT_NO_SECTION && depth < 6; at = t->s->sections[at].parent)
        if (t->s->sections[at].heading_len > 0)
            path[depth++] = at;
    t->section = section;
    buf_clear(t->headings);
    buf_byte(t->headings, '[');
    while (depth > 0) {
        put_heading(t->headings, t->s, path[--depth]);
        if (depth > 0)
            buf_byte(t->headings, ',');
    }
    buf_byte(t->headings, ']');
}

/* Ours come last: of equal keys jsonb takes the last. */
static void put_md(struct text_rows *t, const struct split_chunk *c)
{
    struct buf *out = &t->g->held->chunks;
    const struct buf *json = &t->g->reader->json;
    size_t begun = begin_jsonb(out);
    buf_put(out, json->data + t->md_at, json->len - t->md_at);
    buf_str(out, json->len - t->md_at > 1 ? ",\"headings\":" : "\"headings\":");
    buf_put(out, t->headings->data, t->headings->len);
    buf_str(out, ",\"chars\":[");
    put_number(out, c->char_at);
    buf_byte(out, ',');
    put_number(out, c->char_at + c->chars);
    buf_str(out, "],\"lines\":[");
    put_number(out, c->line);
    buf_byte(out, ',');
    put_number(out, c->line + c->lines - 1);
    buf_byte(out, ']');
    if (c->page > 0) {
        buf_str(out, ",\"page\":");
        put_number(out, c->page);
    }
    buf_byte(out, '}');
    field_end(out, begun);
}

static bool put_chunk(struct text_rows *t, size_t index)
{
    struct kb_reader *reader = t->g->reader;
    struct buf *out = &t->g->held->chunks;
    const struct split_chunk *c = &t->s->chunks[index];
    const uint8_t *text = t->s->text.data + c->at;
    uint8_t digest[HASH_BYTES];
    if (c->len > KB_CHUNK_TEXT_MAX)
        return kb_refuse(t->g, KEY_TEXT,
                         "a chunk of it is longer than %zu KiB: lower knowledge.chunk.tokens, or "
                         "take out the white space, which counts as no token",
                         KB_CHUNK_TEXT_MAX >> 10);
    if (t->section != c->section)
        list_headings(t, c->section);
    hash_bytes(text, c->len, digest);
    struct uuid id = uuid_draw(&reader->ids);
    kb_chunk_begin(out, &id, true, (uint32_t)c->section);
    buf_put(out, reader->json.data, t->pack_len);
    field_put_bytes(out, text, c->len);
    field_put_32(out, (uint32_t)c->tokens);
    field_put_32(out, (uint32_t)index);
    field_put_32(out, (uint32_t)reader->split.tokens);
    field_put_32(out, (uint32_t)c->overlap_chars);
    put_md(t, c);
    field_put_bytes(out, "pending", 7);
    field_put_bytes(out, digest, sizeof digest);
    kb_put_null(out); /* model */
    kb_put_null(out); /* embedding */
    return out->len - t->g->mark.chunks <= ROWS_MAX ||
           kb_refuse(t->g, KEY_MD, "its %zu chunks, each with the md, are more than %zu MiB",
                     t->s->chunk_count, ROWS_MAX >> 20);
}

static void put_section(struct text_rows *t, size_t index)
{
    const struct split_section *section = &t->s->sections[index];
    struct buf *out = &t->g->held->sections;
    kb_section_begin(out, (uint32_t)index);
    field_put_32(out, (uint32_t)index);
    if (section->heading_len > 0)
        field_put_bytes(out, t->s->headings.data + section->heading_at, section->heading_len);
    else
        kb_put_null(out);
    size_t begun = begin_jsonb(out);
    buf_str(out, "{\"level\":");
    put_number(out, section->level);
    if (section->parent != SPLIT_NO_SECTION) {
        buf_str(out, ",\"parent\":");
        put_number(out, section->parent);
    }
    buf_byte(out, '}');
    field_end(out, begun);
}

static bool put_rows(struct text_rows *t)
{
    for (size_t i = 0; i < t->s->section_count; i++)
        put_section(t, i);
    for (size_t i = 0; i < t->s->chunk_count; i++)
        if (!put_chunk(t, i))
            return false;
    t->g->record.sections = (uint32_t)t->s->section_count;
    t->g->record.chunks = (uint32_t)t->s->chunk_count;
    return true;
}

/* What is the same in every chunk, in reader.json. */
static bool put_shared(struct text_rows *t)
{
    struct buf *json = &t->g->reader->json;
    buf_clear(json);
    if (!kb_put_key(t->g, KEY_PACK_ID, json))
        return false;
    t->pack_len = t->md_at = json->len;
    if (!t->g->keys.of[KEY_MD]) {
        buf_byte(json, '{');
        return true;
    }
    if (!kb_put_key(t->g, KEY_MD, json))
        return false;
    t->md_at += 5; /* behind the field's length and the form's version */
    json->len--;
    return true;
}

bool kb_text_read(struct kb_reading *g, enum text_format format, struct buf *title)
{
    struct split s = {0};
    struct text_rows t = {
        .g = g, .s = &s, .headings = &g->reader->headings, .section = SPLIT_NO_SECTION};
    const struct buf *text = &g->reader->text;
    bool good = put_shared(&t);
    if (good) {
        const char *problem = split_document(&s, format, text->data, text->len, &g->reader->split);
        good = problem ? kb_refuse(g, KEY_TEXT, "%s", problem) : put_rows(&t);
    }
    if (good && s.title_len > 0)
        field_put_bytes(title, s.headings.data + s.title_at, s.title_len);
    else if (good)
        kb_put_null(title);
    split_free(&s);
    return good;
}
