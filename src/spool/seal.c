/* SPDX-License-Identifier: MIT */
#include "spool/seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "frame/pack.h"
#include "spool/scan.h"

#define DRAFT "seal-"

enum { FLUSH_AT = 1 << 20, LEVEL = 3 };

/* Between the file's making and its lock, seal_clean of another process may take it for a dead
 * one's: then it has no name any more. Where the file system knows no locks, nothing is cleaned,
 * either. */
static struct err create_locked(struct seal *s, const struct spool *spool)
{
    struct stat st;
    for (;;) {
        TRY(durable_create_as(&s->file, spool->tmp, DRAFT));
        /* Whatever a producer's umask is: the daemon, of the same group, has to read it. */
        (void)fchmod(s->file.fd, 0640);
        if (flock(s->file.fd, LOCK_EX) != 0 || fstat(s->file.fd, &st) != 0 || st.st_nlink > 0)
            return ERR_OK;
        durable_discard(&s->file);
    }
}

struct err seal_open(struct seal *s, const struct spool *spool, bool zstd)
{
    *s = (struct seal){.file = {.fd = -1}};
    TRY(create_locked(s, spool));
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

struct err seal_frames(struct seal *s, const void *bytes, size_t len, uint64_t count)
{
    const uint8_t *from = bytes;
    s->frames += count;
    while (len > 0) {
        size_t piece = len < FLUSH_AT ? len : FLUSH_AT;
        buf_put(&s->pending, from, piece);
        from += piece;
        len -= piece;
        if (s->pending.len >= FLUSH_AT)
            TRY(flush(s, false));
    }
    return ERR_OK;
}

struct err seal_frame(struct seal *s, const void *bytes, size_t len)
{
    return seal_frames(s, bytes, len, 1);
}

struct err seal_end(struct seal *s)
{
    s->is_ended = true;
    pack_seal(&s->pending, s->frames, *s->id ? s->id : NULL);
    return flush(s, true);
}

struct err seal_publish(struct seal *s, const struct spool *spool, const char *gate,
                        const char *name)
{
    int incoming;
    if (!s->is_ended)
        TRY(seal_end(s));
    TRY(spool_open_gate(spool, gate, true, &incoming));
    struct err e =
        s->file.is_published ? durable_sync(incoming) : durable_publish(&s->file, incoming, name);
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

static struct err remove_dead(void *context, int folder, const char *name)
{
    static const char prefix[] = "." DRAFT;
    (void)context;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return ERR_OK;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) /* another user's, or it was published meanwhile */
        return ERR_OK;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(folder, name, 0);
    (void)close(fd);
    return ERR_OK;
}

struct err seal_clean(const struct spool *spool)
{
    return scan_folder(spool->tmp, remove_dead, NULL);
}
