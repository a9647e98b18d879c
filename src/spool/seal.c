/* SPDX-License-Identifier: MIT */
#include "spool/seal.h"

#include <unistd.h>
#include <zstd.h>

#include "frame/pack.h"

enum { FLUSH_AT = 1 << 20, LEVEL = 3 };

struct err seal_open(struct seal *s, const struct spool *spool, bool zstd)
{
    *s = (struct seal){.file = {.fd = -1}};
    TRY(durable_create(&s->file, spool->tmp));
    if (!zstd)
        return ERR_OK;
    s->encoder = ZSTD_createCCtx();
    if (!s->encoder)
        return err_make(ERR_INTERNAL, "zstd: no encoder");
    /* A checksum lets the reader tell a damaged file from a malformed one. */
    if (ZSTD_isError(ZSTD_CCtx_setParameter(s->encoder, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(s->encoder, ZSTD_c_checksumFlag, 1)))
        return err_make(ERR_INTERNAL, "zstd: bad parameter");
    return ERR_OK;
}

static struct err compress(struct seal *s, ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = {s->pending.data, s->pending.len, 0};
    size_t left;
    do {
        size_t room = ZSTD_CStreamOutSize();
        ZSTD_outBuffer out = {buf_reserve(&s->packed, room), room, 0};
        left = ZSTD_compressStream2(s->encoder, &out, &in, end);
        if (ZSTD_isError(left))
            return err_make(ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
        s->packed.len += out.pos;
    } while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
    return ERR_OK;
}

static struct err flush(struct seal *s, bool last)
{
    const struct buf *out = &s->pending;
    if (s->encoder) {
        TRY(compress(s, last ? ZSTD_e_end : ZSTD_e_continue));
        out = &s->packed;
    }
    s->raw_bytes += s->pending.len;
    s->file_bytes += out->len;
    TRY(durable_write(s->file.fd, out->data, out->len));
    buf_clear(&s->pending);
    buf_clear(&s->packed);
    return ERR_OK;
}

struct err seal_frame(struct seal *s, const void *bytes, size_t len)
{
    buf_put(&s->pending, bytes, len);
    s->frames++;
    return s->pending.len >= FLUSH_AT ? flush(s, false) : ERR_OK;
}

struct err seal_end(struct seal *s)
{
    s->is_ended = true;
    pack_seal(&s->pending, s->frames);
    return flush(s, true);
}

struct err seal_publish(struct seal *s, const struct spool *spool, const char *gate,
                        const char *name)
{
    int incoming;
    if (!s->is_ended)
        TRY(seal_end(s));
    TRY(spool_open_gate(spool, gate, true, &incoming));
    struct err e = durable_publish(&s->file, incoming, name);
    (void)close(incoming);
    return e;
}

void seal_close(struct seal *s)
{
    durable_discard(&s->file);
    (void)ZSTD_freeCCtx(s->encoder);
    buf_free(&s->pending);
    buf_free(&s->packed);
}
