/* SPDX-License-Identifier: MIT */
#include "frame/msgpack.h"

#include <msgpack.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bytes.h"

static const struct frame_limits defaults = FRAME_LIMITS_DEFAULT;

static const char *const type_names[] = {
    [MP_NIL] = "nil",     [MP_BOOL] = "bool", [MP_UINT] = "uint", [MP_INT] = "int",
    [MP_FLOAT] = "float", [MP_STR] = "str",   [MP_BIN] = "bin",   [MP_EXT] = "ext",
    [MP_ARRAY] = "array", [MP_MAP] = "map"};

static const char *const status_names[] = {
    [MP_OK] = "ok",     [MP_SHORT] = "short",      [MP_BAD] = "bad",  [MP_STRING] = "string",
    [MP_KEYS] = "keys", [MP_ARRAY_LONG] = "array", [MP_DEEP] = "deep"};

/* The table of the msgpack specification, by ranges of the type byte. `fixed`: bytes of the header;
 * all of them are 0x01 here, so a length field of n bytes holds 0x01...01. */
static const struct {
    uint8_t first, last;
    enum mp_type type;
    unsigned fixed;
    uint32_t len; /* of str, bin, ext, array, map; from the low bits where `low` */
    uint8_t low;  /* mask of the type byte's bits that hold the length */
} formats[] = {
    {0x00, 0x7f, MP_UINT, 1, 0, 0},
    {0x80, 0x8f, MP_MAP, 1, 0, 0x0f},
    {0x90, 0x9f, MP_ARRAY, 1, 0, 0x0f},
    {0xa0, 0xbf, MP_STR, 1, 0, 0x1f},
    {0xc0, 0xc0, MP_NIL, 1, 0, 0},
    {0xc2, 0xc3, MP_BOOL, 1, 0, 0},
    {0xc4, 0xc4, MP_BIN, 2, 0x01, 0},
    {0xc5, 0xc5, MP_BIN, 3, 0x0101, 0},
    {0xc6, 0xc6, MP_BIN, 5, 0x01010101, 0},
    {0xc7, 0xc7, MP_EXT, 3, 0x01, 0},
    {0xc8, 0xc8, MP_EXT, 4, 0x0101, 0},
    {0xc9, 0xc9, MP_EXT, 6, 0x01010101, 0},
    {0xca, 0xca, MP_FLOAT, 5, 0, 0},
    {0xcb, 0xcb, MP_FLOAT, 9, 0, 0},
    {0xcc, 0xcc, MP_UINT, 2, 0, 0},
    {0xcd, 0xcd, MP_UINT, 3, 0, 0},
    {0xce, 0xce, MP_UINT, 5, 0, 0},
    {0xcf, 0xcf, MP_UINT, 9, 0, 0},
    {0xd0, 0xd0, MP_UINT, 2, 0, 0}, /* 0x01 is not negative */
    {0xd1, 0xd1, MP_UINT, 3, 0, 0},
    {0xd2, 0xd2, MP_UINT, 5, 0, 0},
    {0xd3, 0xd3, MP_UINT, 9, 0, 0},
    {0xd4, 0xd4, MP_EXT, 2, 1, 0},
    {0xd5, 0xd5, MP_EXT, 2, 2, 0},
    {0xd6, 0xd6, MP_EXT, 2, 4, 0},
    {0xd7, 0xd7, MP_EXT, 2, 8, 0},
    {0xd8, 0xd8, MP_EXT, 2, 16, 0},
    {0xd9, 0xd9, MP_STR, 2, 0x01, 0},
    {0xda, 0xda, MP_STR, 3, 0x0101, 0},
    {0xdb, 0xdb, MP_STR, 5, 0x01010101, 0},
    {0xdc, 0xdc, MP_ARRAY, 3, 0x0101, 0},
    {0xdd, 0xdd, MP_ARRAY, 5, 0x01010101, 0},
    {0xde, 0xde, MP_MAP, 3, 0x0101, 0},
    {0xdf, 0xdf, MP_MAP, 5, 0x01010101, 0},
    {0xe0, 0xff, MP_INT, 1, 0, 0},
};

