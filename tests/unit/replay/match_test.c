/* SPDX-License-Identifier: MIT */
#include "replay/match.h"

#include <stdlib.h>

#include "base/buf.h"
#include "replay/jsonb.h"
#include "bytes.h"

static const struct frame_limits limits = FRAME_LIMITS_DEFAULT;

#define KEY(...)                                \
    .path = (const char *const[]){__VA_ARGS__}, \
    .path_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static const struct column columns[] = {
    {.name = "a", .type = COLUMN_TEXT, KEY("a")},
    {.name = "bb", .type = COLUMN_TEXT, KEY("bb")},
    {.name = "kind", .type = COLUMN_TEXT, KEY("kind")},
    {.name = "batch", .type = COLUMN_UUID, .source = COLUMN_FROM_BATCH},
    {.name = "a_longer_name", .type = COLUMN_TEXT, KEY("a_longer_name")},
};
/* Names of columns and keys differ; two columns take one key, and one takes a map that another
 * looks into. */
static const struct column paths[] = {
    {.name = "1", .type = COLUMN_TEXT, KEY("p", "x")},
    {.name = "2", .type = COLUMN_TEXT, KEY("p", "q", "y")},
    {.name = "3", .type = COLUMN_TEXT, KEY("p", "x")},
    {.name = "4", .type = COLUMN_JSONB, KEY("m")},
    {.name = "5", .type = COLUMN_TEXT, KEY("m", "z")},
    {.name = "6", .type = COLUMN_TEXT, KEY("top")},
    {.name = "7", .type = COLUMN_TEXT, KEY("top")},
    {.name = "8", .type = COLUMN_TEXT, KEY("p", "kind")},
    {.name = "rest", .type = COLUMN_JSONB, .source = COLUMN_FROM_REST},
};
static const struct stream streams[] = {
    {.name = "x", .kind = "x", .columns = columns, .column_count = 2},
    {.name = "y", .kind = "y.longer.than.a.word", .columns = columns, .column_count = 5},
    {.name = "none", .kind = "", .columns = columns, .column_count = 0},
    {.name = "paths", .kind = "p", .columns = paths, .column_count = 8},
    {.name = "rest", .kind = "r", .columns = paths, .column_count = 9},
};
static const struct stream_set set = {streams, COUNT(streams)};

struct memory {
    const uint8_t *p, *end;
};

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct memory *left = context;
    size_t n = (size_t)(left->end - left->p);
    *got = n < size ? n : size;
    memcpy(room, left->p, *got);
    left->p += *got;
    return ERR_OK;
}

static void put_str(struct buf *out, const char *text)
{
    buf_byte(out, (uint8_t)(0xa0 | strlen(text)));
    buf_str(out, text);
}

/* What one frame comes to, as text: the stream's number, each column's value ("-": none; values are
 * small integers here), how many keys are ignored. */
static void describe(struct match *m, const struct frame *frame, struct buf *text)
{
    size_t stream;
    uint32_t ignored;
    if (!match_stream(m, frame, &stream)) {
        buf_str(text, "no stream");
        return;
    }
    cr_assert(match_columns(m, frame, stream, &ignored));
    buf_printf(text, "%zu:", stream);
    for (size_t i = 0; i < streams[stream].column_count; i++) {
        const struct frame_pair *pair = match_pair(m, i);
        if (pair && pair->value.type == MP_UINT)
            buf_printf(text, " %u", (unsigned)pair->value.u);
        else
            buf_str(text, pair ? " ?" : " -");
    }
    buf_printf(text, ", %u ignored", ignored);
    if (m->rest.len > 0) {
        struct mp_cursor c = {m->rest.data, m->rest.data + m->rest.len};
        uint32_t nulled = 0;
        buf_str(text, ", ");
        cr_assert_null(jsonb_append(text, &c, NULL, &nulled));
        cr_assert_eq(c.p, c.end);
    }
}

