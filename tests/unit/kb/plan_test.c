/* SPDX-License-Identifier: MIT */
#include "kb/plan.h"

#include <stdlib.h>

#include "base/word.h"
#include "bytes.h"

static struct kb_held held;
static struct kb_plan plan;

static void open_plan(void)
{
    kb_held_open(&held, 1000);
}

static void close_plan(void)
{
    kb_plan_close(&plan);
    kb_held_close(&held);
}

TestSuite(kb_plan, .init = open_plan, .fini = close_plan);

/* A frame, as a line: what it is, and its names; "head uri=a doc=1 sum=x was=b", "asset uri=a
 * asset=1 title=t", "text ..." (an asset with its text), "part ...". One digit ids. */
static struct kb_span text_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    if (!at)
        return (struct kb_span){0};
    at += strlen(key);
    struct kb_span span = {held.texts.len, strcspn(at, " ")};
    buf_put(&held.texts, at, span.len);
    return span;
}

static bool id_of(const char *line, const char *key, struct uuid *id)
{
    const char *at = strstr(line, key);
    *id = (struct uuid){{at ? (uint8_t)(at[strlen(key)] - '0') : 0}};
    return at != NULL;
}

static struct kb_span fields_of(const char *line)
{
    static const char *const names[KB_ASSET_FIELDS] = {
        [KB_ASSET_TITLE] = " title=", [KB_ASSET_SOURCE] = " source="};
    size_t begun = held.fields.len;
    for (size_t i = 0; i < KB_ASSET_FIELDS; i++) {
        const char *at = names[i] ? strstr(line, names[i]) : NULL;
        size_t len = at ? strcspn(at + strlen(names[i]), " ") : 0;
        buf_be32(&held.fields, at ? (uint32_t)len : UINT32_MAX);
        if (at)
            buf_put(&held.fields, at + strlen(names[i]), len);
    }
    return (struct kb_span){begun, held.fields.len - begun};
}

static void add(const char *line)
{
    struct kb_mark mark = kb_held_mark(&held);
    struct kb_record r = {.frames = 1, .frame = held.count, .segment = (uint32_t)held.count};
    bool is_part = strncmp(line, "part", 4) == 0;
    r.has_asset = strncmp(line, "asset", 5) == 0 || strncmp(line, "text", 4) == 0;
    r.is_head = strncmp(line, "head", 4) == 0 || strncmp(line, "text", 4) == 0;
    r.chunks = is_part;
    r.name.uri = text_of(line, " uri=");
    r.name.has_asset_id = id_of(line, " asset=", &r.name.asset_id);
    r.name.has_doc_id = id_of(line, " doc=", &r.name.doc_id);
    if (strstr(line, " doc=own")) {
        struct kb_span uri = text_of(line, " own=");
        r.name.doc_id = kb_doc_id(held.texts.data + uri.at, uri.len);
    }
    r.checksum = text_of(line, " sum=");
    r.previous_uri = text_of(line, " was=");
    if (!is_part)
        r.asset = fields_of(line);
    for (int i = 0; i < HASH_BYTES && kb_record_is_document(&r); i++)
        buf_byte(&held.digests, (uint8_t)strlen(line));
    kb_held_add(&held, &mark, &r);
}

static size_t put_span(char *text, size_t at, const char *label, struct kb_span span)
{
    if (span.len == 0)
        return at;
    return at + (size_t)snprintf(text + at, BYTES_TEXT - at, " %s=%.*s", label, (int)span.len,
                                 (const char *)held.texts.data + span.at);
}