/* Each type byte, in front of every number of 0x01 bytes from none to more than it needs. */
Test(frame_msgpack, every_type_byte_truncated_at_every_byte)
{
    enum { ROOM = 0x01010101 + 64 };
    uint8_t *bytes = mem_alloc(ROOM);
    unsigned seen = 0;
    memset(bytes, 1, ROOM);
    for (size_t f = 0; f < COUNT(formats); f++)
        for (unsigned type = formats[f].first; type <= formats[f].last; type++, seen++) {
            uint32_t len = formats[f].low ? (type & formats[f].low) : formats[f].len;
            bool has_payload =
                formats[f].type == MP_STR || formats[f].type == MP_BIN || formats[f].type == MP_EXT;
            size_t whole = formats[f].fixed + (has_payload ? (size_t)len : 0);
            bytes[0] = (uint8_t)type;
            /* every cut of the header, then those around the value's end */
            for (size_t have = 0; have <= whole + 1;
                 have += have > 40 && have + 3 < whole ? whole - have - 2 : 1) {
                struct mp_cursor c = {bytes, bytes + have};
                struct mp_value v;
                enum mp_status want = have < whole ? MP_SHORT : MP_OK;
                enum mp_status got = mp_read(&c, &v);
                size_t moved = (size_t)(c.p - bytes);
                cr_assert_eq(got, want, "%02x, %zu of %zu bytes: want %s, got %s", type, have,
                             whole, status_names[want], status_names[got]);
                cr_assert_eq(moved, got == MP_OK ? whole : 0, "%02x, %zu of %zu bytes: moved %zu",
                             type, have, whole, moved);
                if (got != MP_OK)
                    continue;
                cr_assert_eq(v.type, formats[f].type, "%02x: want %s, got %s", type,
                             type_names[formats[f].type], type_names[v.type]);
                if (has_payload)
                    cr_assert_eq(v.bytes, bytes + formats[f].fixed, "%02x: payload starts at %zu",
                                 type, (size_t)(v.bytes - bytes));
                if (has_payload || v.type == MP_ARRAY || v.type == MP_MAP)
                    cr_assert_eq(v.len, len, "%02x: want length %u, got %u", type, len, v.len);
            }
        }
    cr_expect_eq(seen, 255, "the table has %u type bytes; 0xc1 is the only one without a row",
                 seen);
    free(bytes);
}

Test(frame_msgpack, numbers)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum mp_type type;
        uint64_t u;
        int64_t i;
        double f;
    } rows[] = {
        {BYTES("\x00"), MP_UINT, 0, 0, 0},
        {BYTES("\x7f"), MP_UINT, 127, 0, 0},
        {BYTES("\xff"), MP_INT, 0, -1, 0},
        {BYTES("\xe0"), MP_INT, 0, -32, 0},
        {BYTES("\xcc\xff"), MP_UINT, 255, 0, 0},
        {BYTES("\xcd\x12\x34"), MP_UINT, 0x1234, 0, 0},
        {BYTES("\xce\x89\xab\xcd\xef"), MP_UINT, 0x89abcdef, 0, 0},
        {BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), MP_UINT, UINT64_MAX, 0, 0},
        {BYTES("\xcf\x01\x23\x45\x67\x89\xab\xcd\xef"), MP_UINT, 0x123456789abcdef, 0, 0},
        {BYTES("\xd0\x80"), MP_INT, 0, -128, 0},
        {BYTES("\xd0\x7f"), MP_UINT, 127, 0, 0},
        {BYTES("\xd1\x80\x00"), MP_INT, 0, -32768, 0},
        {BYTES("\xd1\xff\xff"), MP_INT, 0, -1, 0},
        {BYTES("\xd2\x80\x00\x00\x00"), MP_INT, 0, INT32_MIN, 0},
        {BYTES("\xd2\x7f\xff\xff\xff"), MP_UINT, INT32_MAX, 0, 0},
        {BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), MP_INT, 0, INT64_MIN, 0},
        {BYTES("\xd3\x00\x00\x00\x00\x00\x00\x00\x00"), MP_UINT, 0, 0, 0},
        {BYTES("\xca\x3f\xc0\x00\x00"), MP_FLOAT, 0, 0, 1.5},
        {BYTES("\xca\x7f\x80\x00\x00"), MP_FLOAT, 0, 0, 1.0 / 0.0},
        {BYTES("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"), MP_FLOAT, 0, 0, 1.5},
        {BYTES("\xcb\x00\x00\x00\x00\x00\x00\x00\x01"), MP_FLOAT, 0, 0, 0x1p-1074},
        {BYTES("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"), MP_FLOAT, 0, 0, -1.0 / 0.0},
    };
    for (size_t n = 0; n < COUNT(rows); n++) {
        const uint8_t *p = (const uint8_t *)rows[n].bytes;
        char text[BYTES_TEXT];
        struct mp_cursor c = {p, p + rows[n].len};
        struct mp_value v;
        enum mp_status status = mp_read(&c, &v);
        (void)bytes_show(p, rows[n].len, text);
        cr_assert(status == MP_OK && v.type == rows[n].type, "%s: want %s, got %s of type %s", text,
                  type_names[rows[n].type], status_names[status], type_names[v.type]);
        if (v.type == MP_UINT)
            cr_expect_eq(v.u, rows[n].u, "%s: want %zu, got %zu", text, (size_t)rows[n].u,
                         (size_t)v.u);
        else if (v.type == MP_INT)
            cr_expect_eq(v.i, rows[n].i, "%s: want %lld, got %lld", text, (long long)rows[n].i,
                         (long long)v.i);
        else
            cr_expect_eq(v.f, rows[n].f, "%s: want %g, got %g", text, rows[n].f, v.f);
    }
}