/* The frames of the bytes, one line each; both as the reader gives them and as bytes alone. */
static void expect_lines(struct match *m, const struct buf *bytes, const char *want)
{
    for (int noted = 1; noted >= 0; noted--) {
        struct memory left = {bytes->data, bytes->data + bytes->len};
        struct frame_reader r = {.fill = fill, .context = &left, .limits = &limits};
        struct frame frame;
        struct err e;
        struct buf got = {0};
        while (frame_next(&r, &frame, &e) == FRAME_NEXT) {
            if (!noted) {
                frame.pairs = NULL;
                frame.pair_count = 0;
            }
            buf_str(&got, got.len > 0 ? "\n" : "");
            describe(m, &frame, &got);
        }
        cr_expect(!err_is(&e), "%s", e.text);
        cr_expect_str_eq(buf_cstr(&got), want, "noted: %d\nwant: %s\n got: %s", noted, want,
                         buf_cstr(&got));
        buf_free(&got);
        frame_reader_free(&r);
    }
}

Test(replay_match, frames)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("\x80"), "no stream"},
        {BYTES("\x81\xa4kind\xa1z"), "no stream"},
        {BYTES("\x81\xa4kind\xa0"), "2:, 0 ignored"},
        {BYTES("\x81\xa4kind\xa1x"), "0: - -, 0 ignored"},
        {BYTES("\x83\xa4kind\xa1x\xa1"
               "a\x01\xa2"
               "bb\x02"),
         "0: 1 2, 0 ignored"},
        /* the same keys in another order, after habits were formed */
        {BYTES("\x83\xa2"
               "bb\x03\xa4kind\xa1x\xa1"
               "a\x04"),
         "0: 4 3, 0 ignored"},
        {BYTES("\x83\xa4kind\xa1x\xa1"
               "b\x01\xa2"
               "ba\x02"),
         "0: - -, 2 ignored"},
        /* keys that are no strings, or bin of the same bytes */
        {BYTES("\x84\xa4kind\xa1x\x01\x02\xc4\x01"
               "a\x03\xc0\x04"),
         "0: - -, 3 ignored"},
        /* duplicates: the last; nil: none */
        {BYTES("\x84\xa4kind\xa1x\xa1"
               "a\x01\xa1"
               "a\x02\xa1"
               "a\x03"),
         "0: 3 -, 0 ignored"},
        {BYTES("\x83\xa4kind\xa1x\xa1"
               "a\x01\xa1"
               "a\xc0"),
         "0: - -, 0 ignored"},
        /* a stream with a column `kind`, and one that the batch fills */
        {BYTES("\x83\xa4kind\xb4y.longer.than.a.word\xad"
               "a_longer_name\x05\xa5"
               "batch\x01"),
         "1: - - ? - 5, 1 ignored"},
        {BYTES("\x82\xa4kind\xb4y.longer.than.a.worD\xa1"
               "a\x01"),
         "no stream"},
    };
    struct match m;
    match_open(&m, &set);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            struct buf bytes = {0};
            buf_put(&bytes, rows[i].bytes, rows[i].len);
            expect_lines(&m, &bytes, rows[i].want);
            buf_free(&bytes);
        }
    match_close(&m);
}

/* A map of more pairs than the reader notes: columns' keys at every place, and twice. */
Test(replay_match, more_pairs_than_are_noted)
{
    enum { PAIRS = FRAME_PAIRS + 4 };
    struct match m;
    match_open(&m, &set);
    for (size_t first = 0; first < PAIRS; first++)
        for (size_t second = 0; second < PAIRS; second++) {
            struct buf bytes = {0};
            char want[80];
            buf_byte(&bytes, 0xde);
            buf_be16(&bytes, PAIRS + 1);
            for (size_t i = 0; i < PAIRS; i++) {
                put_str(&bytes, i == first ? "a" : i == second ? "bb" : "other");
                buf_byte(&bytes, (uint8_t)i);
            }
            put_str(&bytes, "kind");
            put_str(&bytes, "x");
            (void)snprintf(want, sizeof want, "0: %zu %zu, %d ignored", first, second, PAIRS - 2);
            if (first == second)
                (void)snprintf(want, sizeof want, "0: %zu -, %d ignored", first, PAIRS - 1);
            expect_lines(&m, &bytes, want);
            buf_free(&bytes);
        }
    match_close(&m);
}

