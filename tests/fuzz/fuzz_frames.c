/* SPDX-License-Identifier: MIT */
/*
 * The walk of a segment's bytes: cursor, reader, rows. Input: three bytes of settings, then a
 * segment.
 *
 *     [0]  bits 0-3 nesting, 4-7 log2 of the frame limit, from 32 on
 *     [1]  bytes that the source gives at a time; 0: all
 *     [2]  bit 0: NUL is stripped
 *
 * What must hold whatever the bytes: frames lie one behind the other and hold what the segment
 * holds; memory stays below the limits; a row or a reject for each frame, and rows that are
 * well-formed.
 */
#define FIRST_WINDOW ((size_t)64)
#include "frame/msgpack.c"
#include "frame/reader.c"
#include "replay/copybin.c"
#include "replay/jsonb.c"
#include "replay/match.c"
#include "shipped.h"
#include "replay/mptime.c"

#include <jansson.h>

struct source {
    const uint8_t *bytes;
    size_t len, at, step;
};

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    size_t n = s->len - s->at < size ? s->len - s->at : size;
    n = s->step && n > s->step ? s->step : n;
    if (n > 0)
        memcpy(room, s->bytes + s->at, n);
    s->at += n;
    *got = n;
    return ERR_OK;
}

/* One row: as many fields as the stream has columns, each of a length that its type allows, text
 * that is text, and jsonb that is JSON. Returns where the row ends. */
static const uint8_t *check_row(const struct stream *s, const uint8_t *p, const uint8_t *end)
{
    assert(end - p >= 2 && p[0] == 0 && p[1] == s->column_count);
    p += 2;
    for (size_t i = 0; i < s->column_count; i++) {
        const struct column *c = &s->columns[i];
        uint32_t len;
        assert(end - p >= 4);
        memcpy(&len, p, 4);
        len = be32toh(len);
        p += 4;
        if (len == UINT32_MAX) {
            assert(!c->required);
            continue;
        }
        assert((size_t)(end - p) >= len);
        if (c->type == COLUMN_TEXT) {
            assert(utf8_check(p, len) == len && !memchr(p, 0, len));
        } else if (c->type == COLUMN_JSONB) {
            assert(len > 1 && p[0] == 1);
            json_t *value = json_loadb((const char *)p + 1, len - 1,
                                       JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
            /* numbers past what jansson holds are the server's to judge */
            assert(value || memchr(p, 'e', len) || len > 19);
            json_decref(value);
        } else {
            assert(len == (c->type == COLUMN_UUID ? 16 : 8));
        }
        p += len;
    }
    return p;
}

/* What the reader noted of a frame is what a walk over its bytes finds. */
static void check_notes(struct copybin *e, const struct frame *frame, const struct buf *rows,
                        bool good)
{
    struct frame bare = *frame;
    struct buf again[2] = {{0}};
    struct copybin_row row;
    struct reject reject;
    bare.pairs = NULL;
    bare.pair_count = 0;
    bool same = copybin_encode(e, &bare, again, &row, &reject) == good;
    for (size_t i = 0; i < 2; i++) {
        same = same && again[i].len == rows[i].len;
        assert(same && (rows[i].len == 0 || memcmp(again[i].data, rows[i].data, rows[i].len) == 0));
        buf_free(&again[i]);
    }
}

static void encode(struct copybin *e, const struct frame *frame)
{
    struct buf rows[2] = {{0}};
    struct copybin_row row;
    struct reject reject = {.reason = ""};
    bool good = copybin_encode(e, frame, rows, &row, &reject);
    assert(rows[0].len == 0 || rows[1].len == 0);
    assert(good == (rows[0].len + rows[1].len > 0));
    check_notes(e, frame, rows, good);
    if (good) {
        const struct stream *s = shipped_streams().streams[row.stream];
        const struct buf *out = &rows[row.stream];
        assert(row.time_us >= e->now_us - s->window_past_us &&
               row.time_us <= e->now_us + s->window_ahead_us);
        assert(check_row(s, out->data, out->data + out->len) == out->data + out->len);
    } else {
        assert(*reject.reason && utf8_check((const uint8_t *)reject.reason,
                                            strlen(reject.reason)) == strlen(reject.reason));
    }
    buf_free(&rows[0]);
    buf_free(&rows[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct uuid batch = {{7}};
    if (len < 3)
        return 0;
    const struct frame_limits limits = {.frame_bytes = UINT64_C(32) << (bytes[0] >> 4),
                                        .string_bytes = UINT64_C(16) << (bytes[0] >> 4),
                                        .keys = 20,
                                        .depth = 1 + (bytes[0] & 15)};
    struct source source = {.bytes = bytes + 3, .len = len - 3, .step = bytes[1]};
    struct frame_reader r = {.fill = fill, .context = &source, .limits = &limits};
    struct copybin e;
    struct frame frame;
    struct err error;
    enum frame_result result;
    uint64_t at = 0;
    uint64_t count = 0;
    copybin_open(&e, shipped_streams(), &batch, INT64_C(1795226221000000),
                 bytes[2] & 1 ? NUL_STRIP : NUL_REJECT);
    while ((result = frame_next(&r, &frame, &error)) == FRAME_NEXT) {
        assert(frame.offset == at && frame.index == count && frame.len > 0);
        assert(frame.len <= limits.frame_bytes && frame.len <= source.len - at);
        assert(memcmp(frame.bytes, source.bytes + at, frame.len) == 0);
        at += frame.len;
        count++;
        encode(&e, &frame);
    }
    assert(r.frames == count && (r.cap <= FIRST_WINDOW || r.cap <= limits.frame_bytes));
    if (result == FRAME_FAILED)
        assert(error.cls == ERR_SEGMENT && *error.text);
    else
        assert(r.sealed || at == source.len);
    frame_reader_free(&r);
    copybin_close(&e);
    return 0;
}