Test(frame_msgpack, ext_types_are_signed)
{
    static const struct {
        const char *bytes;
        size_t len;
        int want;
    } rows[] = {
        {BYTES("\xd4\xff\x00"), -1},
        {BYTES("\xd4\x7f\x00"), 127},
        {BYTES("\xc7\x00\x80"), -128},
        {BYTES("\xc8\x00\x01\x05\x00"), 5},
        {BYTES("\xc9\x00\x00\x00\x02\xfe\x00\x00"), -2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t *p = (const uint8_t *)rows[i].bytes;
        struct mp_cursor c = {p, p + rows[i].len};
        struct mp_value v = {.ext = 99};
        enum mp_status status = mp_read(&c, &v);
        cr_expect(status == MP_OK && v.type == MP_EXT && v.ext == rows[i].want,
                  "row %zu: want ext %d, got %s, ext %d", i, rows[i].want, status_names[status],
                  v.ext);
    }
}

/* Skipping: limits, depth, nesting. `moved` is 0 unless the value was skipped. */
Test(frame_msgpack, skip)
{
    static const struct frame_limits tight = {
        .frame_bytes = 100, .string_bytes = 3, .keys = 2, .depth = 2};
    static const struct {
        const char *bytes;
        size_t len;
        enum mp_status want;
        size_t moved;
    } rows[] = {
        {BYTES(""), MP_SHORT, 0},
        {BYTES("\xc1"), MP_BAD, 0},
        {BYTES("\x92\x01\xc1"), MP_BAD, 0},
        {BYTES("\x01\xc1"), MP_OK, 1}, /* the next value is not looked at */
        {BYTES("\x90"), MP_OK, 1},
        {BYTES("\x80"), MP_OK, 1},
        {BYTES("\x92\x01"), MP_SHORT, 0},
        {BYTES("\x81\x01"), MP_SHORT, 0},
        {BYTES("\x81\x01\x02"), MP_OK, 3},
        {BYTES("\x82\x01\x92\x02\x03\x04\x80"), MP_OK, 7},
        /* strings */
        {BYTES("\xa3xyz"), MP_OK, 4},
        {BYTES("\xa4wxyz"), MP_STRING, 0},
        {BYTES("\xa4"), MP_STRING, 0}, /* judged by its claim, before the bytes are there */
        {BYTES("\xdb\xff\xff\xff\xff"), MP_STRING, 0},
        {BYTES("\xc6\xff\xff\xff\xff"), MP_STRING, 0},
        {BYTES("\xc9\xff\xff\xff\xff"), MP_STRING, 0},
        {BYTES("\xd6\x01\x00\x00\x00\x00"), MP_STRING, 0},
        {BYTES("\xd5\x01\x00\x00"), MP_OK, 4},
        {BYTES("\xdb\xff\xff\xff"), MP_SHORT, 0},
        /* keys */
        {BYTES("\x82\x01\x02\x03\x04"), MP_OK, 5},
        {BYTES("\x83"), MP_KEYS, 0},
        {BYTES("\xdf\xff\xff\xff\xff"), MP_KEYS, 0},
        {BYTES("\x81\x01\xde\x00\x03"), MP_KEYS, 0},
        /* arrays */
        {BYTES("\xdc\x00\x64"), MP_SHORT, 0},
        {BYTES("\xdc\x00\x65"), MP_ARRAY_LONG, 0},
        {BYTES("\xdd\xff\xff\xff\xff"), MP_ARRAY_LONG, 0},
        /* depth */
        {BYTES("\x91\x91\x01"), MP_OK, 3},
        {BYTES("\x91\x91\x91\x01"), MP_DEEP, 0},
        {BYTES("\x81\x01\x81\x01\x90"), MP_DEEP, 0},
        {BYTES("\x92\x91\x01\x91\x01"), MP_OK, 5}, /* beside each other isn't deeper */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t *p = (const uint8_t *)rows[i].bytes;
        char text[BYTES_TEXT];
        struct mp_cursor c = {p, p + rows[i].len};
        enum mp_status got = mp_skip(&c, &tight);
        size_t moved = (size_t)(c.p - p);
        cr_expect(got == rows[i].want && moved == rows[i].moved,
                  "%s: want %s and %zu bytes, got %s and %zu", bytes_show(p, rows[i].len, text),
                  status_names[rows[i].want], rows[i].moved, status_names[got], moved);
    }
}

/* The walk's stack at its ceiling: one level more is refused, not written past the end. */
Test(frame_msgpack, deepest)
{
    struct frame_limits limits = defaults;
    uint8_t bytes[FRAME_DEPTH_MAX + 8];
    for (size_t depth = 1; depth <= FRAME_DEPTH_MAX; depth++) {
        limits.depth = depth;
        memset(bytes, 0x91, sizeof bytes);
        bytes[depth] = 0xc0;
        struct mp_cursor c = {bytes, bytes + depth + 1};
        enum mp_status got = mp_skip(&c, &limits);
        cr_expect_eq(got, MP_OK, "depth %zu of %zu: got %s", depth, depth, status_names[got]);
        bytes[depth] = 0x91;
        c = (struct mp_cursor){bytes, bytes + sizeof bytes};
        got = mp_skip(&c, &limits);
        cr_expect_eq(got, MP_DEEP, "depth %zu of %zu: got %s", depth + 1, depth, status_names[got]);
    }
}

/* A map of 2^32-1 keys, even where the limit allows it, is just more to come. */
Test(frame_msgpack, huge_map_costs_nothing)
{
    static const uint8_t bytes[] = {0xdf, 0xff, 0xff, 0xff, 0xff, 0x01, 0x02};
    struct frame_limits limits = defaults;
    limits.keys = UINT32_MAX;
    struct mp_cursor c = {bytes, bytes + sizeof bytes};
    enum mp_status got = mp_skip(&c, &limits);
    cr_expect_eq(got, MP_SHORT, "want short, got %s", status_names[got]);
    struct mp_value v;
    got = mp_read(&c, &v);
    cr_expect(got == MP_OK && v.type == MP_MAP && v.len == UINT32_MAX, "got %s, length %u",
              status_names[got], v.len);
}

/* ---- the same bytes, read by msgpack-c ---- */

/* Limits under which both readers are asked the same question: msgpack-c allocates what a container
 * claims, and nests 32 levels. */
static const struct frame_limits common = {
    .frame_bytes = 4096, .string_bytes = UINT32_MAX, .keys = 4096, .depth = 30};

struct sample {
    uint8_t bytes[512];
    size_t len;
};

static void put_byte(struct sample *s, uint64_t byte)
{
    if (s->len < sizeof s->bytes)
        s->bytes[s->len++] = (uint8_t)byte;
}

static void put_number(struct sample *s, uint64_t number, unsigned size)
{
    while (size-- > 0)
        put_byte(s, number >> 8 * size);
}

static void put_value(struct sample *s, uint64_t *seed, unsigned depth);

static void put_elements(struct sample *s, uint64_t *seed, unsigned depth, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        put_value(s, seed, depth + 1);
}

/* One random value of any format; it may be cut by the sample's end. */
static void put_value(struct sample *s, uint64_t *seed, unsigned depth)
{
    static const uint8_t scalars[] = {0xc0, 0xc2, 0xc3, 0xca, 0xcb, 0xcc, 0xcd,
                                      0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3};
    static const uint8_t width[] = {0, 0, 0, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
    uint64_t r = bytes_random(seed);
    uint64_t small = r >> 40 & 7;
    switch (depth > 6 ? r % 4 : r % 8) {
    case 0:
        put_byte(s, r >> 8 & 0x7f);
        break;
    case 1:
        put_byte(s, 0xe0 | (r >> 8 & 0x1f));
        break;
    case 2:
        put_byte(s, scalars[small + 5]);
        put_number(s, bytes_random(seed), width[small + 5]);
        break;
    case 3:
        put_byte(s, scalars[small % 5]);
        put_number(s, bytes_random(seed), width[small % 5]);
        break;
    case 4: { /* str and bin, in all their lengths of length */
        static const uint8_t forms[] = {0xd9, 0xda, 0xdb, 0xc4, 0xc5, 0xc6};
        unsigned form = (unsigned)(r >> 20 & 7);
        if (form < 6) {
            put_byte(s, forms[form]);
            put_number(s, small, 1U << form % 3);
        } else {
            put_byte(s, 0xa0 | small);
        }
        put_number(s, bytes_random(seed), (unsigned)small);
        break;
    }
    case 5: /* ext */
        if (r >> 30 & 1) {
            put_byte(s, 0xd4 + small % 4);
            put_byte(s, r >> 50);
            put_number(s, bytes_random(seed), 1U << small % 4);
        } else {
            unsigned form = (unsigned)(r >> 31 & 3) % 3;
            put_byte(s, 0xc7 + form);
            put_number(s, small, 1U << form);
            put_byte(s, r >> 50);
            put_number(s, bytes_random(seed), (unsigned)small);
        }
        break;
    case 6: {
        unsigned form = (unsigned)(r >> 32 & 3) % 3;
        put_byte(s, form == 2 ? 0x90 | small : 0xdc + form);
        if (form < 2)
            put_number(s, small, 2U << form);
        put_elements(s, seed, depth, small);
        break;
    }
    default: {
        unsigned form = (unsigned)(r >> 32 & 3) % 3;
        put_byte(s, form == 2 ? 0x80 | small : 0xde + form);
        if (form < 2)
            put_number(s, small, 2U << form);
        put_elements(s, seed, depth, 2 * small);
        break;
    }
    }
}

/* Does our cursor see what msgpack-c saw? */
static bool same_value(struct mp_cursor *c, const msgpack_object *o)
{
    struct mp_value v;
    if (mp_read(c, &v) != MP_OK)
        return false;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return v.type == MP_NIL;
    case MSGPACK_OBJECT_BOOLEAN:
        return v.type == MP_BOOL && v.boolean == o->via.boolean;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return v.type == MP_UINT && v.u == o->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return v.type == MP_INT && v.i == o->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return v.type == MP_FLOAT &&
               (v.f == o->via.f64 || (v.f != v.f && o->via.f64 != o->via.f64));
    case MSGPACK_OBJECT_STR:
        return v.type == MP_STR && bytes_equal(v.bytes, v.len, o->via.str.ptr, o->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return v.type == MP_BIN && bytes_equal(v.bytes, v.len, o->via.bin.ptr, o->via.bin.size);
    case MSGPACK_OBJECT_EXT:
        return v.type == MP_EXT && v.ext == o->via.ext.type &&
               bytes_equal(v.bytes, v.len, o->via.ext.ptr, o->via.ext.size);
    case MSGPACK_OBJECT_ARRAY:
        if (v.type != MP_ARRAY || v.len != o->via.array.size)
            return false;
        for (uint32_t i = 0; i < v.len; i++)
            if (!same_value(c, &o->via.array.ptr[i]))
                return false;
        return true;
    case MSGPACK_OBJECT_MAP:
        if (v.type != MP_MAP || v.len != o->via.map.size)
            return false;
        for (uint32_t i = 0; i < v.len; i++)
            if (!same_value(c, &o->via.map.ptr[i].key) || !same_value(c, &o->via.map.ptr[i].val))
                return false;
        return true;
    }
    return false;
}

struct tally {
    unsigned ok, cut, bad, limited;
};

static void compare(const uint8_t *bytes, size_t len, struct tally *tally)
{
    char text[BYTES_TEXT];
    size_t theirs = 0;
    msgpack_unpacked result;
    struct mp_cursor c = {bytes, bytes + len};
    enum mp_status got = mp_skip(&c, &common);
    if (got != MP_OK && got != MP_SHORT && got != MP_BAD) {
        tally->limited++;
        return;
    }
    msgpack_unpacked_init(&result);
    msgpack_unpack_return r = msgpack_unpack_next(&result, (const char *)bytes, len, &theirs);
    enum mp_status want = r == MSGPACK_UNPACK_SUCCESS    ? MP_OK
                          : r == MSGPACK_UNPACK_CONTINUE ? MP_SHORT
                                                         : MP_BAD;
    cr_assert_eq(got, want, "%s\nmsgpack-c: %s (%d)\n     ours: %s", bytes_show(bytes, len, text),
                 status_names[want], r, status_names[got]);
    if (got == MP_OK) {
        struct mp_cursor again = {bytes, bytes + len};
        cr_assert_eq((size_t)(c.p - bytes), theirs, "%s\nmsgpack-c: %zu bytes\n     ours: %zu",
                     bytes_show(bytes, len, text), theirs, (size_t)(c.p - bytes));
        cr_assert(same_value(&again, &result.data), "%s\nanother value than msgpack-c's",
                  bytes_show(bytes, len, text));
    }
    tally->ok += got == MP_OK;
    tally->cut += got == MP_SHORT;
    tally->bad += got == MP_BAD;
    msgpack_unpacked_destroy(&result);
}

/* Bytes of a size of their own, so that ASan sees a read past the end. */
static void compare_copy(const uint8_t *bytes, size_t len, struct tally *tally)
{
    uint8_t *copy = mem_alloc(len + 1);
    memcpy(copy, bytes, len);
    compare(copy, len, tally);
    free(copy);
}

Test(frame_msgpack, like_msgpack_c)
{
    enum { ROUNDS = 40000 };
    uint64_t seed = 0x5eed;
    struct tally tally = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct sample s = {.len = 0};
        put_value(&s, &seed, 0);
        compare_copy(s.bytes, s.len, &tally);
        /* cut, then mutated */
        compare_copy(s.bytes, bytes_random(&seed) % (s.len + 1), &tally);
        for (int i = 0; i < 4; i++) {
            s.bytes[bytes_random(&seed) % s.len] = (uint8_t)(bytes_random(&seed) >> 24);
            compare_copy(s.bytes, s.len, &tally);
        }
    }
    /* The comparison is worth something only while every verdict occurs often. */
    cr_expect(tally.ok > ROUNDS && tally.cut > ROUNDS / 2 && tally.bad > ROUNDS / 100 &&
                  tally.limited < ROUNDS,
              "%u good, %u cut, %u bad, %u not comparable", tally.ok, tally.cut, tally.bad,
              tally.limited);
}

Test(frame_msgpack, every_three_bytes_like_msgpack_c)
{
    struct tally tally = {0};
    for (unsigned i = 0; i < 1U << 24; i += 7) { /* 7: coprime to 256, so all values of each byte */
        uint8_t bytes[] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        compare(bytes, sizeof bytes, &tally);
    }
    cr_expect(tally.ok > 1000000 && tally.cut > 100000 && tally.bad > 1000,
              "%u good, %u cut, %u bad, %u not comparable", tally.ok, tally.cut, tally.bad,
              tally.limited);
}
