/* SPDX-License-Identifier: MIT */
#include "frame/reader.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "bytes.h"

static const struct frame_limits defaults = FRAME_LIMITS_DEFAULT;

/* Bytes handed out in steps, as a file or a decompressor would. */
struct source {
    const uint8_t *bytes;
    size_t len, at;
    size_t step;  /* at most this many a call; 0: all that is wanted */
    size_t fails; /* the call that fails, counted from 1; 0: none */
    size_t calls, after_end;
};

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    size_t n = s->len - s->at;
    cr_assert_gt(size, 0, "asked for no bytes");
    s->calls++;
    if (s->calls == s->fails)
        return err_make(ERR_SPOOL, "the disk is on fire");
    s->after_end += n == 0;
    n = n < size ? n : size;
    n = s->step && n > s->step ? s->step : n;
    if (n > 0)
        memcpy(room, s->bytes + s->at, n);
    s->at += n;
    *got = n;
    return ERR_OK;
}

struct outcome {
    enum frame_result result;
    struct err e;
    uint64_t frames;
    bool sealed;
    size_t window; /* bytes that the reader came to hold */
    char last_kind[32];
};

static struct outcome read_on(struct frame_reader *r, struct source *s)
{
    struct outcome o = {.last_kind = "-"};
    struct frame frame;
    r->context = s;
    while ((o.result = frame_next(r, &frame, &o.e)) == FRAME_NEXT) {
        cr_assert_eq(frame.index, o.frames, "frame %zu has index %zu", (size_t)o.frames,
                     (size_t)frame.index);
        cr_assert(bytes_equal(frame.bytes, frame.len, s->bytes + frame.offset, frame.len),
                  "frame %zu at %zu has other bytes than the segment", (size_t)o.frames,
                  (size_t)frame.offset);
        if (frame.kind)
            (void)snprintf(o.last_kind, sizeof o.last_kind, "%.*s", (int)frame.kind_len,
                           (const char *)frame.kind);
        else
            (void)strcpy(o.last_kind, "none");
        o.frames++;
    }
    o.sealed = r->sealed;
    o.window = r->cap;
    return o;
}

static struct outcome read_all(const struct frame_limits *limits, struct source *s)
{
    struct frame_reader r = {.fill = fill, .limits = limits};
    struct outcome o = read_on(&r, s);
    frame_reader_free(&r);
    return o;
}

#define KIND_A         \
    "\x81\xa4kind\xa1" \
    "a"
#define SEAL(n)                \
    "\x82\xa4kind\xa4seal\xa6" \
    "frames" n

