/* SPDX-License-Identifier: MIT */
/*
 * The walk of a segment's bytes: cursor, reader, rows. Input: three bytes of settings, then a
 * segment.
 *
 *     [0]  bits 0-3 nesting, 4-7 log2 of the frame limit, from 32 on
 *     [1]  bytes that the source gives at a time; 0: all
 *     [2]  bit 0: NUL is stripped; bit 1: the gate does not take events
 *
 * What must hold whatever the bytes: frames lie one behind the other and hold what the segment
 * holds; memory stays below the limits; a row or a reject for each frame, and rows that are
 * well-formed.
 */
#define FIRST_WINDOW ((size_t)64)
#include "frame/msgpack.c"
#include "frame/reader.c"
#include "replay/copybin.c"
#include "replay/field.c"
#include "replay/field_array.c"
#include "replay/field_binary.c"
#include "replay/field_interval.c"
#include "replay/field_number.c"
#include "replay/field_numeric.c"
#include "replay/field_time.c"
#include "replay/jsonb.c"
#include "replay/match.c"
#include "replay/mptime.c"

#include <jansson.h>

#include "manifest/manifest.h"

#define KEY(key, type_)                                                                     \
    {                                                                                       \
        .name = (key), .type = (type_), .path = (const char *const[]){key}, .path_count = 1 \
    }
#define DEEP(name_, type_, ...)                                                         \
    {                                                                                   \
        .name = (name_), .type = (type_), .path = (const char *const[]){__VA_ARGS__},   \
        .path_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *) \
    }

/* Every type, from keys of one letter; some of them deeper, with what is left of their maps. */
static const struct column all_columns[] = {
    KEY("a", COLUMN_TEXT),
    KEY("b", COLUMN_JSONB),
    KEY("c", COLUMN_BOOL),
    KEY("d", COLUMN_INT2),
    KEY("e", COLUMN_INT4),
    KEY("f", COLUMN_INT8),
    KEY("g", COLUMN_FLOAT4),
    KEY("h", COLUMN_FLOAT8),
    KEY("i", COLUMN_NUMERIC),
    KEY("j", COLUMN_TIMESTAMPTZ),
    KEY("k", COLUMN_DATE),
    KEY("l", COLUMN_INTERVAL),
    KEY("m", COLUMN_UUID),
    KEY("n", COLUMN_BYTEA),
    KEY("o", COLUMN_INET),
    KEY("p", COLUMN_TEXT_ARRAY),
    KEY("q", COLUMN_INT8_ARRAY),
    KEY("r", COLUMN_FLOAT8_ARRAY),
    {.name = "s",
     .type = COLUMN_VECTOR,
     .dimensions = 2,
     .path = (const char *const[]){"s"},
     .path_count = 1},
    {.name = "t",
     .type = COLUMN_HALFVEC,
     .dimensions = 2,
     .path = (const char *const[]){"s"},
     .path_count = 1},
    DEEP("u", COLUMN_TEXT, "x", "a"),
    DEEP("v", COLUMN_INT8, "x", "y", "a"),
    DEEP("w", COLUMN_NUMERIC, "x", "y", "a"),
    DEEP("x", COLUMN_BOOL, "b", "k"),
    {.name = "rest", .type = COLUMN_JSONB, .source = COLUMN_FROM_REST},
    {.name = "segment", .type = COLUMN_TEXT, .source = COLUMN_FROM_SEGMENT},
    {.name = "frame", .type = COLUMN_INT8, .source = COLUMN_FROM_FRAME},
};

/* The built-in streams, all types, and all types by the date. */
enum { STREAMS = 4 };
static struct stream streams[STREAMS];
static const struct stream_set set = {streams, STREAMS};