/* "0:a/0 1:a/1 | a0 uri=a frames=1 | r0 a0 ... frames=1", by record, asset and ref. */
static const char *shown(char text[BYTES_TEXT])
{
    size_t at = 0;
    for (size_t i = 0; i < plan.asset_count; i++) {
        const struct kb_plan_asset *a = &plan.assets[i];
        struct buf fields = {0};
        kb_plan_put_fields(&fields, &plan, a);
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, "asset%zu", i);
        at = put_span(text, at, "uri", a->uri);
        at = put_span(text, at, "was", a->previous_uri);
        if (a->has_asset_id)
            at += (size_t)snprintf(text + at, BYTES_TEXT - at, " asset=%u", a->asset_id.bytes[0]);
        const uint8_t *p = fields.data;
        for (size_t f = 0; f < KB_ASSET_FIELDS; f++) {
            uint32_t len = word_be32(p);
            if (len != UINT32_MAX)
                at += (size_t)snprintf(text + at, BYTES_TEXT - at, " %s=%.*s",
                                       f == KB_ASSET_TITLE ? "title" : "source", (int)len, p + 4);
            p += 4 + (len == UINT32_MAX ? 0 : len);
        }
        cr_expect_eq(p, fields.data + fields.len);
        buf_free(&fields);
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, "%s+%d%s\n",
                               a->is_described ? " described" : "", (int)a->frames,
                               a->problem ? " refused" : "");
    }
    for (size_t i = 0; i < plan.count; i++) {
        const struct kb_ref *r = &plan.refs[i];
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, "ref%zu of %d", i,
                               r->asset == KB_NONE ? -1 : (int)r->asset);
        if (r->has_doc_id)
            at += (size_t)snprintf(text + at, BYTES_TEXT - at, " doc=%u", r->given_id.bytes[0]);
        at = put_span(text, at, "sum", r->checksum);
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, " head=%d chunks=%d+%d%s%s\n",
                               r->head ? (int)r->head->frame : -1, (int)r->chunks, (int)r->frames,
                               r->is_superseded ? " superseded" : "",
                               r->target == KB_TARGET_REJECT ? " refused" : "");
        cr_expect_eq(r->target == KB_TARGET_REJECT, r->problem[0] != '\0');
    }
    if (plan.superseded > 0)
        (void)snprintf(text + at, BYTES_TEXT - at, "superseded %d\n", (int)plan.superseded);
    return text;
}

static void make_plan(const char *lines)
{
    char line[200];
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)len, lines);
        add(line);
        lines += len + (lines[len] == '\n');
    }
    kb_plan_open(&plan, &held);
    for (size_t i = 0; i < held.count; i++)
        kb_plan_add(&plan, i);
}