/* Every malformed shape has its own text, which names the frame and the byte where it starts. */
Test(frame_reader, shapes)
{
    static const struct frame_limits tight = {
        .frame_bytes = 64, .string_bytes = 16, .keys = 3, .depth = 3};
    static const struct {
        const char *bytes;
        size_t len;
        uint64_t frames; /* given out before the end */
        bool sealed;
        const char *error; /* NULL: a clean end */
    } rows[] = {
        {BYTES(""), 0, false, NULL},
        {BYTES("\x80"), 1, false, NULL},
        {BYTES("\x80\x80\x80"), 3, false, NULL},
        {BYTES(KIND_A KIND_A), 2, false, NULL},

        {BYTES("\xc1"), 0, false, "frame 0 at byte 0: not msgpack (byte 0xc1)"},
        {BYTES(KIND_A "\xc1"), 1, false, "frame 1 at byte 8: not msgpack (byte 0xc1)"},
        {BYTES(KIND_A "\x81\xa1x\xc1"), 1, false, "frame 1 at byte 8: not msgpack (byte 0xc1)"},
        {BYTES("{\"kind\": \"metric\"}\n"), 0, false, "frame 0 at byte 0 is not a msgpack map"},
        {BYTES("\x01"), 0, false, "frame 0 at byte 0 is not a msgpack map"},
        {BYTES(KIND_A "\x91" KIND_A), 1, false, "frame 1 at byte 8 is not a msgpack map"},
        {BYTES(KIND_A "\n"), 1, false, "frame 1 at byte 8 is not a msgpack map"},
        {BYTES(KIND_A "\x81"), 1, false,
         "frame 1 at byte 8: cut short: the segment ends inside the frame"},
        {BYTES(KIND_A "\x81\xa4kin"), 1, false,
         "frame 1 at byte 8: cut short: the segment ends inside the frame"},
        {BYTES("\x81\xa1x\xd9\x11"), 0, false,
         "frame 0 at byte 0: a string is longer than limits.string"},
        {BYTES("\x84"), 0, false, "frame 0 at byte 0: a map has more keys than limits.keys"},
        {BYTES("\xdf\xff\xff\xff\xff"), 0, false,
         "frame 0 at byte 0: a map has more keys than limits.keys"},
        {BYTES("\x81\xa1x\xdc\x00\x41"), 0, false,
         "frame 0 at byte 0: an array claims more elements than a frame can hold"},
        {BYTES("\x81\xa1x\x91\x91\x91\x01"), 0, false,
         "frame 0 at byte 0: nested deeper than limits.depth"},
        /* a frame may be 64 bytes; this one has 66 */
        {BYTES("\x83\x01\xb0"
               "0123456789abcdef"
               "\x02\xb0"
               "0123456789abcdef"
               "\x03\xdc\x00\x19"
               "0123456789abcdefghijklmno"),
         0, false, "frame at byte 0 is larger than limits.frame (64 bytes)"},

        {BYTES(SEAL("\x00")), 0, true, NULL},
        {BYTES(KIND_A KIND_A SEAL("\x02")), 2, true, NULL},
        {BYTES(KIND_A SEAL("\xcf\0\0\0\0\0\0\0\x01")), 1, true, NULL},
        {BYTES(KIND_A "\x82\xa6"
                      "frames\x01\xa4kind\xa4seal"),
         1, true, NULL},
        {BYTES(KIND_A SEAL("\x02")), 1, false, "sealed as 2 frames, but 1 is there"},
        {BYTES(KIND_A KIND_A SEAL("\x01")), 2, false, "sealed as 1 frame, but 2 are there"},
        {BYTES(KIND_A SEAL("\xff")), 1, false, "seal at byte 8 has no count in `frames`"},
        {BYTES(KIND_A SEAL("\xca\x3f\x80\0\0")), 1, false,
         "seal at byte 8 has no count in `frames`"},
        {BYTES(KIND_A SEAL("\xa1"
                           "1")),
         1, false, "seal at byte 8 has no count in `frames`"},
        {BYTES(KIND_A "\x81\xa4kind\xa4seal"), 1, false, "seal at byte 8 has no count in `frames`"},
        {BYTES(KIND_A SEAL("\x01") KIND_A), 1, true, "bytes after the seal, at byte 27"},
        {BYTES(KIND_A SEAL("\x01") SEAL("\x01")), 1, true, "bytes after the seal, at byte 27"},
        {BYTES(KIND_A SEAL("\x01") "\n"), 1, true, "bytes after the seal, at byte 27"},
        {BYTES(KIND_A SEAL("\x01") "\x81"), 1, true,
         "frame 1 at byte 27: cut short: the segment ends inside the frame"},
    };
    static const size_t steps[] = {0, 1, 7};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t s = 0; s < COUNT(steps); s++) {
            struct source source = {
                .bytes = (const uint8_t *)rows[i].bytes, .len = rows[i].len, .step = steps[s]};
            struct outcome got = read_all(&tight, &source);
            const char *want = rows[i].error ? rows[i].error : "";
            cr_expect_str_eq(got.e.text, want, "row %zu, steps of %zu\nwant: %s\n got: %s", i,
                             steps[s], want, got.e.text);
            cr_expect_eq(got.result, rows[i].error ? FRAME_FAILED : FRAME_END,
                         "row %zu: want %s, got %d", i, rows[i].error ? "failed" : "end",
                         got.result);
            cr_expect_eq(got.e.cls, rows[i].error ? ERR_SEGMENT : ERR_NONE, "row %zu: class %s", i,
                         err_class_name(got.e.cls));
            cr_expect_eq(got.frames, rows[i].frames, "row %zu: want %zu frames, got %zu", i,
                         (size_t)rows[i].frames, (size_t)got.frames);
            cr_expect_eq(got.sealed, rows[i].sealed, "row %zu: want sealed %d, got %d", i,
                         rows[i].sealed, got.sealed);
        }
}