/* The last wins on either side of where the noting ends. */
Test(replay_match, duplicates_past_the_noted_pairs)
{
    struct match m;
    struct buf bytes = {0};
    match_open(&m, &set);
    buf_byte(&bytes, 0xde);
    buf_be16(&bytes, FRAME_PAIRS + 3);
    put_str(&bytes, "kind");
    put_str(&bytes, "x");
    for (size_t i = 0; i < FRAME_PAIRS; i++) {
        put_str(&bytes, "a");
        buf_byte(&bytes, (uint8_t)i);
    }
    put_str(&bytes, "bb");
    buf_byte(&bytes, 7);
    put_str(&bytes, "a");
    buf_byte(&bytes, 0xc0);
    expect_lines(&m, &bytes, "0: - 7, 0 ignored");
    buf_free(&bytes);
    match_close(&m);
}

#define P "\xa4kind\xa1p"
#define R "\xa4kind\xa1r"

/* Columns whose keys lie deeper: 1 to 8 of `paths`. */
Test(replay_match, paths)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("\x81" P), "3: - - - - - - - -, 0 ignored"},
        {BYTES("\x82" P "\xa3top\x01"), "3: - - - - - 1 1 -, 0 ignored"},
        {BYTES("\x82" P "\xa1p\x81\xa1x\x01"), "3: 1 - 1 - - - - -, 0 ignored"},
        {BYTES("\x82" P "\xa1p\x82\xa1q\x81\xa1y\x02\xa1x\x01"), "3: 1 2 1 - - - - -, 0 ignored"},
        /* `kind` inside of a map is a key like others */
        {BYTES("\x82" P "\xa1p\x81\xa4kind\x07"), "3: - - - - - - - 7, 0 ignored"},
        /* a whole map, and a key inside of it; the map's other keys are taken with it */
        {BYTES("\x82" P "\xa1m\x82\xa1z\x05\xa1o\x06"), "3: - - - ? 5 - - -, 0 ignored"},
        {BYTES("\x82" P "\xa1m\x09"), "3: - - - 9 - - - -, 0 ignored"},
        /* steps that lead nowhere: no map, nil, an array, another key */
        {BYTES("\x82" P "\xa1p\x01"), "3: - - - - - - - -, 1 ignored"},
        {BYTES("\x82" P "\xa1p\xc0"), "3: - - - - - - - -, 0 ignored"},
        {BYTES("\x82" P "\xa1p\x92\xa1x\x01"), "3: - - - - - - - -, 1 ignored"},
        {BYTES("\x82" P "\xa1p\x80"), "3: - - - - - - - -, 0 ignored"},
        {BYTES("\x82" P "\xa1p\x81\xa1q\xa1y"), "3: - - - - - - - -, 1 ignored"},
        {BYTES("\x82" P "\xa1p\x81\xa1x\xc0"), "3: - - - - - - - -, 0 ignored"},
        /* a column's key of the outer map doesn't stand for one inside, nor the reverse */
        {BYTES("\x83" P "\xa1x\x01\xa1p\x81\xa3top\x02"), "3: - - - - - - - -, 2 ignored"},
        /* keys that no column takes are counted where they are */
        {BYTES("\x83" P "\xa1o\x01\xa1p\x83\xa1x\x01\x02\x03\xa1q\x82\xa1y\x02\x90\x80"),
         "3: 1 2 1 - - - - -, 3 ignored"},
        /* the last of duplicates, in each map; what was in one before it is gone */
        {BYTES("\x83" P "\xa1p\x82\xa1x\x01\xa1q\x81\xa1y\x02\xa1p\x82\xa1x\x03\xa1x\x04"),
         "3: 4 - 4 - - - - -, 0 ignored"},
        {BYTES("\x83" P "\xa1p\x81\xa1x\x01\xa1p\x05"), "3: - - - - - - - -, 1 ignored"},
        {BYTES("\x83" P "\xa1p\x05\xa1p\x81\xa1x\x01"), "3: 1 - 1 - - - - -, 0 ignored"},
        {BYTES("\x83" P "\xa1p\x81\xa1x\x01\xa1p\xc0"), "3: - - - - - - - -, 0 ignored"},
    };
    struct match m;
    match_open(&m, &set);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            struct buf bytes = {0};
            buf_put(&bytes, rows[i].bytes, rows[i].len);
            expect_lines(&m, &bytes, rows[i].want);
            buf_free(&bytes);
        }
    match_close(&m);
}

