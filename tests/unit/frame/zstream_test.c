/* SPDX-License-Identifier: MIT */
#include "frame/zstream.h"

#include <zstd.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "bytes.h"

static const struct frame_limits defaults = FRAME_LIMITS_DEFAULT;
enum { MIB = 1 << 20 };

struct source {
    const uint8_t *bytes;
    size_t len, at, step;
    bool fails;
};

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    size_t n = s->len - s->at < size ? s->len - s->at : size;
    n = s->step && n > s->step ? s->step : n;
    if (s->fails && s->at == s->len)
        return err_make(ERR_SPOOL, "the disk is on fire");
    if (n > 0)
        memcpy(room, s->bytes + s->at, n);
    s->at += n;
    *got = n;
    return ERR_OK;
}

/* Decompresses into out, `room` bytes at a time. */
static struct err read_on(struct zstream *z, size_t room, struct buf *out)
{
    struct err e = ERR_OK;
    size_t got = 1;
    while (!err_is(&e) && got > 0) {
        e = zstream_fill(z, buf_reserve(out, room), room, &got);
        out->len += err_is(&e) ? 0 : got;
    }
    if (!err_is(&e)) { /* the end stays the end */
        e = zstream_fill(z, buf_reserve(out, room), room, &got);
        cr_expect_eq(got, 0, "%zu bytes after the end", got);
    }
    return e;
}

static struct err read_all(const struct frame_limits *limits, struct source *s, size_t room,
                           struct buf *out)
{
    struct zstream z = {.fill = fill, .context = s};
    struct err e = zstream_open(&z, limits);
    if (!err_is(&e))
        e = read_on(&z, room, out);
    zstream_close(&z);
    return e;
}

static struct err read_bytes(const void *bytes, size_t len, struct buf *out)
{
    struct source s = {.bytes = bytes, .len = len};
    return read_all(&defaults, &s, 4096, out);
}

/* One zstd frame of `len` bytes; a window_log of 0 leaves it to zstd; stream: without a size in the
 * header, so that the window counts. */
static void compress(struct buf *out, const void *bytes, size_t len, int window_log, bool stream)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t room = ZSTD_compressBound(len) + 64;
    ZSTD_outBuffer to = {buf_reserve(out, room), room, 0};
    ZSTD_inBuffer from = {bytes, len, 0};
    cr_assert(!ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log)));
    cr_assert(!ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1)));
    if (stream)
        cr_assert(!ZSTD_isError(ZSTD_compressStream2(c, &to, &from, ZSTD_e_continue)));
    size_t left = ZSTD_compressStream2(c, &to, &from, ZSTD_e_end);
    cr_assert_eq(left, 0, "%s", ZSTD_getErrorName(left));
    out->len += to.pos;
    (void)ZSTD_freeCCtx(c);
}

static void repeat(struct buf *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_byte(out, (uint8_t)(i * i >> 7));
}

#define SKIPPABLE "\x50\x2a\x4d\x18\x03\0\0\0xyz"

Test(frame_zstream, frames_back_to_back)
{
    static const size_t steps[] = {0, 1, 3};
    static const size_t rooms[] = {1, 100, MIB};
    struct buf want = {0};
    struct buf file = {0};
    buf_put(&file, SKIPPABLE, sizeof SKIPPABLE - 1);
    for (size_t i = 0; i < 3; i++) {
        struct buf part = {0};
        repeat(&part, i * 3001); /* the first is empty */
        compress(&file, part.data, part.len, 0, i == 1);
        buf_put(&want, part.data, part.len);
        buf_free(&part);
    }
    buf_put(&file, SKIPPABLE, sizeof SKIPPABLE - 1);
    for (size_t s = 0; s < COUNT(steps); s++)
        for (size_t r = 0; r < COUNT(rooms); r++) {
            struct source source = {.bytes = file.data, .len = file.len, .step = steps[s]};
            struct buf got = {0};
            struct err e = read_all(&defaults, &source, rooms[r], &got);
            cr_expect(!err_is(&e), "steps of %zu, room %zu: %s", steps[s], rooms[r], e.text);
            cr_expect(bytes_equal(got.data, got.len, want.data, want.len),
                      "steps of %zu, room %zu: want %zu bytes, got %zu, or others", steps[s],
                      rooms[r], want.len, got.len);
            buf_free(&got);
        }
    buf_free(&want);
    buf_free(&file);
}