Test(frame_reader, kinds)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("\x80"), "none"},
        {BYTES("\x81\xa4kind\xa6metric"), "metric"},
        {BYTES("\x81\xa4kind\xa0"), ""},
        {BYTES("\x81\xa4kind\x01"), "none"},
        {BYTES("\x81\xa4kind\xc4\x01x"), "none"}, /* bin is no text */
        {BYTES("\x81\xa4Kind\xa1x"), "none"},
        {BYTES("\x81\xa5"
               "event\xa3"
               "e.v"),
         "e.v"},
        {BYTES("\x82\xa5"
               "event\xa1"
               "e\xa4kind\xa1k"),
         "k"}, /* in either order */
        {BYTES("\x82\xa4kind\xa1k\xa5"
               "event\xa1"
               "e"),
         "k"},
        {BYTES("\x82\xa1x\x81\xa4kind\xa1n\xa1y\x01"), "none"}, /* not the nested one */
        {BYTES("\x82\xa1x\x81\xa4kind\xa1n\xa4kind\xa1k"), "k"},
        {BYTES("\x82\x92\x01\x02\xc0\xa4kind\xa1k"), "k"}, /* whatever the other keys are */
        {BYTES("\xde\x00\x01\xd9\x04kind\xdb\x00\x00\x00\x01k"), "k"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct source source = {.bytes = (const uint8_t *)rows[i].bytes, .len = rows[i].len};
        struct outcome got = read_all(&defaults, &source);
        cr_assert_eq(got.result, FRAME_END, "row %zu: %s", i, got.e.text);
        cr_expect_str_eq(got.last_kind, rows[i].want, "row %zu: want %s, got %s", i, rows[i].want,
                         got.last_kind);
    }
}

/* A frame {"x": bin of `payload` bytes}: 8 + payload bytes. */
static void put_frame(struct buf *out, size_t payload)
{
    buf_put(out, "\x81\xa1x\xc6", 4);
    buf_be32(out, (uint32_t)payload);
    memset(buf_reserve(out, payload), (int)(payload & 0xff), payload);
    out->len += payload;
}

enum { MIB = 1 << 20, FRAME_HEAD = 8 };

/* Sizes around the window's 1 MiB: frames that end on its last byte, one before, one after,
 * straddle it, and need it to grow to twice and four times. */
Test(frame_reader, windows)
{
    static const struct {
        size_t sizes[4]; /* of whole frames; 0 ends */
        size_t window;   /* at the end */
    } rows[] = {
        {{MIB}, MIB},
        {{MIB - 1, 9}, MIB},
        {{MIB, 9}, MIB},
        {{MIB + 1, 9}, 2 * MIB},
        {{100, MIB - 100, 100}, MIB},
        {{100, MIB, 100}, MIB},
        {{700000, 700000, 700000}, MIB},
        {{100, 3 * MIB + 5, 100}, 4 * MIB},
        {{3 * MIB + 5, MIB + 7, 9}, 4 * MIB},
        {{16 * MIB}, 16 * MIB},
        {{9, 16 * MIB, 9}, 16 * MIB},
    };
    static const size_t steps[] = {0, 65536, 1000003};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf segment = {0};
        size_t frames = 0;
        for (; frames < 4 && rows[i].sizes[frames]; frames++)
            put_frame(&segment, rows[i].sizes[frames] - FRAME_HEAD);
        for (size_t s = 0; s < COUNT(steps); s++) {
            struct source source = {.bytes = segment.data, .len = segment.len, .step = steps[s]};
            struct outcome got = read_all(&defaults, &source);
            cr_expect_eq(got.result, FRAME_END, "row %zu: %s", i, got.e.text);
            cr_expect_eq(got.frames, frames, "row %zu: want %zu frames, got %zu", i, frames,
                         (size_t)got.frames);
            cr_expect_eq(got.window, rows[i].window, "row %zu: want a window of %zu, got %zu", i,
                         rows[i].window, got.window);
        }
        buf_free(&segment);
    }
}

/* Thousands of small frames over many windows, at every phase against the window's end. */
Test(frame_reader, straddling)
{
    for (size_t size = 1001; size < 1020; size += 2) {
        struct buf segment = {0};
        size_t frames = 0;
        for (; segment.len < 3 * MIB; frames++)
            put_frame(&segment, size - FRAME_HEAD);
        struct source source = {.bytes = segment.data, .len = segment.len};
        struct outcome got = read_all(&defaults, &source);
        cr_expect(got.result == FRAME_END && got.frames == frames,
                  "frames of %zu bytes: want %zu of them, got %zu: %s", size, frames,
                  (size_t)got.frames, got.e.text);
        cr_expect_eq(got.window, MIB, "frames of %zu bytes need a window of %zu", size, got.window);
        buf_free(&segment);
    }
}

