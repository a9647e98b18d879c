/* SPDX-License-Identifier: MIT */
/*
 * msgpack: a cursor over msgpack bytes. Reads one header or scalar at a time, copies nothing and
 * allocates nothing. Format: the msgpack specification,
 * github.com/msgpack/msgpack/blob/master/spec.md.
 *
 *     struct mp_cursor c = {p, end};
 *     struct mp_value v;
 *     if (mp_read(&c, &v) == MP_OK && v.type == MP_MAP)
 *         for (uint32_t i = 0; i < v.len; i++) { mp_read(key); mp_skip(value); }
 *
 * A failed read leaves the cursor where it was. MP_SHORT means that more bytes could complete it.
 */
#ifndef SPOOLGATE_FRAME_MSGPACK_H
#define SPOOLGATE_FRAME_MSGPACK_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "frame/limits.h"

enum mp_type {
    MP_NIL,
    MP_BOOL,
    MP_UINT,
    MP_INT,
    MP_FLOAT,
    MP_STR,
    MP_BIN,
    MP_EXT,
    MP_ARRAY,
    MP_MAP
};

enum mp_status {
    MP_OK,
    MP_SHORT,      /* the bytes end inside a value */
    MP_BAD,        /* the byte 0xc1, which no msgpack has */
    MP_STRING,     /* a str, bin or ext over limits.string_bytes */
    MP_KEYS,       /* a map over limits.keys */
    MP_ARRAY_LONG, /* an array that can't fit into limits.frame_bytes */
    MP_DEEP,       /* nested deeper than limits.depth */
};

struct mp_value {
    enum mp_type type;
    int8_t ext;   /* MP_EXT: its type */
    uint32_t len; /* MP_STR, MP_BIN, MP_EXT: bytes; MP_ARRAY: elements; MP_MAP: pairs */
    union {
        bool boolean;
        uint64_t u; /* MP_UINT */
        int64_t i;  /* MP_INT: negative only */
        double f;   /* MP_FLOAT, from 32 or 64 bits */
        const uint8_t *bytes;
    };
};

struct mp_cursor {
    const uint8_t *p, *end;
};

/* Containers: reads the header only; the elements follow. */
enum mp_status mp_read(struct mp_cursor *c, struct mp_value *v);

/* Steps over one whole value, whatever it holds, in constant memory. */
enum mp_status mp_skip(struct mp_cursor *c, const struct frame_limits *limits);

static inline bool mp_is_str(const struct mp_value *v, const char *text, size_t len)
{
    return v->type == MP_STR && v->len == len && memcmp(v->bytes, text, len) == 0;
}

#endif
