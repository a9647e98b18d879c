/* SPDX-License-Identifier: MIT */
#include "kb/held.h"

#include "base/word.h"
#include "bytes.h"

static struct kb_held held;

static void open_held(void)
{
    kb_held_open(&held, 1000);
}

static void close_held(void)
{
    kb_held_close(&held);
}

TestSuite(kb_held, .init = open_held, .fini = close_held);

static const struct uuid chunk_id = {{1, 2, 3}};

/* A record of a part with so many chunks, each with a text of `bytes` bytes. */
static void add(size_t segment, uint64_t frame, const char *uri, uint32_t chunks, size_t bytes)
{
    struct kb_mark mark = kb_held_mark(&held);
    struct kb_record r = {.segment = (uint32_t)segment,
                          .frame = frame,
                          .frames = 1,
                          .chunks = chunks,
                          .vectors = chunks,
                          .name.uri = {held.texts.len, strlen(uri)}};
    buf_str(&held.texts, uri);
    for (uint32_t i = 0; i < chunks; i++) {
        kb_chunk_begin(&held.chunks, &chunk_id, false, 0);
        buf_be32(&held.chunks, UINT32_MAX);
        buf_be32(&held.chunks, (uint32_t)bytes);
        for (size_t n = 0; n < bytes; n++)
            buf_byte(&held.chunks, 'x');
        for (int fields = 0; fields < 9; fields++)
            buf_be32(&held.chunks, UINT32_MAX);
    }
    for (int i = 0; i < HASH_BYTES; i++)
        buf_byte(&held.digests, (uint8_t)frame);
    kb_held_add(&held, &mark, &r);
}

static const char *shown(char text[BYTES_TEXT])
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < held.count; i++) {
        const struct kb_record *r = &held.records[i];
        struct kb_rows rows = kb_rows_of(&held.chunks, r->chunk_rows);
        struct kb_row row;
        unsigned walked = 0;
        while (!held.is_over && kb_rows_next(&rows, &row))
            walked++;
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, "%u.%d+%u:%.*s %u/%u ", r->segment,
                               (int)r->frame, r->frames, (int)r->name.uri.len,
                               (const char *)held.texts.data + r->name.uri.at, r->chunks, walked);
    }
    return text;
}

#define EXPECT_RECORDS(want)                                                      \
    do {                                                                          \
        char text_[BYTES_TEXT];                                                   \
        cr_expect_str_eq(shown(text_), (want), "want %s, got %s", (want), text_); \
    } while (0)

Test(kb_held, parts_of_one_document_in_one_segment_are_one_record)
{
    add(0, 0, "a", 1, 5);
    add(0, 1, "a", 2, 0);
    add(0, 7, "b", 1, 1);
    add(0, 8, "a", 1, 1);
    add(1, 0, "a", 1, 1);
    EXPECT_RECORDS("0.0+2:a 3/3 0.7+1:b 1/1 0.8+1:a 1/1 1.0+1:a 1/1 ");
    cr_expect_eq(held.texts.len, 4, "names of joined frames aren't kept: got %zu", held.texts.len);
    cr_expect_eq(held.records[1].digest_at, 2 * HASH_BYTES);
    cr_expect_eq(held.records[0].vectors, 3);
}

Test(kb_held, heads_and_assets_are_records_of_their_own)
{
    for (int i = 0; i < 6; i++) {
        struct kb_mark mark = kb_held_mark(&held);
        struct kb_record r = {.frames = 1, .frame = (uint64_t)i, .is_head = i<2, .has_asset = i> 3};
        kb_held_add(&held, &mark, &r);
    }
    EXPECT_RECORDS("0.0+1: 0/0 0.1+1: 0/0 0.2+2: 0/0 0.4+1: 0/0 0.5+1: 0/0 ");
    cr_expect(kb_record_is_document(&held.records[0]));
    cr_expect(kb_record_is_document(&held.records[2]));
    cr_expect_not(kb_record_is_document(&held.records[3]));
}