/* The largest frame passes, one byte more doesn't; below and above the first window's size. */
Test(frame_reader, frame_limit)
{
    static const size_t limits[] = {100, MIB - 1, MIB, MIB + 1, 3 * MIB / 2, 2 * MIB};
    for (size_t i = 0; i < COUNT(limits); i++)
        for (size_t over = 0; over < 3; over++) {
            struct frame_limits l = defaults;
            struct buf segment = {0};
            char want[120] = "";
            l.frame_bytes = limits[i];
            put_frame(&segment, 50);
            put_frame(&segment, limits[i] + over - FRAME_HEAD);
            if (over > 0)
                (void)snprintf(want, sizeof want,
                               "frame at byte 58 is larger than limits.frame (%zu bytes)",
                               limits[i]);
            struct source source = {.bytes = segment.data, .len = segment.len};
            struct outcome got = read_all(&l, &source);
            cr_expect_str_eq(got.e.text, want, "limit %zu, %zu over\nwant: %s\n got: %s", limits[i],
                             over, want, got.e.text);
            cr_expect_eq(got.frames, over ? 1 : 2, "limit %zu, %zu over: %zu frames", limits[i],
                         over, (size_t)got.frames);
            cr_expect(got.window <= (limits[i] > MIB ? limits[i] : MIB),
                      "limit %zu, %zu over: the window grew to %zu", limits[i], over, got.window);
            buf_free(&segment);
        }
}

/* A segment that never ends a frame is given up as soon as the limit is reached, not read to its
 * end. */
Test(frame_reader, endless_frame_is_given_up_early)
{
    struct frame_limits l = defaults;
    struct buf segment = {0};
    l.frame_bytes = 2 * MIB;
    l.keys = UINT32_MAX;
    buf_put(&segment, "\xdf\xff\xff\xff\xff", 5);
    memset(buf_reserve(&segment, 8 * MIB), 0x01, 8 * MIB);
    segment.len += 8 * MIB;
    struct source source = {.bytes = segment.data, .len = segment.len};
    struct outcome got = read_all(&l, &source);
    cr_expect_str_eq(got.e.text, "frame at byte 0 is larger than limits.frame (2097152 bytes)",
                     "got: %s", got.e.text);
    cr_expect_eq(source.at, 2 * MIB, "want 2 MiB read, got %zu", source.at);
    buf_free(&segment);
}

/* With the default limits, a claim of 2^32-1 keys ends at its header: one window, nothing more. */
Test(frame_reader, huge_map_costs_one_window)
{
    struct buf segment = {0};
    buf_put(&segment, "\xdf\xff\xff\xff\xff", 5);
    memset(buf_reserve(&segment, 8 * MIB), 0x01, 8 * MIB);
    segment.len += 8 * MIB;
    struct source source = {.bytes = segment.data, .len = segment.len};
    struct outcome got = read_all(&defaults, &source);
    cr_expect_str_eq(got.e.text, "frame 0 at byte 0: a map has more keys than limits.keys",
                     "got: %s", got.e.text);
    cr_expect(got.window == MIB && source.at <= MIB, "held %zu bytes, read %zu", got.window,
              source.at);
    buf_free(&segment);
}

/* Wherever the segment is cut: whole frames come out; a seal proves it, and only a whole one. */
Test(frame_reader, truncated_at_every_byte)
{
    static const char whole[] = KIND_A "\x82\xa4kind\xa1"
                                       "b\xa1v\xcb\x3f\xf0\0\0\0\0\0\0" SEAL("\x02");
    static const size_t ends[] = {0, 8, 27, 46}; /* of nothing, the frames, the seal */
    cr_assert_eq(sizeof whole - 1, 46, "the sample has %zu bytes", sizeof whole - 1);
    for (size_t len = 0; len < sizeof whole; len++) {
        uint8_t *cut = mem_alloc(len + 1);
        memcpy(cut, whole, len);
        struct source source = {.bytes = cut, .len = len, .step = 5};
        struct outcome got = read_all(&defaults, &source);
        bool at_end = len == ends[0] || len == ends[1] || len == ends[2] || len == ends[3];
        uint64_t frames = len < ends[1] ? 0 : len < ends[2] ? 1 : 2;
        cr_expect_eq(got.result, at_end ? FRAME_END : FRAME_FAILED, "%zu bytes: got %d, %s", len,
                     got.result, got.e.text);
        if (!at_end)
            cr_expect(strstr(got.e.text, "cut short"), "%zu bytes: got %s", len, got.e.text);
        cr_expect_eq(got.frames, frames, "%zu bytes: want %zu frames, got %zu", len, (size_t)frames,
                     (size_t)got.frames);
        cr_expect_eq(got.sealed, len == ends[3], "%zu bytes: sealed is %d", len, got.sealed);
        free(cut);
    }
}