/* A whole file is two frames: a cut between them can't be seen here (a seal shows it), any other
 * is. */
Test(frame_zstream, truncated_at_every_byte)
{
    struct buf part = {0};
    struct buf file = {0};
    repeat(&part, 500);
    compress(&file, part.data, part.len, 0, false);
    size_t border = file.len;
    compress(&file, part.data, part.len, 0, true);
    for (size_t len = 0; len <= file.len; len++) {
        uint8_t *cut = mem_alloc(len + 1);
        memcpy(cut, file.data, len);
        struct buf got = {0};
        struct err e = read_bytes(cut, len, &got);
        const char *want = len == 0 ? "empty file: not even a zstd header"
                           : len == border || len == file.len
                               ? ""
                               : "cut short: the file ends inside a zstd frame";
        cr_expect_str_eq(e.text, want, "%zu of %zu bytes\nwant: %s\n got: %s", len, file.len, want,
                         e.text);
        cr_expect_eq(e.cls, *want ? ERR_SEGMENT : ERR_NONE, "%zu bytes: class %s", len,
                     err_class_name(e.cls));
        buf_free(&got);
        free(cut);
    }
    buf_free(&part);
    buf_free(&file);
}

Test(frame_zstream, damaged)
{
    struct buf file = {0};
    struct buf content = {0};
    repeat(&content, 3000);
    compress(&file, content.data, content.len, 0, false);
    unsigned refused = 0;
    for (size_t at = 0; at < file.len; at++) {
        struct buf got = {0};
        file.data[at] ^= 0x10;
        struct err e = read_bytes(file.data, file.len, &got);
        /* the checksum sees what nothing else does; two frame header bits say nothing */
        bool same = bytes_equal(got.data, got.len, content.data, content.len);
        cr_expect(err_is(&e) || same, "byte %zu flipped: %zu other bytes, and no error", at,
                  got.len);
        cr_expect(!err_is(&e) || e.cls == ERR_SEGMENT, "byte %zu flipped: class %s", at,
                  err_class_name(e.cls));
        refused += err_is(&e);
        file.data[at] ^= 0x10;
        buf_free(&got);
    }
    cr_expect(refused + 2 >= file.len, "%u of %zu damaged files are refused", refused, file.len);
    buf_free(&file);
    buf_free(&content);
}