Test(kb_plan, refs)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"asset uri=a title=t", "asset0 uri=a title=t described+1\n"},
        /* one asset by all of its names; the last frame that has a key counts */
        {"asset uri=a title=t source=s\nasset uri=a asset=1 title=u\nasset uri=a asset=1",
         "asset0 uri=a asset=1 title=u source=s described+3\n"},
        {"asset uri=a asset=1\nhead asset=1\npart uri=a",
         "asset0 uri=a asset=1 described+1\nref0 of 0 head=1 chunks=1+2\n"},
        {"text uri=a title=t\npart uri=a\npart uri=a",
         "asset0 uri=a title=t described+0\nref0 of 0 head=0 chunks=2+3\n"},
        /* what a document says of its asset counts where no asset's frame does */
        {"head uri=a source=s\nhead uri=b source=s\nasset uri=a title=t\nhead uri=a source=r",
         "asset0 uri=a title=t described+1\nasset1 uri=b source=s+0\n"
         "ref0 of 0 head=0 chunks=0+1 superseded\nref1 of 1 head=1 chunks=0+1\n"
         "ref2 of 0 head=3 chunks=0+1\nsuperseded 1\n"},
        /* a document by its own id alone */
        {"part doc=1\npart doc=1\npart doc=2",
         "ref0 of -1 doc=1 head=-1 chunks=2+2\nref1 of -1 doc=2 head=-1 chunks=1+1\n"},
        {"head uri=a doc=1\npart doc=1\npart uri=a",
         "asset0 uri=a+0\nref0 of 0 doc=1 head=0 chunks=2+3\n"},
        {"part doc=1\npart doc=1 uri=a\npart uri=a",
         "asset0 uri=a+0\nref0 of 0 doc=1 head=-1 chunks=3+3\n"},
        /* an asset with several documents */
        {"head uri=a doc=1\nhead uri=a doc=2\npart doc=1\npart doc=2\npart uri=a",
         "asset0 uri=a+0\nref0 of 0 doc=1 head=0 chunks=1+2\nref1 of 0 doc=2 head=1 chunks=2+3\n"},
        {"head uri=a\nhead uri=a doc=2", "asset0 uri=a+0\nref0 of 0 head=0 chunks=0+1\n"
                                         "ref1 of 0 doc=2 head=1 chunks=0+1\n"},
        {"head uri=a\npart doc=own own=a uri=a",
         "asset0 uri=a+0\nref0 of 0 doc=OWN head=0 chunks=1+2\n"},
        /* a second head */
        {"head uri=a\npart uri=a\nhead uri=a\npart uri=a",
         "asset0 uri=a+0\nref0 of 0 head=0 chunks=1+2 superseded\n"
         "ref1 of 0 head=2 chunks=1+2\nsuperseded 2\n"},
        {"part uri=a\nhead uri=a doc=1\nhead doc=1",
         "asset0 uri=a+0\nref0 of 0 head=-1 chunks=1+1\nref1 of 0 doc=1 head=1 chunks=0+1 "
         "superseded\nref2 of 0 doc=1 head=2 chunks=0+1\nsuperseded 1\n"},
        /* of an asset with its text, the asset still counts */
        {"text uri=a title=t\npart uri=a\nhead uri=a",
         "asset0 uri=a title=t described+1\nref0 of 0 head=0 chunks=1+1 superseded\n"
         "ref1 of 0 head=2 chunks=0+1\nsuperseded 1\n"},
        /* checksums */
        {"head uri=a\npart uri=a sum=x\npart uri=a\npart uri=a sum=x\npart uri=a sum=y\npart uri=a",
         "asset0 uri=a+0\nref0 of 0 sum=x head=0 chunks=4+5\nref1 of 0 sum=y head=-1 chunks=1+1\n"},
        /* contradictions are refused, and nothing else is */
        {"asset uri=a asset=1\nasset uri=a asset=2\nhead uri=b asset=1\nhead uri=a",
         "asset0 uri=a asset=1 described+1\nasset1 uri=a asset=2 described+1 refused\n"
         "asset2 uri=b asset=1+0 refused\nref0 of 2 head=2 chunks=0+1 refused\n"
         "ref1 of 0 head=3 chunks=0+1\n"},
        {"head uri=a doc=1\nhead uri=b doc=1\npart uri=b\npart doc=1",
         "asset0 uri=a+0\nasset1 uri=b+0 refused\nasset2 uri=b+0\n"
         "ref0 of 0 doc=1 head=0 chunks=1+2\nref1 of 1 head=1 chunks=0+1 refused\n"
         "ref2 of 2 head=-1 chunks=1+1\n"},
        {"head uri=a doc=1\nhead uri=b\nhead uri=b doc=1",
         "asset0 uri=a+0\nasset1 uri=b+0\nref0 of 0 doc=1 head=0 chunks=0+1\n"
         "ref1 of 1 head=1 chunks=0+1\nref2 of 1 head=2 chunks=0+1 refused\n"},
        /* renamed: in the database, and within the batch */
        {"head uri=b was=a\npart uri=b", "asset0 uri=b was=a+0\nref0 of 0 head=0 chunks=1+2\n"},
        {"head uri=a\nhead uri=b was=a\nhead uri=c was=b\nhead uri=a",
         "asset0 uri=c was=a+0\nasset1 uri=a+0\nref0 of 0 head=0 chunks=0+1 superseded\n"
         "ref1 of 0 head=1 chunks=0+1 superseded\nref2 of 0 head=2 chunks=0+1\n"
         "ref3 of 1 head=3 chunks=0+1\nsuperseded 2\n"},
        {"head uri=a\nhead uri=b\nhead uri=b was=a",
         "asset0 uri=a+0\nasset1 uri=b was=a+0\nref0 of 0 head=0 chunks=0+1\n"
         "ref1 of 1 head=1 chunks=0+1 superseded\nref2 of 1 head=2 chunks=0+1\nsuperseded 1\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[BYTES_TEXT];
        char want[BYTES_TEXT];
        const struct uuid own = kb_doc_id("a", 1);
        const char *mark = strstr(rows[i].want, "OWN");
        kb_held_clear(&held);
        make_plan(rows[i].in);
        if (mark)
            (void)snprintf(want, sizeof want, "%.*s%u%s", (int)(mark - rows[i].want), rows[i].want,
                           own.bytes[0], mark + 3);
        else
            (void)snprintf(want, sizeof want, "%s", rows[i].want);
        cr_expect_str_eq(shown(text), want, "%s\nwant:\n%s\n got:\n%s", rows[i].in, want, text);
        kb_plan_close(&plan);
    }
    make_plan("");
}

