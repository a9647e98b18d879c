/* SPDX-License-Identifier: MIT */
#include "frame/msgpack.h"

#include <assert.h>

/* Big-endian unsigned integer of 0, 1, 2, 4 or 8 bytes. */
static uint64_t load(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 0:
        return 0;
    case 1:
        return *p;
    case 2:
        return word_be16(p);
    case 4:
        return word_be32(p);
    default:
        return word_be64(p);
    }
}

static int64_t sign_extend(uint64_t v, unsigned size)
{
    assert(size > 0 && size <= 8);
    unsigned shift = 64 - 8 * size;
    return (int64_t)(v << shift) >> shift;
}

static void set_signed(struct mp_value *v, int64_t number)
{
    v->type = number < 0 ? MP_INT : MP_UINT;
    if (number < 0)
        v->i = number;
    else
        v->u = (uint64_t)number;
}

static void set_float(struct mp_value *v, uint64_t bits, unsigned size)
{
    v->type = MP_FLOAT;
    if (size == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float f;
        memcpy(&f, &bits32, sizeof f);
        v->f = (double)f;
    } else {
        memcpy(&v->f, &bits, sizeof v->f);
    }
}

/* Strings, binaries and extensions: the payload of v->len bytes starts `header` bytes after p. */
static enum mp_status take_payload(struct mp_cursor *c, struct mp_value *v, unsigned header)
{
    size_t have = (size_t)(c->end - c->p);
    if (have < header || have - header < v->len)
        return MP_SHORT;
    if (v->type == MP_EXT)
        v->ext = (int8_t)c->p[header - 1];
    v->bytes = c->p + header;
    c->p += header + (size_t)v->len;
    return MP_OK;
}

static enum mp_status take_header(struct mp_cursor *c, unsigned header)
{
    c->p += header;
    return MP_OK;
}

/* 0xc0 to 0xdf: the type byte, then what it announces. */
static enum mp_status read_long_form(struct mp_cursor *c, struct mp_value *v, uint8_t type)
{
    /* bytes of the number that follows the type byte */
    static const uint8_t width[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                      1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    unsigned size = width[type - 0xc0];
    if ((size_t)(c->end - c->p) < 1 + size)
        return MP_SHORT;
    uint64_t number = load(c->p + 1, size);

    switch (type) {
    case 0xc0:
        v->type = MP_NIL;
        return take_header(c, 1);
    case 0xc1:
        return MP_BAD;
    case 0xc2:
    case 0xc3:
        v->type = MP_BOOL;
        v->boolean = type == 0xc3;
        return take_header(c, 1);
    case 0xca:
    case 0xcb:
        set_float(v, number, size);
        return take_header(c, 1 + size);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        v->type = MP_UINT;
        v->u = number;
        return take_header(c, 1 + size);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        set_signed(v, sign_extend(number, size));
        return take_header(c, 1 + size);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        v->type = MP_EXT;
        v->len = (uint32_t)number;
        return take_payload(c, v, 2 + size);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        v->type = MP_EXT;
        v->len = 1U << (type - 0xd4);
        return take_payload(c, v, 2);
    case 0xdc:
    case 0xdd:
    case 0xde:
    case 0xdf:
        v->type = type <= 0xdd ? MP_ARRAY : MP_MAP;
        v->len = (uint32_t)number;
        return take_header(c, 1 + size);
    default: /* bin 0xc4-0xc6, str 0xd9-0xdb */
        v->type = type <= 0xc6 ? MP_BIN : MP_STR;
        v->len = (uint32_t)number;
        return take_payload(c, v, 1 + size);
    }
}

enum mp_status mp_read_other(struct mp_cursor *c, struct mp_value *v)
{
    uint8_t type = *c->p;
    if (type >= 0xe0) {
        v->type = MP_INT;
        v->i = (int64_t)type - 256;
        return take_header(c, 1);
    }
    if (type >= 0xc0)
        return read_long_form(c, v, type);
    v->type = type <= 0x8f ? MP_MAP : MP_ARRAY;
    v->len = type & 0x0f;
    return take_header(c, 1);
}

/* The values that take most of a walk, one after the other as long as there are any; only those
 * that no limit can concern. Returns how many of `count` are left. */
static uint64_t skip_plain(struct mp_cursor *c, uint64_t count, const struct frame_limits *limits)
{
    const uint8_t *p = c->p;
    for (; count > 0 && p < c->end; count--) {
        size_t have = (size_t)(c->end - p);
        size_t len;
        if (*p >= 0xa0 && *p <= 0xbf && limits->string_bytes >= 0x1f)
            len = 1 + (*p & 0x1f);
        else if (*p <= 0x7f || *p == 0xc0 || *p == 0xc2 || *p == 0xc3 || *p >= 0xe0)
            len = 1;
        else if (*p == 0xcb)
            len = 9;
        else
            break;
        if (have < len)
            break;
        p += len;
    }
    c->p = p;
    return count;
}

enum mp_status mp_skip_elements(struct mp_cursor *c, uint64_t count, unsigned depth,
                                const struct frame_limits *limits)
{
    uint64_t left[FRAME_DEPTH_MAX + 1]; /* values still to come, for each container around */
    unsigned outermost = depth;
    assert(limits->depth <= FRAME_DEPTH_MAX);
    if (depth > limits->depth)
        return MP_DEEP;
    for (;;) {
        count = skip_plain(c, count, limits);
        while (count == 0) {
            if (depth == outermost)
                return MP_OK;
            count = left[--depth];
        }
        count--;

        struct mp_value v = {.type = MP_NIL};
        enum mp_status status = mp_read(c, &v);
        if (v.type >= MP_STR) {
            enum mp_status limit = mp_check(&v, limits);
            status = limit != MP_OK ? limit : status;
        }
        if (status != MP_OK)
            return status;
        if (v.type >= MP_ARRAY) {
            if (depth == limits->depth)
                return MP_DEEP;
            left[depth++] = count;
            count = v.type == MP_MAP ? UINT64_C(2) * v.len : v.len;
        }
    }
}
