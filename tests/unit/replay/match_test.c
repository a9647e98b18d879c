/* SPDX-License-Identifier: MIT */
#include "replay/match.h"

#include <stdlib.h>

#include "base/buf.h"
#include "bytes.h"

static const struct frame_limits limits = FRAME_LIMITS_DEFAULT;

static const struct column columns[] = {
    {.name = "a", .type = COLUMN_TEXT},
    {.name = "bb", .type = COLUMN_TEXT},
    {.name = "kind", .type = COLUMN_TEXT},
    {.name = "batch", .type = COLUMN_UUID, .source = COLUMN_FROM_BATCH},
    {.name = "a_longer_name", .type = COLUMN_TEXT},
};
static const struct stream streams[] = {
    {.name = "x", .kind = "x", .columns = columns, .column_count = 2},
    {.name = "y", .kind = "y.longer.than.a.word", .columns = columns, .column_count = 5},
    {.name = "none", .kind = "", .columns = columns, .column_count = 0},
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
        const struct frame_pair *pair = m->fields[i].pair;
        if (pair && pair->value.type == MP_UINT)
            buf_printf(text, " %u", (unsigned)pair->value.u);
        else
            buf_str(text, pair ? " ?" : " -");
    }
    buf_printf(text, ", %u ignored", ignored);
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
