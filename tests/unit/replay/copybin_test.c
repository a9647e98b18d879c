/* SPDX-License-Identifier: MIT */
#include "replay/copybin.h"

#include <stdlib.h>

#include "base/time.h"
#include "frame/msgpack.h"
#include "base/mem.h"
#include "shipped.h"
#include "bytes.h"

#define NOW INT64_C(1795226221000000) /* 2026-11-21T01:57:01Z */

static const struct uuid batch = {
    {0x01, 0x93, 2, 3, 4, 5, 0x76, 7, 0x88, 9, 10, 11, 12, 13, 14, 15}};

#define KEY(name_) .name = (name_), .path = (const char *const[]){name_}, .path_count = 1

/* Columns in ways in which the built-in streams don't have them. */
static const struct column odd_columns[] = {
    {KEY("ts"), .type = COLUMN_TIMESTAMPTZ, .required = true},
    {KEY("ms"), .type = COLUMN_TIMESTAMPTZ, .unit_ns = 1000000},
    {KEY("us"), .type = COLUMN_TIMESTAMPTZ, .unit_ns = 1000},
    {KEY("text"), .type = COLUMN_TEXT},
    {KEY("number"), .type = COLUMN_FLOAT8},
    {KEY("json"), .type = COLUMN_JSONB},
    {KEY("filled"), .type = COLUMN_JSONB, .required = true,
     .fallback = {"[1]", (const uint8_t *)"\0\0\0\4\1[1]", 8}},
    {.name = "batch", .type = COLUMN_UUID, .source = COLUMN_FROM_BATCH, .required = true},
    {KEY("texts"), .type = COLUMN_TEXT_ARRAY},
};
#define WINDOW .window_past_us = 3653 * TIME_US_PER_DAY, .window_ahead_us = TIME_US_PER_DAY
#define ODD(time_column_)                                                         \
    {                                                                             \
        .name = "odds", .kind = "odd", .table = "odds", .columns = odd_columns,   \
        .column_count = COUNT(odd_columns), .time_column = (time_column_), WINDOW \
    }
static const struct stream odd_streams[] = {ODD(0), ODD(1), ODD(2), ODD(STREAM_NO_COLUMN)};
static const struct stream_set odd_set = {&odd_streams[0], 1};
static const struct stream_set ms_set = {&odd_streams[1], 1};
static const struct stream_set us_set = {&odd_streams[2], 1};
static const struct stream_set timeless_set = {&odd_streams[3], 1};

/* What one frame came to. */
struct outcome {
    bool good;
    struct buf rows[2];
    struct copybin_row row;
    struct reject reject;
};

static void encode(const struct stream_set *set, enum nul_rule nul, const void *bytes, size_t len,
                   struct outcome *o)
{
    struct copybin e;
    struct frame frame = {.bytes = bytes, .len = len};
    struct mp_cursor c = {bytes, frame.bytes + len};
    struct mp_value v = {.type = MP_NIL};
    *o = (struct outcome){.good = false};
    /* `kind` comes first in all frames here; finding it anywhere is the reader's work */
    if (mp_read(&c, &v) == MP_OK && mp_read(&c, &v) == MP_OK && mp_is_str(&v, "kind", 4) &&
        mp_read(&c, &v) == MP_OK && v.type == MP_STR) {
        frame.kind = v.bytes;
        frame.kind_len = v.len;
    }
    copybin_open(&e, set, &batch, NOW, nul);
    o->good = copybin_encode(&e, &frame, o->rows, &o->row, &o->reject);
    copybin_close(&e);
}

static void release(struct outcome *o)
{
    buf_free(&o->rows[0]);
    buf_free(&o->rows[1]);
}

/* The field of a column in the one row of `row`: *len is -1 for NULL. */
static const uint8_t *field_of(const struct buf *row, size_t column, int32_t *len)
{
    const uint8_t *p = row->data + 2;
    for (;; column--) {
        uint32_t big;
        memcpy(&big, p, 4);
        *len = (int32_t)be32toh(big);
        p += 4;
        if (column == 0)
            return p;
        p += *len > 0 ? *len : 0;
    }
}

/* {kind: odd, ts: NOW} and one more pair, or `pair` in place of ts. */
static void odd_frame(struct buf *out, bool with_ts, const char *pair, size_t len)
{
    buf_str(out, with_ts ? "\x83" : "\x82");
    buf_str(out, "\xa4kind\xa3odd");
    if (with_ts)
        buf_put(out, "\xa2ts\xd6\xff\x6b\x00\xfa\x6d", 9);
    buf_put(out, pair, len);
}

#define NULL_FIELD "", -1