/* What the column `rest` gets: duplicates are left to jsonb. */
Test(replay_match, rest)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("\x81" R), "4: - - - - - - - - -, 0 ignored, {}"},
        {BYTES("\x83" R "\xa3top\x01\xa1m\x81\xa1o\x01"), "4: - - - ? - 1 1 - -, 0 ignored, {}"},
        {BYTES("\x85" R "\xa1o\x01\xa5"
               "event\xa1"
               "e\x07\x91\xc0\xa1n\xc0"),
         "4: - - - - - - - - -, 0 ignored, {\"o\":1,\"event\":\"e\",\"7\":[null],\"n\":null}"},
        /* maps that are looked into: what is left of them, in front of nothing */
        {BYTES("\x83" R "\xa1p\x82\xa1x\x01\xa1o\x02\xa1o\x03"),
         "4: 1 - 1 - - - - - -, 0 ignored, {\"o\":3,\"p\":{\"o\":2}}"},
        {BYTES("\x82" R "\xa1p\x81\xa1x\x01"), "4: 1 - 1 - - - - - -, 0 ignored, {}"},
        {BYTES("\x82" R "\xa1p\x80"), "4: - - - - - - - - -, 0 ignored, {}"},
        {BYTES("\x82" R "\xa1p\x82\xa1q\x82\xa1y\x01\xa1w\x02\xa1x\x03"),
         "4: 3 1 3 - - - - - -, 0 ignored, {\"p\":{\"q\":{\"w\":2}}}"},
        {BYTES("\x82" R "\xa1p\x82\xa1q\x81\xa1y\x01\xa1o\x02"),
         "4: - 1 - - - - - - -, 0 ignored, {\"p\":{\"o\":2}}"},
        /* those that are no maps are left whole; nil is nothing */
        {BYTES("\x82" R "\xa1p\x05"), "4: - - - - - - - - -, 0 ignored, {\"p\":5}"},
        {BYTES("\x82" R "\xa1p\xc0"), "4: - - - - - - - - -, 0 ignored, {}"},
        {BYTES("\x82" R "\xa1p\x81\xa1q\x91\x01"),
         "4: - - - - - - - - -, 0 ignored, {\"p\":{\"q\":[1]}}"},
        /* of duplicates the last decides, also where nothing is left of it */
        {BYTES("\x83" R "\xa1p\x05\xa1p\x81\xa1x\x01"), "4: 1 - 1 - - - - - -, 0 ignored, {}"},
        {BYTES("\x83" R "\xa1p\x81\xa1o\x01\xa1p\x05"),
         "4: - - - - - - - - -, 0 ignored, {\"p\":5}"},
        {BYTES("\x83" R "\xa1o\x01\xa1o\x02"),
         "4: - - - - - - - - -, 0 ignored, {\"o\":1,\"o\":2}"},
    };
    struct match m;
    match_open(&m, &set);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            struct buf bytes = {0};
            buf_put(&bytes, rows[i].bytes, rows[i].len);
            expect_lines(&m, &bytes, rows[i].want);
            buf_free(&bytes);
        }
    match_close(&m);
}

/* The rest of a frame of more pairs than are noted; its memory is given back. */
Test(replay_match, rest_of_many)
{
    enum { PAIRS = 5000 };
    struct match m;
    struct buf bytes = {0};
    uint32_t ignored;
    match_open(&m, &set);
    buf_byte(&bytes, 0xde);
    buf_be16(&bytes, PAIRS + 1);
    buf_str(&bytes, R);
    for (unsigned i = 0; i < PAIRS; i++) {
        buf_byte(&bytes, 0xae);
        buf_printf(&bytes, "key.number%04u", i);
        buf_byte(&bytes, (uint8_t)(i % 128));
    }
    struct frame frame = {.bytes = bytes.data, .len = bytes.len};
    cr_assert(match_columns(&m, &frame, 4, &ignored));
    cr_expect_eq(ignored, 0);
    cr_expect_eq(m.rest.len, 5 + PAIRS * 16, "%zu bytes are left", m.rest.len);
    cr_expect_eq(word_be32(m.rest.data + 1), PAIRS);
    frame = (struct frame){.bytes = (const uint8_t *)"\x80", .len = 1};
    cr_assert(match_columns(&m, &frame, 4, &ignored));
    cr_expect_eq(m.rest.len, 5);
    cr_expect_leq(m.rest.cap, 64 * 1024);
    buf_free(&bytes);
    match_close(&m);
}