Test(kb_held, ids_and_checksums_keep_records_apart)
{
    buf_str(&held.texts, "uv");
    const struct kb_record rows[] = {
        {.frames = 1, .name = {.has_doc_id = true, .doc_id = {{1}}}},
        {.frames = 1, .name = {.has_doc_id = true, .doc_id = {{1}}}},
        {.frames = 1, .name = {.has_doc_id = true, .doc_id = {{2}}}},
        {.frames = 1, .name = {.has_asset_id = true, .asset_id = {{2}}}},
        {.frames = 1, .name = {.has_asset_id = true, .asset_id = {{2}}}, .checksum = {0, 1}},
        {.frames = 1, .name = {.has_asset_id = true, .asset_id = {{2}}}, .checksum = {1, 1}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct kb_mark mark = kb_held_mark(&held);
        kb_held_add(&held, &mark, &rows[i]);
    }
    cr_expect_eq(held.count, 5, "got %zu", held.count);
    cr_expect_eq(held.records[0].frames, 2, "got %u", held.records[0].frames);
}

Test(kb_held, over_the_budget_rows_are_let_go_and_counts_stay)
{
    add(0, 0, "a", 1, 700);
    cr_expect_not(held.is_over);
    cr_expect_gt(kb_held_bytes(&held), 700);
    add(0, 1, "a", 2, 200);
    cr_expect(held.is_over);
    add(0, 2, "b", 3, 10);
    cr_expect_eq(held.chunks.cap, 0, "%zu bytes stay", held.chunks.cap);
    EXPECT_RECORDS("0.0+2:a 3/0 0.2+1:b 3/0 ");
    kb_held_clear(&held);
    cr_expect_not(held.is_over);
    cr_expect_eq(kb_held_bytes(&held), 0);
    add(0, 0, "c", 1, 10);
    EXPECT_RECORDS("0.0+1:c 1/1 ");
}

Test(kb_held, what_was_refused_leaves_nothing)
{
    add(0, 0, "a", 1, 1);
    size_t bytes = kb_held_bytes(&held);
    struct kb_mark mark = kb_held_mark(&held);
    buf_str(&held.texts, "text");
    buf_str(&held.fields, "fields");
    buf_str(&held.sections, "rows");
    buf_str(&held.chunks, "rows");
    buf_str(&held.digests, "digest");
    kb_held_back(&held, &mark);
    cr_expect_eq(kb_held_bytes(&held), bytes);
    add(0, 1, "a", 1, 1);
    EXPECT_RECORDS("0.0+2:a 2/2 ");
}

Test(kb_held, full)
{
    held.records_max = 3 * sizeof(struct kb_record);
    for (int i = 0; i < 3; i++) {
        cr_expect_not(kb_held_is_full(&held), "record %d", i);
        add((size_t)i, 0, "a", 1, 1);
    }
    cr_expect(kb_held_is_full(&held));
}

Test(kb_held, find)
{
    static const struct {
        size_t segment;
        uint64_t frame;
        size_t want;
    } rows[] = {{0, 0, 0}, {0, 1, 0}, {0, 7, 1}, {0, 8, 2}, {2, 3, 3}, {2, 4, 4}, {2, 4, 4}};
    size_t cursor = 0;
    add(0, 0, "a", 1, 1);
    add(0, 1, "a", 1, 1);
    add(0, 7, "b", 1, 1);
    add(0, 8, "a", 1, 1);
    add(2, 3, "a", 1, 1);
    add(2, 4, "b", 1, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t got = kb_held_find(&held, rows[i].segment, rows[i].frame, &cursor);
        cr_expect_eq(got, rows[i].want, "%zu.%d: want %zu, got %zu", rows[i].segment,
                     (int)rows[i].frame, rows[i].want, got);
    }
}

/* Rows get the ids of their document, and the rest of them stays as it was. */
Test(kb_held, fill)
{
    const struct uuid doc = {{9, 8, 7}};
    const struct uuid section = kb_section_id(&doc, 5);
    struct kb_ids ids = {.doc = doc};
    struct buf row = {0};
    struct buf out = {0};
    kb_chunk_begin(&row, &chunk_id, true, 5);
    buf_str(&row, "rest");
    kb_chunk_fill(&out, &(struct kb_row){row.data, row.len}, &ids);
    cr_assert_eq(out.len, row.len);
    EXPECT_BYTES(out.data, 6, "\0\x0e\0\0\0\x10", 6, "fields");
    EXPECT_BYTES(out.data + 6, 20, row.data + 6, 20, "chunk_id");
    EXPECT_BYTES(out.data + 26, 16, doc.bytes, 16, "doc_id");
    EXPECT_BYTES(out.data + 42, 4, "\0\0\0\x10", 4, "section_id");
    EXPECT_BYTES(out.data + 46, 16, section.bytes, 16, "section_id");
    EXPECT_BYTES(out.data + 62, out.len - 62, "rest", 4, "rest");

    buf_clear(&row);
    buf_clear(&out);
    kb_chunk_begin(&row, &chunk_id, false, 5);
    buf_str(&row, "rest");
    kb_chunk_fill(&out, &(struct kb_row){row.data, row.len}, &ids);
    EXPECT_BYTES(out.data + 26, 16, doc.bytes, 16, "doc_id");
    EXPECT_BYTES(out.data + 42, out.len - 42, "\xff\xff\xff\xffrest", 8, "no section");

    buf_clear(&row);
    buf_clear(&out);
    kb_section_begin(&row, 5);
    buf_str(&row, "rest");
    kb_section_fill(&out, &(struct kb_row){row.data, row.len}, &ids);
    EXPECT_BYTES(out.data, 6, "\0\x05\0\0\0\x10", 6, "fields");
    EXPECT_BYTES(out.data + 6, 16, section.bytes, 16, "section_id");
    EXPECT_BYTES(out.data + 26, 16, doc.bytes, 16, "doc_id");
    EXPECT_BYTES(out.data + 42, out.len - 42, "rest", 4, "rest");
    buf_free(&row);
    buf_free(&out);
}

/* They must never be others: what is in the database was made with them. */
Test(kb_held, ids_are_the_same_for_ever)
{
    char text[UUID_TEXT];
    const struct uuid doc = {{0}};
    struct uuid asset = kb_asset_id("s3://a/b", 8);
    struct uuid document = kb_doc_id("s3://a/b", 8);
    struct uuid section = kb_section_id(&doc, 1);
    cr_expect_str_eq(uuid_format(&asset, text), "b0562cfa-25c7-801b-87d6-aaa5f23e1b5a", "got %s",
                     text);
    cr_expect_str_eq(uuid_format(&document, text), "c942bb65-76c1-8424-aa66-53a2dfb9775a", "got %s",
                     text);
    cr_expect_str_eq(uuid_format(&section, text), "3f474e61-b54a-80e4-a127-001dfd031743", "got %s",
                     text);
}