/* Right values, and what they become. */
Test(replay_copybin, values)
{
    static const struct {
        const char *pair;
        size_t pair_len;
        size_t column;
        const char *want;
        int32_t len;
    } rows[] = {
        /* text */
        {BYTES("\xa4text\xa0"), 3, "", 0},
        {BYTES("\xa4text\xa3"
               "abc"),
         3, "abc", 3},
        {BYTES("\xa4text\xd9\x05"
               "caf\xc3\xa9"),
         3, "caf\xc3\xa9", 5},
        {BYTES("\xa4text\xa2\x01\x7f"), 3, "\x01\x7f", 2}, /* only NUL is a problem */
        {BYTES("\xa4text\xc0"), 3, NULL_FIELD},
        {BYTES("\xa5other\x01"), 3, NULL_FIELD},
        /* float8 */
        {BYTES("\xa6number\xcb\x3f\xf8\0\0\0\0\0\0"), 4, "\x3f\xf8\0\0\0\0\0\0", 8},
        {BYTES("\xa6number\xca\x3f\xc0\0\0"), 4, "\x3f\xf8\0\0\0\0\0\0", 8},
        {BYTES("\xa6number\x02"), 4, "\x40\0\0\0\0\0\0\0", 8}, /* JavaScript's 2.0 */
        {BYTES("\xa6number\xff"), 4, "\xbf\xf0\0\0\0\0\0\0", 8},
        {BYTES("\xa6number\x00"), 4, "\0\0\0\0\0\0\0\0", 8},
        {BYTES("\xa6number\xcf\0\x20\0\0\0\0\0\0"), 4, "\x43\x40\0\0\0\0\0\0", 8}, /* 2^53 */
        {BYTES("\xa6number\xcf\0\x20\0\0\0\0\0\x02"), 4, "\x43\x40\0\0\0\0\0\x01", 8},
        {BYTES("\xa6number\xcf\x80\0\0\0\0\0\0\0"), 4, "\x43\xe0\0\0\0\0\0\0", 8}, /* 2^63 */
        {BYTES("\xa6number\xd3\x80\0\0\0\0\0\0\0"), 4, "\xc3\xe0\0\0\0\0\0\0", 8},
        {BYTES("\xa6number\xcb\x7f\xf0\0\0\0\0\0\0"), 4, "\x7f\xf0\0\0\0\0\0\0", 8}, /* Inf */
        {BYTES("\xa6number\xcb\x7f\xf8\0\0\0\0\0\0"), 4, "\x7f\xf8\0\0\0\0\0\0", 8}, /* NaN */
        {BYTES("\xa6number\xcb\x80\0\0\0\0\0\0\0"), 4, "\x80\0\0\0\0\0\0\0", 8},     /* -0.0 */
        {BYTES("\xa6number\xc0"), 4, NULL_FIELD},
        /* jsonb: a version byte, then text */
        {BYTES("\xa4json\x81\xa1k\x93\x01\xc3\xc0"), 5, "\x01{\"k\":[1,true,null]}", 20},
        {BYTES("\xa4json\xa2hi"), 5, "\x01\"hi\"", 5},
        {BYTES("\xa4json\xc0"), 5, NULL_FIELD},
        {BYTES("\xa5other\x01"), 5, NULL_FIELD},
        {BYTES("\xa5other\x01"), 6, "\x01[1]", 4}, /* the fallback, where there is no key ... */
        {BYTES("\xa6"
               "filled\xc0"),
         6, "\x01[1]", 4}, /* ... and where it is nil */
        {BYTES("\xa6"
               "filled\x80"),
         6, "\x01{}", 3},
        /* times in the columns' units; microseconds since 2000 */
        {BYTES("\xa2ms\xcf\x00\x00\x01\xa1\xfb\xd2\x39\xc8"), 1, "\x00\x03\x03\xbe\x71\xf9\xd5\x40",
         8},
        {BYTES("\xa2us\xcf\x00\x06\x60\xbf\xad\x31\xb5\x40"), 2, "\x00\x03\x03\xbe\x71\xf9\xd5\x40",
         8},
        {BYTES("\xa5other\x01"), 1, NULL_FIELD},
        /* the batch's id, whatever the frame says */
        {BYTES("\xa5"
               "batch\xa1x"),
         7, (const char *)batch.bytes, 16},
        /* the last of duplicate keys, nil included */
        {BYTES("\xa4text\xa1"
               "a"),
         3, "a", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf frame = {0};
        struct outcome o;
        int32_t len;
        odd_frame(&frame, true, rows[i].pair, rows[i].pair_len);
        encode(&odd_set, NUL_REJECT, frame.data, frame.len, &o);
        cr_expect(o.good, "row %zu: rejected: %s: %s", i, o.reject.column, o.reject.reason);
        if (o.good) {
            const uint8_t *got = field_of(&o.rows[0], rows[i].column, &len);
            cr_expect_eq(len, rows[i].len, "row %zu: want length %d, got %d", i, rows[i].len, len);
            if (len >= 0 && len == rows[i].len)
                EXPECT_BYTES(got, (size_t)len, rows[i].want, (size_t)len, "row %zu", i);
        }
        release(&o);
        buf_free(&frame);
    }
}

/* Wrong values, and the reason that a producer reads. */
Test(replay_copybin, rejects)
{
    static const struct {
        const char *pair;
        size_t pair_len;
        const char *column, *want;
    } rows[] = {
        {BYTES("\xa4text\x01"), "text", "text is wanted, but it is an integer"},
        {BYTES("\xa4text\xff"), "text", "text is wanted, but it is an integer"},
        {BYTES("\xa4text\xc3"), "text", "text is wanted, but it is a boolean"},
        {BYTES("\xa4text\xca\0\0\0\0"), "text", "text is wanted, but it is a float"},
        {BYTES("\xa4text\xc4\x01x"), "text", "text is wanted, but it is binary"},
        {BYTES("\xa4text\x90"), "text", "text is wanted, but it is an array"},
        {BYTES("\xa4text\x80"), "text", "text is wanted, but it is a map"},
        {BYTES("\xa4text\xd4\x05x"), "text", "text is wanted, but it is an extension"},
        {BYTES("\xa4text\xa3"
               "a\0b"),
         "text", "a NUL character, which Postgres text can't hold"},
        {BYTES("\xa4text\xa3"
               "ab\xff"),
         "text", "not UTF-8 at byte 2 of the value"},
        {BYTES("\xa4text\xa2\xc0\x80"), "text", "not UTF-8 at byte 0 of the value"},
        {BYTES("\xa6number\xa1"
               "1"),
         "number", "double precision is wanted, but it is a string"},
        {BYTES("\xa6number\xc2"), "number", "double precision is wanted, but it is a boolean"},
        {BYTES("\xa6number\x90"), "number", "double precision is wanted, but it is an array"},
        {BYTES("\xa6number\xcf\0\x20\0\0\0\0\0\x01"), "number",
         "an integer that double precision can't hold exactly"}, /* 2^53 + 1 */
        {BYTES("\xa6number\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "number",
         "an integer that double precision can't hold exactly"},
        {BYTES("\xa6number\xd3\x80\0\0\0\0\0\0\x01"), "number",
         "an integer that double precision can't hold exactly"},
        {BYTES("\xa4json\xa1\xff"), "json", "text that is not UTF-8"},
        {BYTES("\xa4json\x91\xa1\0"), "json", "a NUL character, which jsonb can't hold"},
        {BYTES("\xa4json\x81\x90\x01"), "json", "a map key that is not a scalar"},
        {BYTES("\xa2ms\xc3"), "ms", "timestamptz is wanted, but it is a boolean"},
        {BYTES("\xa2ms\x90"), "ms", "timestamptz is wanted, but it is an array"},
        {BYTES("\xa2ms\xc4\x04"
               "abcd"),
         "ms", "timestamptz is wanted, but it is binary"},
        {BYTES("\xa2ms\xa5never"), "ms", "not an RFC 3339 time with an offset: \"never\""},
        {BYTES("\xa2ms\xa3\n\xff\""), "ms", "not an RFC 3339 time with an offset: \"??\"\""},
        {BYTES("\xa2ms\xd9\x2c"
               "01234567890123456789012345678901234567890123"),
         "ms",
         "not an RFC 3339 time with an offset: \"0123456789012345678901234567890123456789...\""},
        {BYTES("\xa2ms\xd4\x05x"), "ms", "extension type 5 of 1 bytes is no time"},
        {BYTES("\xa2ms\xc7\x03\xff\0\0\0"), "ms", "extension type -1 of 3 bytes is no time"},
        {BYTES("\xa2ms\xcb\x7f\xf8\0\0\0\0\0\0"), "ms", "a number that is no time"},
        {BYTES("\xa2ms\xcb\x7f\xf0\0\0\0\0\0\0"), "ms", "a number that is no time"},
        {BYTES("\xa2ms\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "ms", "a number that is no time"},
        {BYTES("\xa2ms\xd3\x80\0\0\0\0\0\0\0"), "ms", "a number that is no time"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf frame = {0};
        struct outcome o;
        odd_frame(&frame, true, rows[i].pair, rows[i].pair_len);
        encode(&odd_set, NUL_REJECT, frame.data, frame.len, &o);
        cr_expect(!o.good, "row %zu is taken", i);
        cr_expect_str_eq(o.reject.column, rows[i].column, "row %zu: want column %s, got %s", i,
                         rows[i].column, o.reject.column);
        cr_expect_str_eq(o.reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, o.reject.reason);
        cr_expect_eq(o.rows[0].len, 0, "row %zu left %zu bytes behind", i, o.rows[0].len);
        release(&o);
        buf_free(&frame);
    }
}

/* NUL by the gate's rule: stripped from text, never from jsonb. */
Test(replay_copybin, nul_stripped)
{
    static const struct {
        const char *pair;
        size_t pair_len, column;
        bool good;
        const char *want;
        int32_t len;
    } rows[] = {
        {BYTES("\xa4text\xa5"
               "\0a\0b\0"),
         3, true, "ab", 2},
        {BYTES("\xa4text\xa1\0"), 3, true, "", 0},
        {BYTES("\xa4text\xa2"
               "ab"),
         3, true, "ab", 2},
        {BYTES("\xa4text\xa2\0\xff"), 3, false, "not UTF-8 at byte 1 of the value", 0},
        {BYTES("\xa4text\xa3\xc3\0\xa9"), 3, false, "not UTF-8 at byte 0 of the value", 0},
        {BYTES("\xa4json\xa1\0"), 3, false, "a NUL character, which jsonb can't hold", 0},
        {BYTES("\xa5texts\x91\xa3\0"
               "a\0"),
         8, true,
         "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\1"
         "a",
         25},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf frame = {0};
        struct outcome o;
        int32_t len = 0;
        odd_frame(&frame, true, rows[i].pair, rows[i].pair_len);
        encode(&odd_set, NUL_STRIP, frame.data, frame.len, &o);
        cr_expect_eq(o.good, rows[i].good, "row %zu: want %d, got %d: %s", i, rows[i].good, o.good,
                     o.reject.reason);
        if (o.good) {
            const uint8_t *got = field_of(&o.rows[0], rows[i].column, &len);
            EXPECT_BYTES(got, (size_t)len, rows[i].want, (size_t)rows[i].len, "row %zu", i);
        } else {
            cr_expect_str_eq(o.reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                             rows[i].want, o.reject.reason);
        }
        release(&o);
        buf_free(&frame);
    }
}

/* Every way in which a producer writes the time, all of them around NOW. */
Test(replay_copybin, times)
{
    static const struct {
        const char *value;
        size_t len;
        int64_t us; /* relative to NOW */
    } rows[] = {
        {BYTES("\xce\x6b\x00\xfa\x6d"), 0}, /* seconds */
        {BYTES("\xcf\0\0\0\0\x6b\x00\xfa\x6d"), 0},
        {BYTES("\xd2\x6b\x00\xfa\x6d"), 0},
        {BYTES("\xcb\x41\xda\xc0\x3e\x9b\x60\x00\x00"), 500000}, /* ….5 */
        {BYTES("\xb4"
               "2026-11-21T01:57:01Z"),
         0},
        {BYTES("\xb4"
               "2026-11-21 01:57:01z"),
         0},
        {BYTES("\xb7"
               "2026-11-21T01:57:01.25Z"),
         250000},
        {BYTES("\xb9"
               "2026-11-21T03:57:01+02:00"),
         0},
        {BYTES("\xd9\x20"
               "2026-11-20T18:57:01.123456-07:00"),
         123456},
        {BYTES("\xd6\xff\x6b\x00\xfa\x6d"), 0},                                /* ext -1, 32 bits */
        {BYTES("\xd7\xff\x77\x35\x94\0\x6b\x00\xfa\x6d"), 500000},             /* 64 bits */
        {BYTES("\xc7\x0c\xff\x1d\xcd\x65\0\0\0\0\0\x6b\x00\xfa\x6d"), 500000}, /* 96 bits */
        {BYTES("\xd7\0\x6b\x00\xfa\x6d\x1d\xcd\x65\0"), 500000},               /* EventTime */
        {BYTES("\xc7\x08\0\x6b\x00\xfa\x6d\x1d\xcd\x65\0"), 500000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf frame = {0};
        struct outcome o;
        int32_t len = 0;
        struct buf pair = {0};
        buf_str(&pair, "\xa2ts");
        buf_put(&pair, rows[i].value, rows[i].len);
        odd_frame(&frame, false, (const char *)pair.data, pair.len);
        encode(&odd_set, NUL_REJECT, frame.data, frame.len, &o);
        cr_expect(o.good, "row %zu: rejected: %s", i, o.reject.reason);
        if (o.good) {
            uint64_t big;
            memcpy(&big, field_of(&o.rows[0], 0, &len), 8);
            int64_t got = (int64_t)be64toh(big) + TIME_PG_EPOCH_US;
            cr_expect_eq(got, NOW + rows[i].us, "row %zu: want %lld, got %lld", i,
                         (long long)(NOW + rows[i].us), (long long)got);
            cr_expect_eq(o.row.time_us, got, "row %zu: the row's time is %lld", i,
                         (long long)o.row.time_us);
        }
        release(&o);
        buf_free(&pair);
        buf_free(&frame);
    }
}

#define DAY INT64_C(86400)

/* The window's two ends, and the hint for numbers in another unit. Values are whole numbers. */
Test(replay_copybin, window)
{
    static const struct {
        const char *column;
        uint64_t number;
        const char *want; /* "" where it is taken */
    } rows[] = {
        {"ts", NOW / 1000000, ""},
        {"ts", NOW / 1000000 + DAY, ""},
        {"ts", NOW / 1000000 + DAY + 1,
         "2026-11-22T01:57:02Z is outside the stream's window of times"},
        {"ts", NOW / 1000000 - 3653 * DAY, ""},
        {"ts", NOW / 1000000 - 3653 * DAY - 1,
         "2016-11-20T01:57:00Z is outside the stream's window of times"},
        {"ts", 0, "1970-01-01T00:00:00Z is outside the stream's window of times"},
        {"ts", NOW / 1000,
         "the time is outside the stream's window of times; it looks like milliseconds"},
        {"ts", NOW, "a number that is no time; it looks like microseconds"},
        {"ts", NOW * 1000, "a number that is no time; it looks like nanoseconds"},
        {"ts", UINT64_MAX, "a number that is no time"},
        {"ts", 20261121, "1970-08-23T12:05:21Z is outside the stream's window of times"},
        {"ms", NOW / 1000, ""},
        {"ms", NOW / 1000 + DAY * 1000 + 1,
         "2026-11-22T01:57:01.001Z is outside the stream's window of times"},
        {"ms", NOW / 1000000, "1970-01-21T18:40:26.221Z is outside the stream's window of times"},
        {"ms", NOW, "the time is outside the stream's window of times; it looks like microseconds"},
        {"ms", NOW * 1000, "a number that is no time; it looks like nanoseconds"},
        {"us", NOW, ""},
        {"us", NOW * 1000,
         "the time is outside the stream's window of times; it looks like nanoseconds"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf frame = {0};
        struct outcome o;
        struct buf pair = {0};
        bool is_ts = strcmp(rows[i].column, "ts") == 0;
        buf_printf(&pair, "\xa2%s\xcf", rows[i].column);
        buf_be64(&pair, rows[i].number);
        odd_frame(&frame, !is_ts, (const char *)pair.data, pair.len);
        const struct stream_set *stream = is_ts                    ? &odd_set
                                          : *rows[i].column == 'm' ? &ms_set
                                                                   : &us_set;
        encode(stream, NUL_REJECT, frame.data, frame.len, &o);
        cr_expect_str_eq(o.reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, o.reject.reason);
        cr_expect_eq(o.good, !*rows[i].want, "row %zu: want %d, got %d", i, !*rows[i].want, o.good);
        release(&o);
        buf_free(&pair);
        buf_free(&frame);
    }
}

/* The same hint for floats, which is how Python's time.time() * 1000 comes. */
Test(replay_copybin, window_of_floats)
{
    static const struct {
        double number;
        const char *want;
    } rows[] = {
        {1795226221.0, ""},
        {1795226221e3,
         "the time is outside the stream's window of times; it looks like milliseconds"},
        {1795226221e6, "a number that is no time; it looks like microseconds"},
        {1795226221e9, "a number that is no time; it looks like nanoseconds"},
        {1e300, "a number that is no time"},
        {-1795226221e3, "a time before 4714 BC, where Postgres's begin"},
        {-1795226221e2, "the time is outside the stream's window of times"},
        {-1.5, "1969-12-31T23:59:58.5Z is outside the stream's window of times"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf frame = {0};
        struct outcome o;
        struct buf pair = {0};
        uint64_t bits;
        memcpy(&bits, &rows[i].number, sizeof bits);
        buf_str(&pair, "\xa2ts\xcb");
        buf_be64(&pair, bits);
        odd_frame(&frame, false, (const char *)pair.data, pair.len);
        encode(&odd_set, NUL_REJECT, frame.data, frame.len, &o);
        cr_expect_str_eq(o.reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, o.reject.reason);
        release(&o);
        buf_free(&pair);
        buf_free(&frame);
    }
}

#define TS "\xa2ts\xd6\xff\x6b\x00\xfa\x6d"

/* Frames as a whole: kinds, missing and repeated keys, keys that no column takes. */
Test(replay_copybin, frames)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *column, *want; /* the reject; NULL where it is taken */
        bool is_event;             /* else a metric */
        uint32_t ignored, nulled;
    } rows[] = {
        {BYTES("\x85\xa4kind\xa6metric" TS "\xa6source\xa1s\xa4name\xa1n\xa5value\x01"), NULL, NULL,
         0, 0, 0},
        {BYTES("\x84\xa4kind\xa5"
               "event" TS "\xa6source\xa1s\xa4type\xa1t"),
         NULL, NULL, 1, 0, 0},
        {BYTES("\x80"), "kind", "the frame has no `kind`, or one that is not a string", 0, 0, 0},
        {BYTES("\x81\xa4kind\x01"), "kind", "the frame has no `kind`, or one that is not a string",
         0, 0, 0},
        {BYTES("\x81\xa4kind\xa0"), "kind", "no stream takes frames of kind \"\"", 0, 0, 0},
        {BYTES("\x81\xa4kind\xa5metri"), "kind", "no stream takes frames of kind \"metri\"", 0, 0,
         0},
        {BYTES("\x81\xa4kind\xa7metrics"), "kind", "no stream takes frames of kind \"metrics\"", 0,
         0, 0},
        {BYTES("\x81\xa4kind\xa3\x1b[m"), "kind", "no stream takes frames of kind \"?[m\"", 0, 0,
         0},
        {BYTES("\x81\xa4kind\xa6metric"), "ts", "the key is missing", 0, 0, 0},
        {BYTES("\x83\xa4kind\xa6metric" TS "\xa4name\xa1n"), "source", "the key is missing", 0, 0,
         0},
        {BYTES("\x84\xa4kind\xa6metric" TS "\xa6source\xc0\xa4name\xa1n"), "source",
         "the key is missing", 0, 0, 0},
        /* value is optional, labels have a default */
        {BYTES("\x84\xa4kind\xa6metric" TS "\xa6source\xa1s\xa4name\xa1n"), NULL, NULL, 0, 0, 0},
        /* keys that no column takes: a string, an integer, a nil, one in another case; batch_id is
           ours */
        {BYTES("\x89\xa4kind\xa6metric" TS
               "\xa6source\xa1s\xa4name\xa1n\xa5other\x90\x01\x02\xc0\xc0"
               "\xa4Name\xa1N\xa8"
               "batch_id\xa1"
               "b"),
         NULL, NULL, 0, 5, 0},
        /* the last of duplicate keys: good after bad, bad after good, nil after good */
        {BYTES("\x85\xa4kind\xa6metric" TS "\xa6source\xa1s\xa4name\x01\xa4name\xa1n"), NULL, NULL,
         0, 0, 0},
        {BYTES("\x85\xa4kind\xa6metric" TS "\xa6source\xa1s\xa4name\xa1n\xa4name\x01"), "name",
         "text is wanted, but it is an integer", 0, 0, 0},
        {BYTES("\x85\xa4kind\xa6metric" TS "\xa6source\xa1s\xa4name\xa1n\xa4name\xc0"), "name",
         "the key is missing", 0, 0, 0},
        /* NaN and Inf in jsonb are counted, in double precision they are values */
        {BYTES("\x86\xa4kind\xa6metric" TS "\xa6source\xa1s\xa4name\xa1n\xa5value\xca\x7f\xc0\0\0"
               "\xa6labels\x81\xa1x\x93\xca\x7f\x80\0\0\xca\xff\x80\0\0\xca\x3f\x80\0\0"),
         NULL, NULL, 0, 0, 2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome o;
        encode(shipped_streams(), NUL_REJECT, rows[i].bytes, rows[i].len, &o);
        cr_expect_eq(o.good, !rows[i].want, "row %zu: want %d, got %d: %s: %s", i, !rows[i].want,
                     o.good, o.reject.column, o.reject.reason);
        if (rows[i].want) {
            cr_expect_str_eq(o.reject.column, rows[i].column, "row %zu: want column %s, got %s", i,
                             rows[i].column, o.reject.column);
            cr_expect_str_eq(o.reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                             rows[i].want, o.reject.reason);
            cr_expect(o.rows[0].len == 0 && o.rows[1].len == 0, "row %zu left bytes behind", i);
        } else {
            size_t stream = rows[i].is_event ? SHIPPED_EVENTS : SHIPPED_METRICS;
            cr_expect(o.row.stream == stream && o.rows[stream].len > 0 && o.rows[!stream].len == 0,
                      "row %zu: want stream %zu, got %zu", i, stream, o.row.stream);
            cr_expect_eq(o.row.keys_ignored, rows[i].ignored, "row %zu: want %u ignored, got %u", i,
                         rows[i].ignored, o.row.keys_ignored);
            cr_expect_eq(o.row.numbers_nulled, rows[i].nulled, "row %zu: want %u nulled, got %u", i,
                         rows[i].nulled, o.row.numbers_nulled);
        }
        release(&o);
    }
}

/* The whole stream that the server gets, byte by byte: PostgreSQL manual, COPY, "Binary Format". */
Test(replay_copybin, exact_bytes)
{
    static const char frame[] = "\x86\xa4kind\xa6metric" TS "\xa6source\xa3"
                                "cpu\xa4name\xa4load"
                                "\xa5value\xcb\x3f\xf8\0\0\0\0\0\0\xa6labels\x81\xa1k\xa1v";
    static const char want[] = "PGCOPY\n\377\r\n\0"
                               "\0\0\0\0"
                               "\0\0\0\0"
                               "\0\x06"
                               "\0\0\0\x08"
                               "\x00\x03\x03\xbe\x71\xf9\xd5\x40"
                               "\0\0\0\x03"
                               "cpu"
                               "\0\0\0\x04"
                               "load"
                               "\0\0\0\x08"
                               "\x3f\xf8\0\0\0\0\0\0"
                               "\0\0\0\x0a"
                               "\x01{\"k\":\"v\"}"
                               "\0\0\0\x10"
                               "\x01\x93\x02\x03\x04\x05\x76\x07\x88\x09\x0a\x0b\x0c\x0d\x0e\x0f"
                               "\xff\xff";
    struct outcome o;
    struct buf got = {0};
    encode(shipped_streams(), NUL_REJECT, frame, sizeof frame - 1, &o);
    cr_assert(o.good, "rejected: %s: %s", o.reject.column, o.reject.reason);
    copybin_header(&got);
    buf_put(&got, o.rows[SHIPPED_METRICS].data, o.rows[SHIPPED_METRICS].len);
    copybin_trailer(&got);
    EXPECT_BYTES(got.data, got.len, want, sizeof want - 1, "one metric");
    buf_free(&got);
    release(&o);
}

Test(replay_copybin, fields)
{
    struct buf got = {0};
    copybin_text(&got, "ab", 2);
    copybin_text(&got, NULL, 0);
    copybin_int8(&got, -2);
    copybin_uuid(&got, &batch);
    EXPECT_BYTES(got.data, got.len,
                 "\0\0\0\2ab\0\0\0\0\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\x10"
                 "\x01\x93\x02\x03\x04\x05\x76\x07\x88\x09\x0a\x0b\x0c\x0d\x0e\x0f",
                 42, "fields");
    buf_free(&got);
}

/* What rejects are counted by. */
Test(replay_copybin, why)
{
#define ODD_FRAME "\x83\xa4kind\xa3odd\xa2ts\xd6\xff\x6b\x00\xfa\x6d"
    static const struct {
        const char *frame;
        size_t len;
        enum reject_why want;
    } rows[] = {
        {BYTES("\x81\xa4kind\xa4none"), REJECT_KIND},
        {BYTES("\x81\xa4sort\xa3odd"), REJECT_KIND},
        {BYTES(ODD_FRAME "\xa4text\x01"), REJECT_TYPE},
        {BYTES(ODD_FRAME "\xa6number\xc3"), REJECT_TYPE},
        {BYTES("\x81\xa4kind\xa6metric"), REJECT_MISSING},
        {BYTES(ODD_FRAME "\xa6number\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), REJECT_RANGE},
        {BYTES("\x82\xa4kind\xa3odd\xa2ts\xa4noon"), REJECT_TIME},
        {BYTES("\x82\xa4kind\xa3odd\xa2ts\x01"), REJECT_TIME}, /* 1970 */
        {BYTES(ODD_FRAME "\xa4text\xa1\0"), REJECT_TEXT},
        {BYTES(ODD_FRAME "\xa4text\xa1\xff"), REJECT_TEXT},
    };
    struct outcome o;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool is_odd = rows[i].want != REJECT_MISSING;
        encode(is_odd ? &odd_set : shipped_streams(), NUL_REJECT, rows[i].frame, rows[i].len, &o);
        cr_expect(!o.good && o.reject.why == rows[i].want, "row %zu: want %d, got %d: %s", i,
                  rows[i].want, o.reject.why, o.reject.reason);
        release(&o);
    }
}

/* A reject in the middle of a batch: the rows around it stay whole. */
Test(replay_copybin, neighbours)
{
    static const char good[] = "\x84\xa4kind\xa5"
                               "event" TS "\xa6source\xa1s\xa4type\xa1t";
    static const char bad[] = "\x85\xa4kind\xa5"
                              "event" TS "\xa6source\xa1s\xa4type\xa1t\xa2id\x01";
    struct copybin e;
    struct buf rows[2] = {{0}};
    struct copybin_row row;
    struct reject reject;
    size_t one = 0;
    copybin_open(&e, shipped_streams(), &batch, NOW, NUL_REJECT);
    for (int i = 0; i < 5; i++) {
        const char *bytes = i % 2 ? bad : good;
        struct frame frame = {.bytes = (const uint8_t *)bytes,
                              .len = i % 2 ? sizeof bad - 1 : sizeof good - 1,
                              .kind = (const uint8_t *)"event",
                              .kind_len = 5};
        bool got = copybin_encode(&e, &frame, rows, &row, &reject);
        cr_expect_eq(got, i % 2 == 0, "frame %d: got %d, %s", i, got, reject.reason);
        one = i == 0 ? rows[1].len : one;
    }
    copybin_close(&e);
    cr_assert_eq(rows[1].len, 3 * one, "want 3 rows of %zu bytes, got %zu", one, rows[1].len);
    for (size_t i = 1; i < 3; i++)
        EXPECT_BYTES(rows[1].data + i * one, one, rows[1].data, one, "row %zu", i);
    buf_free(&rows[0]);
    buf_free(&rows[1]);
}

/* The reader guarantees whole frames; a caller that doesn't gets a reject, never a read past the
 * end. */
Test(replay_copybin, truncated_at_every_byte)
{
    static const char whole[] = "\x86\xa4kind\xa6metric" TS "\xa6source\xa3"
                                "cpu\xa4name\xa4load"
                                "\xa5value\xcb\x3f\xf8\0\0\0\0\0\0\xa6labels\x81\xa1k\xa1v";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        uint8_t *cut = mem_alloc(len + 1);
        struct copybin e;
        struct buf rows[2] = {{0}};
        struct copybin_row row;
        struct reject reject = {0};
        struct frame frame = {
            .bytes = cut, .len = len, .kind = (const uint8_t *)"metric", .kind_len = 6};
        memcpy(cut, whole, len);
        copybin_open(&e, shipped_streams(), &batch, NOW, NUL_REJECT);
        bool got = copybin_encode(&e, &frame, rows, &row, &reject);
        /* after `name` everything that is required is there */
        bool want = len >= sizeof whole - 1 - 27;
        cr_expect_eq(got, want, "%zu bytes: want %d, got %d: %s", len, want, got, reject.reason);
        copybin_close(&e);
        buf_free(&rows[0]);
        buf_free(&rows[1]);
        free(cut);
    }
}

/* --- where a row's fields come from ------------------------------------------------------------
 */

#define FIELD(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static const struct column source_columns[] = {
    {KEY("at"), .type = COLUMN_TIMESTAMPTZ},
    {.name = "lat",
     .type = COLUMN_FLOAT8,
     .path = (const char *const[]){"pos", "lat"},
     .path_count = 2},
    {.name = "site",
     .type = COLUMN_TEXT,
     .source = COLUMN_FROM_CONSTANT,
     .fallback = {"north", FIELD("\0\0\0\5north")}},
    {.name = "segment", .type = COLUMN_TEXT, .source = COLUMN_FROM_SEGMENT},
    {.name = "frame", .type = COLUMN_INT8, .source = COLUMN_FROM_FRAME},
    {.name = "rest", .type = COLUMN_JSONB, .source = COLUMN_FROM_REST},
    {.name = "none", .type = COLUMN_TEXT, .source = COLUMN_FROM_CONSTANT},
};
static const struct stream source_streams[] = {
    {.name = "ones",
     .kind = "one",
     .columns = source_columns,
     .column_count = COUNT(source_columns),
     .time_column = STREAM_NO_COLUMN},
    {.name = "others",
     .kind = "other",
     .columns = source_columns,
     .column_count = 1,
     .time_column = STREAM_NO_COLUMN},
};
static const struct stream_set source_set = {source_streams, COUNT(source_streams)};

Test(replay_copybin, sources)
{
    static const char map[] = "\x85\xa4kind\xa3one\xa3pos\x83\xa3lat\x02\xa3lon\xca\x7f\xc0\0\0"
                              "\xa3"
                              "alt\x01\xa1z\x01\xa2"
                              "at\xc0\xa1z\x02";
    static const char want[] = "\0\7"
                               "\xff\xff\xff\xff"
                               "\0\0\0\x08\x40\0\0\0\0\0\0\0"
                               "\0\0\0\5north"
                               "\0\0\0\x09"
                               "a%20b.zst"
                               "\0\0\0\x08\0\0\0\0\0\0\1\0"
                               "\0\0\0\x23\1{\"z\":2,\"pos\":{\"alt\":1,\"lon\":null}}"
                               "\xff\xff\xff\xff";
    struct copybin e;
    struct buf rows[2] = {{0}};
    struct copybin_row row;
    struct reject reject = {.reason = ""};
    struct frame frame = {.bytes = (const uint8_t *)map,
                          .len = sizeof map - 1,
                          .kind = (const uint8_t *)"one",
                          .kind_len = 3,
                          .index = 256};
    copybin_open(&e, &source_set, &batch, NOW, NUL_REJECT);
    e.segment = "a%20b.zst";
    cr_assert(copybin_encode(&e, &frame, rows, &row, &reject), "%s: %s", reject.column,
              reject.reason);
    EXPECT_BYTES(rows[0].data, rows[0].len, want, sizeof want - 1, "the row");
    cr_expect(row.keys_ignored == 0 && row.numbers_nulled == 1, "%u ignored, %u nulled",
              row.keys_ignored, row.numbers_nulled);
    cr_expect(row.time_us == INT64_MIN && row.period_us == 0);
    buf_free(&rows[0]);
    copybin_close(&e);
}

/* What can't be jsonb rejects the frame that has it in its rest. */
Test(replay_copybin, rest_that_is_no_json)
{
    struct outcome o;
    static const char map[] = "\x82\xa4kind\xa3one\x90\x01";
    struct copybin e;
    struct frame frame = {.bytes = (const uint8_t *)map,
                          .len = sizeof map - 1,
                          .kind = (const uint8_t *)"one",
                          .kind_len = 3};
    o = (struct outcome){.good = false};
    copybin_open(&e, &source_set, &batch, NOW, NUL_REJECT);
    e.segment = "";
    cr_expect(!copybin_encode(&e, &frame, o.rows, &o.row, &o.reject));
    cr_expect_str_eq(o.reject.column, "rest", "got %s", o.reject.column);
    cr_expect_str_eq(o.reject.reason, "a map key that is not a scalar", "got %s", o.reject.reason);
    cr_expect_eq(o.rows[0].len, 0);
    release(&o);
    copybin_close(&e);
}

Test(replay_copybin, streams_that_a_gate_takes)
{
    static const bool allowed[] = {true, false};
    static const struct {
        const char *kind;
        const bool *allowed;
        const char *want;
    } rows[] = {
        {"one", allowed, ""},
        {"other", allowed, "the gate does not take stream others"},
        {"other", NULL, ""},
        {"third", allowed, "no stream takes frames of kind \"third\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome o = {.good = false};
        struct copybin e;
        struct frame frame = {.bytes = (const uint8_t *)"\x80",
                              .len = 1,
                              .kind = (const uint8_t *)rows[i].kind,
                              .kind_len = (uint32_t)strlen(rows[i].kind)};
        copybin_open(&e, &source_set, &batch, NOW, NUL_REJECT);
        e.segment = "";
        e.allowed = rows[i].allowed;
        o.good = copybin_encode(&e, &frame, o.rows, &o.row, &o.reject);
        cr_expect_eq(o.good, !*rows[i].want, "row %zu: got %d", i, o.good);
        cr_expect_str_eq(o.reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, o.reject.reason);
        release(&o);
        copybin_close(&e);
    }
}

static bool is_third(const struct frame *frame)
{
    return frame->kind_len == 5 && memcmp(frame->kind, "third", 5) == 0;
}

/* Streams come first; what neither takes is rejected. */
Test(replay_copybin, kinds_that_are_taken_elsewhere)
{
    static const struct {
        const char *kind;
        bool elsewhere;
        const char *want;
    } rows[] = {
        {"one", false, ""},
        {"third", true, ""},
        {"fourth", false, "no stream takes frames of kind \"fourth\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome o = {.good = false};
        struct copybin e;
        struct frame frame = {.bytes = (const uint8_t *)"\x80",
                              .len = 1,
                              .kind = (const uint8_t *)rows[i].kind,
                              .kind_len = (uint32_t)strlen(rows[i].kind)};
        copybin_open(&e, &source_set, &batch, NOW, NUL_REJECT);
        e.segment = "";
        e.elsewhere = is_third;
        o.good = copybin_encode(&e, &frame, o.rows, &o.row, &o.reject);
        bool elsewhere = o.row.stream == COPYBIN_ELSEWHERE;
        cr_expect(elsewhere == rows[i].elsewhere && (!elsewhere || !o.good),
                  "%s: want elsewhere %d, got %d and %d", rows[i].kind, rows[i].elsewhere,
                  elsewhere, o.good);
        cr_expect_eq(copybin_is_elsewhere(&e, &frame), rows[i].elsewhere, "%s: asked alone",
                     rows[i].kind);
        cr_expect_str_eq(o.reject.reason, rows[i].want, "%s\nwant: %s\n got: %s", rows[i].kind,
                         rows[i].want, o.reject.reason);
        release(&o);
        copybin_close(&e);
    }
}

/* --- times of all sorts ------------------------------------------------------------------------
 */

/* No window where there is no time column, and none for columns beside it. */
Test(replay_copybin, window_is_the_time_columns)
{
    static const struct stream_set *const sets[] = {&timeless_set, &odd_set};
    for (size_t i = 0; i < COUNT(sets); i++) {
        struct buf frame = {0};
        struct outcome o;
        odd_frame(&frame, true, BYTES("\xa2ms\x00")); /* 1970 */
        encode(sets[i], NUL_REJECT, frame.data, frame.len, &o);
        cr_expect(o.good, "set %zu: %s: %s", i, o.reject.column, o.reject.reason);
        int64_t want = i == 0 ? INT64_MIN : NOW;
        cr_expect_eq(o.row.time_us, want, "set %zu: the row's time is %lld", i,
                     (long long)o.row.time_us);
        release(&o);
        buf_free(&frame);
    }
}

#define DAY_US TIME_US_PER_DAY
#define TODAY  (NOW - NOW % DAY_US)

static const struct column when_columns[] = {
    {KEY("t"), .type = COLUMN_TIMESTAMPTZ},
    {KEY("t"), .type = COLUMN_DATE, .unit_ns = INT64_C(86400000000000)},
    {KEY("t"), .type = COLUMN_TIMESTAMPTZ, .required = true,
     .fallback = {"2026-11-20 00:00:00+00", FIELD("\0\0\0\x08\x00\x03\x03\xa8\xb1\xa6\x80\x00")}},
    {KEY("t"), .type = COLUMN_DATE, .required = true,
     .fallback = {"1999-12-31", FIELD("\0\0\0\4\xff\xff\xff\xff")}},
    {KEY("t"), .type = COLUMN_TIMESTAMPTZ, .fallback = {"", FIELD("\xff\xff\xff\xff")}},
};

/* One column, which is the stream's time: window, retention, partitions, fallbacks. Frames hold one
 * value, or none. */
Test(replay_copybin, time_columns)
{
    static const struct {
        const char *value;
        size_t len;
        size_t column;
        int64_t past, ahead, keep;
        enum period every;
        const char *want; /* the reject, NULL for a row */
        int64_t time_us, period_us;
    } rows[] = {
        {BYTES("\xce\x6b\x00\xfa\x6d"), 0, DAY_US, DAY_US, 0, PERIOD_HOUR, NULL, NOW,
         NOW - NOW % (DAY_US / 24)},
        {BYTES("\xce\x6b\x00\xfa\x6d"), 0, DAY_US, DAY_US, 0, PERIOD_NONE, NULL, NOW, 0},
        /* no end of the window, also where the sum is past int64_t */
        {BYTES("\x00"), 0, INT64_MAX, INT64_MAX, 0, PERIOD_DAY, NULL, 0, 0},
        {BYTES("\xd3\xff\xff\xff\xce\xe7\x5b\xed\xff"), 0, INT64_MAX, INT64_MAX, 0, PERIOD_DAY,
         "a time before 4714 BC, where Postgres's begin", 0, 0},
        /* partitions that are past what is kept, of days and of months */
        {BYTES("\xb4"
               "2026-11-11T00:00:00Z"),
         0, INT64_MAX, 0, 10 * DAY_US, PERIOD_DAY, NULL, TODAY - 10 * DAY_US, TODAY - 10 * DAY_US},
        {BYTES("\xb4"
               "2026-11-10T23:59:59Z"),
         0, INT64_MAX, 0, 10 * DAY_US, PERIOD_DAY,
         "2026-11-10T23:59:59Z is older than the stream keeps (10 days)", 0, 0},
        {BYTES("\xb4"
               "2026-10-31T23:59:59Z"),
         0, INT64_MAX, 0, DAY_US, PERIOD_MONTH,
         "2026-10-31T23:59:59Z is older than the stream keeps (1 day)", 0, 0},
        {BYTES("\xb4"
               "2026-10-31T23:59:59Z"),
         0, INT64_MAX, 0, DAY_US, PERIOD_NONE, NULL, TODAY - 20 * DAY_US - 1000000, 0},
        {BYTES("\xb4"
               "2026-11-20T23:59:59Z"),
         0, INT64_MAX, 0, DAY_US / 24 * 3, PERIOD_HOUR, NULL, TODAY - 1000000, TODAY - DAY_US / 24},
        {BYTES("\xb4"
               "2026-11-20T21:59:59Z"),
         0, INT64_MAX, 0, DAY_US / 24 * 3, PERIOD_HOUR,
         "2026-11-20T21:59:59Z is older than the stream keeps (3 h 0 min)", 0, 0},
        {BYTES("\xb4"
               "2026-11-10T00:00:00Z"),
         0, DAY_US, 0, 10 * DAY_US, PERIOD_DAY,
         "2026-11-10T00:00:00Z is outside the stream's window of times", 0, 0},
        /* dates: the whole of the day counts */
        {BYTES("\xaa"
               "2026-11-21"),
         1, 1000000, 0, 0, PERIOD_DAY, NULL, TODAY, TODAY},
        {BYTES("\xaa"
               "2026-11-20"),
         1, 1000000, 0, 0, PERIOD_DAY,
         "2026-11-20T00:00:00Z is outside the stream's window of times", 0, 0},
        {BYTES("\xaa"
               "2026-11-22"),
         1, 0, DAY_US / 2, 0, PERIOD_DAY,
         "2026-11-22T00:00:00Z is outside the stream's window of times", 0, 0},
        {BYTES("\xb4"
               "2026-11-21T01:00:00Z"),
         1, DAY_US, DAY_US, 0, PERIOD_HOUR, NULL, TODAY, TODAY},
        {BYTES("\xcd\x51\x29"), 1, DAY_US, DAY_US, 0, PERIOD_YEAR, NULL, TODAY - DAY_US,
         INT64_C(1767225600000000)},
        {BYTES("\xaa"
               "2026-10-01"),
         1, INT64_MAX, 0, 10 * DAY_US, PERIOD_WEEK,
         "2026-10-01T00:00:00Z is older than the stream keeps (10 days)", 0, 0},
        /* a partition is chosen by a time: there must be one; the fallback is judged like others */
        {BYTES(""), 0, DAY_US, DAY_US, 0, PERIOD_NONE, NULL, INT64_MIN, 0},
        {BYTES(""), 0, DAY_US, DAY_US, 0, PERIOD_DAY, "the key is missing", 0, 0},
        {BYTES(""), 4, DAY_US, DAY_US, 0, PERIOD_NONE, NULL, INT64_MIN, 0},
        {BYTES(""), 4, DAY_US, DAY_US, 0, PERIOD_DAY, "the key is missing", 0, 0},
        {BYTES(""), 2, 2 * DAY_US, 0, 0, PERIOD_DAY, NULL, TODAY - DAY_US, TODAY - DAY_US},
        {BYTES(""), 2, DAY_US, 0, 0, PERIOD_DAY,
         "2026-11-20T00:00:00Z is outside the stream's window of times", 0, 0},
        {BYTES(""), 3, INT64_MAX, 0, 0, PERIOD_MONTH, NULL, TIME_PG_EPOCH_US - DAY_US,
         TIME_PG_EPOCH_US - 31 * DAY_US},
        {BYTES(""), 3, INT64_MAX, 0, 30 * DAY_US, PERIOD_DAY,
         "1999-12-31T00:00:00Z is older than the stream keeps (30 days)", 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct stream stream = {.name = "w",
                                      .kind = "w",
                                      .columns = &when_columns[rows[i].column],
                                      .column_count = 1,
                                      .window_past_us = rows[i].past,
                                      .window_ahead_us = rows[i].ahead,
                                      .keep_us = rows[i].keep,
                                      .every = rows[i].every};
        const struct stream_set set = {&stream, 1};
        struct outcome o;
        struct buf frame = {0};
        buf_str(&frame, rows[i].len > 0 ? "\x82\xa4kind\xa1w\xa1t" : "\x81\xa4kind\xa1w");
        buf_put(&frame, rows[i].value, rows[i].len);
        encode(&set, NUL_REJECT, frame.data, frame.len, &o);
        cr_expect_eq(o.good, !rows[i].want, "row %zu: got %d, %s", i, o.good, o.reject.reason);
        if (rows[i].want)
            cr_expect_str_eq(o.reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                             rows[i].want, o.reject.reason);
        else
            cr_expect(o.row.time_us == rows[i].time_us && o.row.period_us == rows[i].period_us,
                      "row %zu: want %lld in %lld, got %lld in %lld", i, (long long)rows[i].time_us,
                      (long long)rows[i].period_us, (long long)o.row.time_us,
                      (long long)o.row.period_us);
        release(&o);
        buf_free(&frame);
    }
}

/* --- values that manifests state ---------------------------------------------------------------
 */

Test(replay_copybin, stated_values)
{
    static const struct {
        enum column_type type;
        const char *bytes;
        size_t len;
        const char *want; /* the field, or the reject's reason where field_len is 0 */
        size_t want_len;
    } rows[] = {
        {COLUMN_TEXT, BYTES("\xa1x"), BYTES("\0\0\0\1x")},
        {COLUMN_TEXT, BYTES("\xc0"), BYTES("\xff\xff\xff\xff")},
        {COLUMN_JSONB,
         BYTES("\x82\xa1"
               "b\x01\xa1"
               "a\x90"),
         BYTES("\0\0\0\x0f\1{\"a\":[],\"b\":1}")},
        {COLUMN_INT8_ARRAY, BYTES("\x90"), BYTES("\0\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\x14")},
        {COLUMN_TIMESTAMPTZ, BYTES("\x00"), BYTES("\0\0\0\x08\xff\xfc\xa2\xfe\xc4\xc8\x20\0")},
        {COLUMN_TEXT, BYTES("\x01"), "text is wanted, but it is an integer", 0},
        {COLUMN_TEXT, BYTES("\xa1\0"), "a NUL character, which Postgres text can't hold", 0},
        {COLUMN_JSONB, BYTES("\x91\xa1\xff"), "text that is not UTF-8", 0},
        {COLUMN_TEXT, BYTES(""), "not one msgpack value", 0},
        {COLUMN_TEXT, BYTES("\xa2x"), "not one msgpack value", 0},
        {COLUMN_TEXT, BYTES("\xa1xx"), "not one msgpack value", 0},
        {COLUMN_JSONB, BYTES("\x92\x01"), "not one msgpack value", 0},
        {COLUMN_TEXT, BYTES("\xc1"), "not one msgpack value", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct column c = {.name = "c", .type = rows[i].type};
        struct reject reject = {.reason = ""};
        struct buf out = {0};
        buf_str(&out, "row");
        bool good = copybin_value(&out, &c, rows[i].bytes, rows[i].len, &reject);
        cr_expect_eq(good, rows[i].want_len > 0, "row %zu: got %d, %s", i, good, reject.reason);
        if (rows[i].want_len == 0)
            cr_expect_str_eq(reject.reason, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                             rows[i].want, reject.reason);
        EXPECT_BYTES(out.data + 3, out.len - 3, rows[i].want, rows[i].want_len, "row %zu", i);
        buf_free(&out);
    }
}
