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

static struct mp_step past(const uint8_t *p, size_t len)
{
    return (struct mp_step){p + len, MP_OK};
}

/* Strings, binaries and extensions: the payload of v->len bytes starts `header` bytes after p. */
static struct mp_step past_payload(const uint8_t *p, const uint8_t *end, struct mp_value *v,
                                   size_t header)
{
    size_t have = (size_t)(end - p);
    if (have < header || have - header < v->len)
        return (struct mp_step){p, MP_SHORT};
    if (v->type == MP_EXT)
        v->ext = (int8_t)p[header - 1];
    v->bytes = p + header;
    return past(p, header + v->len);
}

/* 0xc0 to 0xdf: the type byte, then what it announces. */
static struct mp_step read_long_form(const uint8_t *p, const uint8_t *end, struct mp_value *v)
{
    /* bytes of the number that follows the type byte */
    static const uint8_t width[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                      1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    uint8_t type = *p;
    unsigned size = width[type - 0xc0];
    if ((size_t)(end - p) < 1 + size)
        return (struct mp_step){p, MP_SHORT};
    uint64_t number = load(p + 1, size);

    switch (type) {
    case 0xc0:
        v->type = MP_NIL;
        return past(p, 1);
    case 0xc1:
        return (struct mp_step){p, MP_BAD};
    case 0xc2:
    case 0xc3:
        v->type = MP_BOOL;
        v->boolean = type == 0xc3;
        return past(p, 1);
    case 0xca:
    case 0xcb:
        set_float(v, number, size);
        return past(p, 1 + size);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        v->type = MP_UINT;
        v->u = number;
        return past(p, 1 + size);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        set_signed(v, sign_extend(number, size));
        return past(p, 1 + size);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        v->type = MP_EXT;
        v->len = (uint32_t)number;
        return past_payload(p, end, v, 2 + size);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        v->type = MP_EXT;
        v->len = 1U << (type - 0xd4);
        return past_payload(p, end, v, 2);
    case 0xdc:
    case 0xdd:
    case 0xde:
    case 0xdf:
        v->type = type <= 0xdd ? MP_ARRAY : MP_MAP;
        v->len = (uint32_t)number;
        return past(p, 1 + size);
    default: /* bin 0xc4-0xc6, str 0xd9-0xdb */
        v->type = type <= 0xc6 ? MP_BIN : MP_STR;
        v->len = (uint32_t)number;
        return past_payload(p, end, v, 1 + size);
    }
}

struct mp_step mp_read_other(const uint8_t *p, const uint8_t *end, struct mp_value *v)
{
    uint8_t type = *p;
    if (type >= 0xe0) {
        v->type = MP_INT;
        v->i = (int64_t)type - 256;
        return past(p, 1);
    }
    return read_long_form(p, end, v);
}

/* What most values are, one after the other as long as they come: strings of up to 31 bytes, small
 * integers, doubles, nil and booleans, whole and within every limit. *count: of values to come. */
static const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end, uint64_t *count,
                                 const struct frame_limits *limits)
{
    bool any_string = limits->string_bytes >= 0x1f;
    uint64_t left = *count;
    for (; left > 0 && p < end; left--) {
        size_t len;
        if (*p >= 0xa0 && *p <= 0xbf && any_string)
            len = 1 + (*p & 0x1f);
        else if (*p <= 0x7f || *p >= 0xe0 || *p == 0xc0 || *p == 0xc2 || *p == 0xc3)
            len = 1;
        else if (*p == 0xcb)
            len = 9;
        else
            break;
        if ((size_t)(end - p) < len)
            break;
        p += len;
    }
    *count = left;
    return p;
}

struct mp_step mp_skip_elements(const uint8_t *p, const uint8_t *end, uint64_t count,
                                unsigned depth, const struct frame_limits *limits)
{
    uint64_t left[FRAME_DEPTH_MAX + 1]; /* values still to come, for each container around */
    unsigned outermost = depth;
    struct mp_cursor c = {p, end};
    assert(limits->depth <= FRAME_DEPTH_MAX);
    if (depth > limits->depth)
        return (struct mp_step){p, MP_DEEP};
    for (;;) {
        c.p = skip_plain(c.p, end, &count, limits);
        while (count == 0) {
            if (depth == outermost)
                return (struct mp_step){c.p, MP_OK};
            count = left[--depth];
        }
        count--;

        struct mp_value v = {.type = MP_NIL};
        enum mp_status status = mp_read(&c, &v);
        if (v.type >= MP_STR) {
            enum mp_status limit = mp_check(&v, limits);
            status = limit != MP_OK ? limit : status;
        }
        if (status == MP_OK && v.type >= MP_ARRAY) {
            status = depth == limits->depth ? MP_DEEP : MP_OK;
            left[depth++] = count;
            count = v.type == MP_MAP ? UINT64_C(2) * v.len : v.len;
        }
        if (status != MP_OK)
            return (struct mp_step){c.p, status};
    }
}
