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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/word.h"
#include "frame/limits.h"

/* In this order: what is whole by its header, what has bytes behind it, what has values behind it.
 */
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

/* Where a reading ended, and how: two registers, so that the next value doesn't wait for memory. */
struct mp_step {
    const uint8_t *p;
    enum mp_status status;
};

/* mp_read() of the type bytes that it leaves to this one. There is at least one byte. */
struct mp_step mp_read_other(const uint8_t *p, const uint8_t *end, struct mp_value *v);

/* Containers: reads the header only; the elements follow. The forms that frames are made of are
 * read here, so that they cost a few instructions wherever they are met. */
static inline __attribute__((always_inline)) enum mp_status mp_read(struct mp_cursor *c,
                                                                    struct mp_value *v)
{
    size_t have = (size_t)(c->end - c->p);
    if (have == 0)
        return MP_SHORT;
    uint8_t type = *c->p;
    if (type >= 0xa0 && type <= 0xbf) { /* a string of up to 31 bytes */
        uint32_t len = type & 0x1f;
        v->type = MP_STR;
        v->len = len;
        if (have <= len)
            return MP_SHORT;
        v->bytes = c->p + 1;
        c->p += 1 + len;
        return MP_OK;
    }
    if (type <= 0x7f) { /* 0 to 127 */
        v->type = MP_UINT;
        v->u = type;
        c->p++;
        return MP_OK;
    }
    if (type <= 0x9f) { /* a container of up to 15 */
        v->type = type <= 0x8f ? MP_MAP : MP_ARRAY;
        v->len = type & 0x0f;
        c->p++;
        return MP_OK;
    }
    if (type == 0xcb && have >= 9) { /* a double */
        uint64_t bits = word_be64(c->p + 1);
        v->type = MP_FLOAT;
        memcpy(&v->f, &bits, sizeof v->f);
        c->p += 9;
        return MP_OK;
    }
    struct mp_step step = mp_read_other(c->p, c->end, v);
    c->p = step.p;
    return step.status;
}

/* MP_OK where the length that v announces (MP_STR and all after it) is within limits. */
static inline enum mp_status mp_check(const struct mp_value *v, const struct frame_limits *limits)
{
    if (v->type <= MP_EXT)
        return v->len > limits->string_bytes ? MP_STRING : MP_OK;
    if (v->type == MP_MAP)
        return v->len > limits->keys ? MP_KEYS : MP_OK;
    return v->len > limits->frame_bytes ? MP_ARRAY_LONG : MP_OK;
}

/* Steps over `count` values inside the innermost of `depth` containers. */
struct mp_step mp_skip_elements(const uint8_t *p, const uint8_t *end, uint64_t count,
                                unsigned depth, const struct frame_limits *limits);

/* mp_read() of a whole value: the cursor is past its elements, too, and everything in it is within
 * limits. depth: of the containers around it. Constant memory, whatever the value holds. */
static inline __attribute__((always_inline)) enum mp_status
mp_take(struct mp_cursor *c, struct mp_value *v, unsigned depth, const struct frame_limits *limits)
{
    struct mp_cursor at = *c;
    v->type = MP_NIL; /* until something is known of it */
    enum mp_status status = mp_read(&at, v);
    if (v->type >= MP_STR) {
        /* A length is judged as soon as it is known: a claim of 4 GiB costs nothing, not even the
         * wait. */
        enum mp_status limit = mp_check(v, limits);
        if (limit != MP_OK)
            return limit;
        if (v->type >= MP_ARRAY && status == MP_OK) {
            uint64_t count = v->type == MP_MAP ? UINT64_C(2) * v->len : v->len;
            struct mp_step step = mp_skip_elements(at.p, at.end, count, depth + 1, limits);
            at.p = step.p;
            status = step.status;
        }
    }
    if (status == MP_OK)
        c->p = at.p;
    return status;
}

/* Steps over one whole value. */
static inline enum mp_status mp_skip(struct mp_cursor *c, const struct frame_limits *limits)
{
    struct mp_value v;
    return mp_take(c, &v, 0, limits);
}

static inline bool mp_is_str(const struct mp_value *v, const char *text, size_t len)
{
    return v->type == MP_STR && v->len == len && word_same(v->bytes, text, len);
}

#endif