/* What the source says goes through as it is: an unreadable disk doesn't fail the segment. */
Test(frame_reader, source_errors)
{
    static const char bytes[] = KIND_A KIND_A KIND_A;
    for (size_t fails = 1; fails <= 4; fails++) {
        struct source source = {
            .bytes = (const uint8_t *)bytes, .len = sizeof bytes - 1, .step = 8, .fails = fails};
        struct outcome got = read_all(&defaults, &source);
        cr_expect(got.result == FRAME_FAILED && got.e.cls == ERR_SPOOL,
                  "call %zu: got %d, class %s", fails, got.result, err_class_name(got.e.cls));
        cr_expect_str_eq(got.e.text, "the disk is on fire", "call %zu: got %s", fails, got.e.text);
    }
}

Test(frame_reader, end_stays_the_end)
{
    static const char bytes[] = KIND_A SEAL("\x01");
    struct source source = {.bytes = (const uint8_t *)bytes, .len = sizeof bytes - 1};
    struct frame_reader r = {.fill = fill, .context = &source, .limits = &defaults};
    struct frame frame;
    struct err e;
    cr_expect_eq(frame_next(&r, &frame, &e), FRAME_NEXT, "%s", e.text);
    for (int i = 0; i < 3; i++) {
        enum frame_result got = frame_next(&r, &frame, &e);
        cr_expect_eq(got, FRAME_END, "call %d after the end: got %d, %s", i, got, e.text);
    }
    cr_expect_eq(r.frames, 1, "the seal is counted: %zu", (size_t)r.frames);
    frame_reader_free(&r);
}

/* One reader for many segments says of each what a reader of its own would, whatever came before:
 * a seal, damage in the middle of a window, a source that failed, a frame that made it grow. */
Test(frame_reader, restart)
{
    struct buf large = {0};
    struct buf too_large = {0};
    put_frame(&large, 3 * MIB);
    put_frame(&too_large, 17 * MIB);
    const struct {
        const void *bytes;
        size_t len;
        size_t step, fails;
    } segments[] = {
        {BYTES(KIND_A SEAL("\x01")), 0, 0},
        {BYTES(KIND_A KIND_A), 0, 0},
        {BYTES(""), 0, 0},
        {BYTES(KIND_A "\x81\xa1x\xc1" KIND_A), 0, 0},
        {BYTES(KIND_A "\x81\xa1"), 1, 0},
        {BYTES(KIND_A KIND_A KIND_A), 8, 2},
        {large.data, large.len, 0, 0},
        {BYTES(KIND_A SEAL("\x02")), 0, 0},
        {too_large.data, too_large.len, 0, 0},
        {BYTES(KIND_A SEAL("\x01")), 3, 0},
    };
    struct frame_reader r = {.fill = fill, .limits = &defaults};
    for (size_t i = 0; i < COUNT(segments); i++) {
        struct source s = {.bytes = segments[i].bytes,
                           .len = segments[i].len,
                           .step = segments[i].step,
                           .fails = segments[i].fails};
        struct source again = s;
        struct outcome want = read_all(&defaults, &s);
        frame_reader_restart(&r);
        cr_expect_eq(r.cap, i > 0 ? MIB : 0, "segment %zu: begun with a window of %zu", i, r.cap);
        struct outcome got = read_on(&r, &again);
        cr_expect(got.result == want.result && got.frames == want.frames &&
                      got.frames == r.frames && got.sealed == want.sealed &&
                      got.window == want.window && got.e.cls == want.e.cls,
                  "segment %zu: want %d, %zu frames, got %d, %zu", i, want.result,
                  (size_t)want.frames, got.result, (size_t)got.frames);
        cr_expect_str_eq(got.e.text, want.e.text, "segment %zu\nwant: %s\n got: %s", i, want.e.text,
                         got.e.text);
        cr_expect_str_eq(got.last_kind, want.last_kind, "segment %zu: want %s, got %s", i,
                         want.last_kind, got.last_kind);
    }
    frame_reader_free(&r);
    buf_free(&large);
    buf_free(&too_large);
}