Test(kb_plan, what_a_record_belongs_to)
{
    make_plan("asset uri=a\nhead uri=b\npart uri=b\nhead uri=c\nasset uri=b");
    const uint32_t assets[] = {0, 1, 1, 2, 1};
    const uint32_t refs[] = {KB_NONE, 0, 0, 1, KB_NONE};
    for (size_t i = 0; i < held.count; i++) {
        cr_expect_eq(plan.asset_of[i], assets[i], "%zu: got %u", i, plan.asset_of[i]);
        cr_expect_eq(plan.ref_of[i], refs[i], "%zu: got %u", i, plan.ref_of[i]);
    }
    kb_plan_close(&plan);
    kb_plan_open(&plan, &held);
    kb_plan_add(&plan, 3);
    cr_expect_eq(plan.ref_of[1], KB_NONE);
    cr_expect_eq(plan.asset_of[1], KB_NONE);
    cr_expect_eq(plan.ref_of[3], 0);
}

/* Content is the same however it was cut into segments, and not in another order. */
Test(kb_plan, digests)
{
    static const struct {
        const char *one, *two;
        bool are_same;
    } rows[] = {
        {"head uri=a\npart uri=a\npart uri=ab", "head uri=a\npart uri=ab\npart uri=a", true},
        {"head uri=a sum=x\npart uri=a\npart uri=a sum=x",
         "head uri=a sum=x\npart uri=a sum=x\npart uri=a", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t one[HASH_BYTES];
        kb_held_clear(&held);
        make_plan(rows[i].one);
        memcpy(one, plan.refs[0].digest, HASH_BYTES);
        kb_plan_close(&plan);
        kb_held_clear(&held);
        make_plan(rows[i].two);
        cr_expect_eq(memcmp(one, plan.refs[0].digest, HASH_BYTES) == 0, rows[i].are_same,
                     "%s\n--\n%s", rows[i].one, rows[i].two);
        kb_plan_close(&plan);
    }
    /* one record of two frames, and two of one */
    uint8_t both[HASH_BYTES];
    kb_held_clear(&held);
    make_plan("part uri=a\npart uri=a");
    memcpy(both, plan.refs[0].digest, HASH_BYTES);
    kb_plan_close(&plan);
    held.count = 1;
    held.records[0].frames = 2;
    kb_plan_open(&plan, &held);
    kb_plan_add(&plan, 0);
    EXPECT_BYTES(plan.refs[0].digest, HASH_BYTES, both, HASH_BYTES, "digest");
}

/* Many names: every one of them is found again. */
Test(kb_plan, many)
{
    enum { MANY = 5000 };
    char line[64];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            (void)snprintf(line, sizeof line, "%s uri=file-%d", round ? "part" : "head", i);
            add(line);
        }
    make_plan("");
    cr_expect_eq(plan.asset_count, MANY, "got %zu", plan.asset_count);
    cr_expect_eq(plan.count, MANY, "got %zu", plan.count);
    for (size_t i = 0; i < plan.count; i++)
        cr_assert_eq(plan.refs[i].frames, 2, "ref %zu: %d frames", i, (int)plan.refs[i].frames);
}
