/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a .zst: one byte of settings, then the file. Bits 0-2: log2 of the bytes that the
 * source gives at a time; bits 3-5: of the room that the caller offers. What must hold: never more
 * than the limits allow, the same bytes whatever the sizes, an error of the segment's class or a
 * clean end.
 */
#include "frame/zstream.c"

#include <assert.h>

#include "base/hash.h"

struct source {
    const uint8_t *bytes;
    size_t len, at, step;
};

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    size_t n = s->len - s->at < size ? s->len - s->at : size;
    n = n > s->step ? s->step : n;
    if (n > 0)
        memcpy(room, s->bytes + s->at, n);
    s->at += n;
    *got = n;
    return ERR_OK;
}

struct outcome {
    bool good;
    uint64_t bytes;
    uint8_t digest[HASH_BYTES];
};

static const struct frame_limits limits = {
    .raw_bytes = 4 << 20, .expansion = 100, .window_bytes = 1 << 16};

/* In a stream that may have seen other bytes before. */
static struct outcome decompress(struct zstream *z, const uint8_t *bytes, size_t len, size_t step,
                                 size_t size)
{
    static uint8_t room[1 << 17];
    struct source source = {bytes, len, 0, step};
    struct outcome o = {.good = false};
    struct hash h;
    size_t got = 1;
    hash_start(&h);
    z->context = &source;
    struct err e = zstream_restart(z);
    assert(!err_is(&e));
    while (got > 0 && !err_is(&e)) {
        e = zstream_fill(z, room, size, &got);
        assert(got <= size && (!err_is(&e) || got == 0));
        hash_update(&h, room, got);
        o.bytes += got;
    }
    assert(o.bytes <= limits.raw_bytes);
    assert(o.bytes <= EXPANSION_GRACE || o.bytes / limits.expansion <= len);
    assert(!err_is(&e) || (e.cls == ERR_SEGMENT && *e.text));
    assert(ZSTD_sizeof_DCtx(z->decoder) < 1 << 20);
    o.good = !err_is(&e);
    hash_finish(&h, o.digest);
    return o;
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    assert(a->bytes == b->bytes && memcmp(a->digest, b->digest, sizeof a->digest) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct zstream z = {.fill = fill};
    if (len < 1)
        return 0;
    struct err e = zstream_open(&z, &limits);
    assert(!err_is(&e));
    struct outcome whole = decompress(&z, bytes + 1, len - 1, SIZE_MAX, 1 << 17);
    struct outcome pieces = decompress(&z, bytes + 1, len - 1, (size_t)1 << (bytes[0] & 7),
                                       (size_t)1 << (4 + (bytes[0] >> 3 & 7)));
    struct outcome again = decompress(&z, bytes + 1, len - 1, SIZE_MAX, 1 << 17);
    /* libzstd doesn't judge a frame that lies about its size the same way in one piece and in many
     * (1.5.4 notices it in one): the verdicts may differ there, what both let through may not. */
    if (whole.good && pieces.good)
        check_same(&whole, &pieces);
    /* what came before leaves no trace */
    assert(again.good == whole.good);
    check_same(&whole, &again);
    zstream_close(&z);
    return 0;
}