Test(frame_zstream, not_zstd)
{
    struct buf good = {0};
    compress(&good, "abc", 3, 0, false);
    static const struct {
        const char *bytes;
        size_t len;
        bool after_a_frame;
        const char *want;
    } rows[] = {
        {BYTES("garbage, not zstd"), false,
         "bad zstd near byte 0 of the file: no frame starts there"},
        {BYTES("\x81\xa4kind\xa1"
               "a"),
         false, "bad zstd near byte 0 of the file: no frame starts there"},
        {BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00"), false,
         "bad zstd near byte 0 of the file: no frame starts there"},
        {BYTES("\n\n\n\n\n\n\n\n\n\n"), true, "bad zstd near byte"},
        {BYTES("\n"), true, "bad zstd near byte"},
        /* zstd v0.7 and v0.5: read by some builds of the library, with windows that no limit holds
         */
        {BYTES("\x27\xb5\x2f\xfd\x00\x58\x00\x00\x00\x00\x00\x00\x00"), false,
         "bad zstd near byte 0 of the file"},
        {BYTES("\x25\xb5\x2f\xfd\x0b\x00\x00\x00\x00\x00\x00\x00\x00"), false,
         "bad zstd near byte 0 of the file"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf file = {0};
        struct buf got = {0};
        if (rows[i].after_a_frame)
            buf_put(&file, good.data, good.len);
        buf_put(&file, rows[i].bytes, rows[i].len);
        struct err e = read_bytes(file.data, file.len, &got);
        cr_expect_eq(e.cls, ERR_SEGMENT, "row %zu: class %s", i, err_class_name(e.cls));
        cr_expect(strncmp(e.text, rows[i].want, strlen(rows[i].want)) == 0,
                  "row %zu\nwant: %s...\n got: %s", i, rows[i].want, e.text);
        buf_free(&file);
        buf_free(&got);
    }
    buf_free(&good);
}

Test(frame_zstream, window_limit)
{
    static const struct {
        uint64_t limit;
        int window_log;
        const char *want;
    } rows[] = {
        {8 * MIB, 20, ""},
        {8 * MIB, 23, ""},
        {8 * MIB, 24, "zstd window is larger than limits.window (8.0 MiB)"},
        {8 * MIB, 27, "zstd window is larger than limits.window (8.0 MiB)"},
        {MIB, 20, ""},
        {MIB, 21, "zstd window is larger than limits.window (1.0 MiB)"},
        {1024, 10, ""},
        {1024, 11, "zstd window is larger than limits.window (1.0 KiB)"},
    };
    struct buf content = {0};
    repeat(&content, 3 * MIB);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct frame_limits limits = defaults;
        struct buf file = {0};
        struct buf got = {0};
        limits.window_bytes = rows[i].limit;
        compress(&file, content.data, content.len, rows[i].window_log, true);
        struct source source = {.bytes = file.data, .len = file.len};
        struct err e = read_all(&limits, &source, 65536, &got);
        cr_expect_str_eq(e.text, rows[i].want, "row %zu\nwant: %s\n got: %s", i, rows[i].want,
                         e.text);
        buf_free(&file);
        buf_free(&got);
    }
    buf_free(&content);
}

/* Bombs: 256 MiB of zeros are a few KiB of zstd. */
Test(frame_zstream, expansion_and_size_limits)
{
    static const struct {
        size_t raw;
        uint64_t expansion, raw_limit;
        const char *want; /* how the error starts */
        size_t most;      /* bytes given out before it */
    } rows[] = {
        {256 * MIB, 1000, UINT64_MAX,
         "expands more than 1000 times (limits.expansion): ", 32 * MIB},
        {256 * MIB, 1000000, UINT64_MAX, "", 256 * MIB},
        {256 * MIB, 1000000, 5 * MIB, "decompresses to more than limits.raw (5.0 MiB)", 5 * MIB},
        {5 * MIB, 1000000, 5 * MIB, "", 5 * MIB},
        {5 * MIB + 1, 1000000, 5 * MIB, "decompresses to more than limits.raw (5.0 MiB)", 5 * MIB},
        {MIB, 1, UINT64_MAX, "", MIB}, /* too small to be called a bomb */
        {2 * MIB, 1, UINT64_MAX, "expands more than 1 times (limits.expansion): ", MIB},
    };
    uint8_t *zeros = mem_calloc(256, MIB);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct frame_limits limits = defaults;
        struct buf file = {0};
        uint8_t room[4096];
        size_t total = 0;
        size_t got = 1;
        limits.expansion = rows[i].expansion;
        limits.raw_bytes = rows[i].raw_limit;
        compress(&file, zeros, rows[i].raw, 0, false);
        struct source source = {.bytes = file.data, .len = file.len};
        struct zstream z = {.fill = fill, .context = &source};
        struct err e = zstream_open(&z, &limits);
        while (!err_is(&e) && got > 0) {
            e = zstream_fill(&z, room, sizeof room, &got);
            total += err_is(&e) ? 0 : got;
        }
        zstream_close(&z);
        bool same =
            *rows[i].want ? strncmp(e.text, rows[i].want, strlen(rows[i].want)) == 0 : !*e.text;
        cr_expect(same, "row %zu\nwant: %s\n got: %s", i, rows[i].want, e.text);
        cr_expect_leq(total, rows[i].most, "row %zu: want at most %zu bytes, got %zu", i,
                      rows[i].most, total);
        buf_free(&file);
    }
    free(zeros);
}