static void make_streams(void)
{
    static const struct manifest *shipped; /* for as long as we run */
    if (shipped)
        return;
    shipped = manifest_default();
    streams[0] = shipped->streams.streams[0];
    streams[1] = shipped->streams.streams[1];
    streams[2] = (struct stream){.name = "all",
                                 .kind = "z",
                                 .columns = all_columns,
                                 .column_count = sizeof all_columns / sizeof *all_columns,
                                 .time_column = STREAM_NO_COLUMN};
    streams[3] = streams[2];
    streams[3].kind = "d";
    streams[3].time_column = 10;
    streams[3].every = PERIOD_MONTH;
    streams[3].window_past_us = 400 * TIME_US_PER_DAY;
    streams[3].window_ahead_us = TIME_US_PER_DAY;
    streams[3].keep_us = 90 * TIME_US_PER_DAY;
}

static bool is_finite_single(const uint8_t *p)
{
    return (word_be32(p) & 0x7f800000) != 0x7f800000;
}

static void check_jsonb(const uint8_t *p, uint32_t len)
{
    assert(len > 1 && p[0] == 1);
    json_t *value =
        json_loadb((const char *)p + 1, len - 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    /* numbers past what jansson holds are the server's to judge */
    assert(value || memchr(p, 'e', len) || len > 19);
    json_decref(value);
}

/* As numeric_recv looks at it. */
static void check_numeric(const uint8_t *p, uint32_t len)
{
    assert(len >= 8 && len == 8 + 2U * word_be16(p));
    assert(word_be16(p + 6) <= 16383 && (word_be16(p + 4) & 0x0fff) == 0);
    for (uint32_t i = 8; i < len; i += 2)
        assert(word_be16(p + i) < 10000);
    assert(len == 8 || word_be16(p + 8) > 0);
}

/* As array_recv does. */
static void check_array(const uint8_t *p, uint32_t len, uint32_t oid, bool is_text)
{
    const uint8_t *end = p + len;
    bool has_null = false;
    assert(len >= 12 && word_be32(p + 8) == oid && word_be32(p) <= 1);
    if (word_be32(p) == 0) {
        assert(len == 12 && word_be32(p + 4) == 0);
        return;
    }
    uint32_t count = word_be32(p + 12);
    assert(len >= 20 && count > 0 && word_be32(p + 16) == 1);
    const uint8_t *at = p + 20;
    for (; count > 0; count--) {
        assert(end - at >= 4);
        uint32_t size = word_be32(at);
        at += 4;
        has_null = has_null || size == UINT32_MAX;
        if (size == UINT32_MAX)
            continue;
        assert(size <= (size_t)(end - at));
        assert(is_text ? utf8_check(at, size) == size && !memchr(at, 0, size) : size == 8);
        at += size;
    }
    assert(at == end && word_be32(p + 4) == has_null);
}

/* A field that isn't NULL, by its type. */
static void check_field(const struct column *c, const uint8_t *p, uint32_t len)
{
    static const uint8_t widths[COLUMN_TYPES] = {
        [COLUMN_BOOL] = 1,        [COLUMN_INT2] = 2,    [COLUMN_INT4] = 4,
        [COLUMN_INT8] = 8,        [COLUMN_FLOAT4] = 4,  [COLUMN_FLOAT8] = 8,
        [COLUMN_DATE] = 4,        [COLUMN_UUID] = 16,   [COLUMN_VECTOR] = 12,
        [COLUMN_TIMESTAMPTZ] = 8, [COLUMN_HALFVEC] = 8, [COLUMN_INTERVAL] = 16};
    assert(widths[c->type] == 0 || len == widths[c->type]);
    switch (c->type) {
    case COLUMN_TEXT:
        assert(utf8_check(p, len) == len && !memchr(p, 0, len));
        break;
    case COLUMN_JSONB:
        check_jsonb(p, len);
        break;
    case COLUMN_BOOL:
        assert(*p <= 1);
        break;
    case COLUMN_NUMERIC:
        check_numeric(p, len);
        break;
    case COLUMN_INET:
        assert(len == 4U + p[3] && p[2] == 0 && p[1] <= 8 * p[3]);
        assert((p[0] == 2 && p[3] == 4) || (p[0] == 3 && p[3] == 16));
        break;
    case COLUMN_TEXT_ARRAY:
        check_array(p, len, 25, true);
        break;
    case COLUMN_INT8_ARRAY:
        check_array(p, len, 20, false);
        break;
    case COLUMN_FLOAT8_ARRAY:
        check_array(p, len, 701, false);
        break;
    case COLUMN_VECTOR:
        assert(word_be32(p) == 2 << 16 && is_finite_single(p + 4) && is_finite_single(p + 8));
        break;
    case COLUMN_HALFVEC:
        assert(word_be32(p) == 2 << 16 && (p[4] & 0x7c) != 0x7c && (p[6] & 0x7c) != 0x7c);
        break;
    default:
        break;
    }
}

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

/* One row: as many fields as the stream has columns, each of a form that its type's *_recv takes.
 * Returns where the row ends. */
static const uint8_t *check_row(const struct stream *s, const uint8_t *p, const uint8_t *end)
{
    assert(end - p >= 2 && p[0] == 0 && p[1] == s->column_count);
    p += 2;
    for (size_t i = 0; i < s->column_count; i++) {
        const struct column *c = &s->columns[i];
        assert(end - p >= 4);
        uint32_t len = word_be32(p);
        p += 4;
        if (len == UINT32_MAX) {
            assert(!c->required && c->source == COLUMN_FROM_KEY);
            continue;
        }
        assert((size_t)(end - p) >= len);
        check_field(c, p, len);
        p += len;
    }
    return p;
}

/* What the reader noted of a frame is what a walk over its bytes finds. */
static void check_notes(struct copybin *e, const struct frame *frame, const struct buf *rows,
                        bool good)
{
    struct frame bare = *frame;
    struct buf again[STREAMS] = {{0}};
    struct copybin_row row;
    struct reject reject;
    bare.pairs = NULL;
    bare.pair_count = 0;
    bool same = copybin_encode(e, &bare, again, &row, &reject) == good;
    for (size_t i = 0; i < STREAMS; i++) {
        same = same && again[i].len == rows[i].len;
        assert(same && (rows[i].len == 0 || memcmp(again[i].data, rows[i].data, rows[i].len) == 0));
        buf_free(&again[i]);
    }
}

static void check_time(const struct copybin *e, const struct copybin_row *row)
{
    const struct stream *s = &streams[row->stream];
    if (s->time_column == STREAM_NO_COLUMN) {
        assert(row->time_us == INT64_MIN && row->period_us == 0);
        return;
    }
    /* a date of which an instant is inside */
    assert(row->time_us > e->now_us - s->window_past_us - TIME_US_PER_DAY);
    assert(row->time_us <= e->now_us + s->window_ahead_us);
    assert(row->period_us <= row->time_us && row->period_us >= stream_keep_from(s, e->now_us));
}

static void encode(struct copybin *e, const struct frame *frame)
{
    struct buf rows[STREAMS] = {{0}};
    struct copybin_row row;
    struct reject reject = {.reason = ""};
    bool good = copybin_encode(e, frame, rows, &row, &reject);
    size_t len = 0;
    for (size_t i = 0; i < STREAMS; i++)
        len += rows[i].len;
    assert(good ? len > 0 && len == rows[row.stream].len && len == row.len : len == 0);
    check_notes(e, frame, rows, good);
    if (good) {
        const struct stream *s = &streams[row.stream];
        const struct buf *out = &rows[row.stream];
        check_time(e, &row);
        assert(row.keys_ignored == 0 || row.stream < 2);
        assert(check_row(s, out->data, out->data + out->len) == out->data + out->len);
    } else {
        assert(*reject.reason && utf8_check((const uint8_t *)reject.reason,
                                            strlen(reject.reason)) == strlen(reject.reason));
    }
    for (size_t i = 0; i < STREAMS; i++)
        buf_free(&rows[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct uuid batch = {{7}};
    static const bool all_but_events[STREAMS] = {true, false, true, true};
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
    make_streams();
    copybin_open(&e, &set, &batch, INT64_C(1795226221000000),
                 bytes[2] & 1 ? NUL_STRIP : NUL_REJECT);
    e.segment = "a%20name";
    e.allowed = bytes[2] & 2 ? all_but_events : NULL;
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
