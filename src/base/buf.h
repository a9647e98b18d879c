/* SPDX-License-Identifier: MIT */
/*
 * buf: bytes that grow.
 *
 *     struct buf b = {0};
 *     buf_str(&b, "batch ");
 *     buf_be32(&b, n);
 *     ... b.data, b.len ...
 *     buf_free(&b);
 *
 * A zeroed struct is an empty buffer. buf_cstr() NUL-terminates without counting the NUL. clear
 * keeps the memory for reuse: the hot path appends to warm buffers and allocates nothing.
 */
#ifndef SPOOLGATE_BASE_BUF_H
#define SPOOLGATE_BASE_BUF_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    uint8_t *data;
    size_t len, cap;
};

void buf_grow(struct buf *b, size_t more); /* room for `more` bytes past len */
void buf_free(struct buf *b);
const char *buf_cstr(struct buf *b);
char *buf_take(struct buf *b); /* the NUL-terminated bytes, now the caller's; b is empty */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_clear(struct buf *b)
{
    b->len = 0;
}

static inline uint8_t *buf_reserve(struct buf *b, size_t more)
{
    if (b->cap - b->len < more)
        buf_grow(b, more);
    return b->len > 0 ? b->data + b->len : b->data; /* NULL + 0 is undefined in C */
}

static inline void buf_put(struct buf *b, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(buf_reserve(b, len), bytes, len);
        b->len += len;
    }
}

static inline void buf_byte(struct buf *b, uint8_t byte)
{
    *buf_reserve(b, 1) = byte;
    b->len++;
}

static inline void buf_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

static inline void buf_be16(struct buf *b, uint16_t v)
{
    v = htobe16(v);
    buf_put(b, &v, sizeof v);
}

static inline void buf_be32(struct buf *b, uint32_t v)
{
    v = htobe32(v);
    buf_put(b, &v, sizeof v);
}

static inline void buf_be64(struct buf *b, uint64_t v)
{
    v = htobe64(v);
    buf_put(b, &v, sizeof v);
}

#endif