/* The source's own failure is passed on as it is, in the middle and at the end. */
Test(frame_zstream, source_errors)
{
    struct buf file = {0};
    struct buf content = {0};
    repeat(&content, 3000);
    compress(&file, content.data, content.len, 0, false);
    const size_t lengths[] = {0, 5, file.len};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct source source = {.bytes = file.data, .len = lengths[i], .fails = true};
        struct buf got = {0};
        struct err e = read_all(&defaults, &source, 100, &got);
        cr_expect_eq(e.cls, ERR_SPOOL, "after %zu bytes: class %s", lengths[i],
                     err_class_name(e.cls));
        cr_expect_str_eq(e.text, "the disk is on fire", "after %zu bytes: %s", lengths[i], e.text);
        buf_free(&got);
    }
    buf_free(&file);
    buf_free(&content);
}

/* One stream for many files says of each what a stream of its own would, wherever it was left: at
 * an end, in the middle of a frame, after damage, a window over the limit, or a bomb. */
Test(frame_zstream, restart)
{
    struct frame_limits limits = defaults;
    struct buf content = {0};
    struct buf files[8] = {{0}};
    limits.expansion = 100;
    repeat(&content, 700000);
    compress(&files[0], content.data, content.len, 0, true);
    buf_put(&files[1], files[0].data, files[0].len / 2);
    compress(&files[2], "abc", 3, 0, false);
    buf_put(&files[3], files[0].data, files[0].len);
    files[3].data[files[3].len - 1] ^= 1; /* the checksum */
    compress(&files[4], content.data, content.len, 24, true);
    memset(buf_reserve(&content, 8 * MIB), 0, 8 * MIB);
    compress(&files[6], content.data + content.len, 8 * MIB, 0, false);
    buf_put(&files[7], files[0].data, files[0].len);
    compress(&files[7], "abc", 3, 0, true);

    struct source s = {0};
    struct zstream z = {.fill = fill, .context = &s};
    struct err opened = zstream_open(&z, &limits);
    cr_assert(!err_is(&opened), "%s", opened.text);
    for (size_t i = 0; i < COUNT(files) * COUNT(files); i++) {
        /* every file after every other */
        const struct buf *pair[] = {&files[i / COUNT(files)], &files[i % COUNT(files)]};
        for (size_t n = 0; n < COUNT(pair); n++) {
            struct buf want = {0};
            struct buf got = {0};
            struct err restarted = zstream_restart(&z);
            cr_assert(!err_is(&restarted), "%s", restarted.text);
            s = (struct source){.bytes = pair[n]->data, .len = pair[n]->len};
            struct err e = read_on(&z, 300000, &got);
            s.at = 0;
            struct err want_e = read_all(&limits, &s, 300000, &want);
            cr_expect_str_eq(e.text, want_e.text, "pair %zu, %zu\nwant: %s\n got: %s", i, n,
                             want_e.text, e.text);
            cr_expect(e.cls == want_e.cls && bytes_equal(got.data, got.len, want.data, want.len),
                      "pair %zu, %zu: want %zu bytes, got %zu, or others", i, n, want.len, got.len);
            buf_free(&want);
            buf_free(&got);
        }
    }
    zstream_close(&z);
    for (size_t i = 0; i < COUNT(files); i++)
        buf_free(&files[i]);
    buf_free(&content);
}
