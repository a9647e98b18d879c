/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "bytes.h"
#include "value.h"

#define EMPTY(oid) "\0\0\0\x0c\0\0\0\0\0\0\0\0" oid
#define HEAD(len, nulls, oid, count) \
    "\0\0\0" len "\0\0\0\1\0\0\0" nulls oid "\0\0\0" count "\0\0\0\1"
#define TEXT   "\0\0\0\x19"
#define INT8   "\0\0\0\x14"
#define FLOAT8 "\0\0\2\xbd"

Test(replay_field_array, text)
{
    static const struct value_row rows[] = {
        {BYTES("\x90"), BYTES(EMPTY(TEXT))},
        {BYTES("\x92\xa1"
               "a\xa0"),
         BYTES(HEAD("\x1d", "\0", TEXT, "\2") "\0\0\0\1a\0\0\0\0")},
        {BYTES("\x92\xc0\xa1"
               "a"),
         BYTES(HEAD("\x1d", "\1", TEXT, "\2") "\xff\xff\xff\xff\0\0\0\1a")},
        {BYTES("\xdd\0\0\0\1\xc0"), BYTES(HEAD("\x18", "\1", TEXT, "\1") "\xff\xff\xff\xff")},
        {BYTES("\xa1"
               "a"),
         "text[] is wanted, but it is a string", 0},
        {BYTES("\x81\x01\x02"), "text[] is wanted, but it is a map", 0},
        {BYTES("\x92\xa1"
               "a\x01"),
         "element 2: text is wanted, but it is an integer", 0},
        {BYTES("\x91\x91\xa1"
               "a"),
         "element 1: text is wanted, but it is an array", 0},
        {BYTES("\x91\xa1\0"), "element 1: a NUL character, which Postgres text can't hold", 0},
        {BYTES("\x92\xc0\xa2"
               "a\xff"),
         "element 2: not UTF-8 at byte 1 of the value", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_TEXT_ARRAY};
    expect_values(&c, rows, COUNT(rows));
}

Test(replay_field_array, int8)
{
    static const struct value_row rows[] = {
        {BYTES("\x90"), BYTES(EMPTY(INT8))},
        {BYTES("\x91\xff"),
         BYTES(HEAD("\x20", "\0", INT8, "\1") "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff")},
        {BYTES("\x92\xca\x40\0\0\0\xc0"),
         BYTES(HEAD("\x24", "\1", INT8, "\2") "\0\0\0\x08\0\0\0\0\0\0\0\2\xff\xff\xff\xff")},
        {BYTES("\x91\xca\x3f\xc0\0\0"), "element 1: bigint is wanted, but 1.5 is not whole", 0},
        {BYTES("\x91\xc3"), "element 1: bigint is wanted, but it is a boolean", 0},
        {BYTES("\x91\x90"), "element 1: bigint is wanted, but it is an array", 0},
        {BYTES("\xc4\x00"), "bigint[] is wanted, but it is binary", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_INT8_ARRAY};
    expect_values(&c, rows, COUNT(rows));
}

Test(replay_field_array, float8)
{
    static const struct value_row rows[] = {
        {BYTES("\x90"), BYTES(EMPTY(FLOAT8))},
        {BYTES("\x91\x02"), BYTES(HEAD("\x20", "\0", FLOAT8, "\1") "\0\0\0\x08\x40\0\0\0\0\0\0\0")},
        {BYTES("\x91\xca\x7f\x80\0\0"),
         BYTES(HEAD("\x20", "\0", FLOAT8, "\1") "\0\0\0\x08\x7f\xf0\0\0\0\0\0\0")},
        {BYTES("\x92\x01\xcf\0\x20\0\0\0\0\0\x01"),
         "element 2: an integer that double precision can't hold exactly", 0},
        {BYTES("\x91\xa1"
               "1"),
         "element 1: double precision is wanted, but it is a string", 0},
        {BYTES("\xc0"), BYTES("\xff\xff\xff\xff")},
        {BYTES("\x02"), "double precision[] is wanted, but it is an integer", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_FLOAT8_ARRAY};
    expect_values(&c, rows, COUNT(rows));
}

/* As long as they are, and no longer than they claim. */
Test(replay_field_array, long_arrays)
{
    enum { MANY = 100000 };
    struct buf in = {0};
    struct buf out = {0};
    struct reject reject;
    const struct column c = {.name = "c", .type = COLUMN_INT8_ARRAY};
    buf_byte(&in, 0xdd);
    buf_be32(&in, MANY);
    memset(buf_reserve(&in, MANY), 0x07, MANY);
    in.len += MANY;
    cr_assert(copybin_value(&out, &c, in.data, in.len, &reject), "%s", reject.reason);
    cr_expect_eq(out.len, 4 + 20 + 12 * MANY);
    cr_expect_eq(word_be32(out.data), 20 + 12 * MANY);
    cr_expect_eq(word_be64(out.data + out.len - 8), 7);
    /* announced, but not there */
    buf_clear(&out);
    cr_expect(!copybin_value(&out, &c, BYTES("\xdd\xff\xff\xff\xff\x07"), &reject));
    cr_expect_str_eq(reject.reason, "not one msgpack value");
    buf_free(&in);
    buf_free(&out);
}

#define NAN4 "\xca\x7f\xc0\0\0"

Test(replay_field_array, vector)
{
    static const struct value_row rows[] = {
        {BYTES("\x92\x01\xca\x3f\xc0\0\0"), BYTES("\0\0\0\x0c\0\2\0\0\x3f\x80\0\0\x3f\xc0\0\0")},
        {BYTES("\x92\xff\xcf\0\x20\0\0\0\0\0\x01"), /* rounded */
         BYTES("\0\0\0\x0c\0\2\0\0\xbf\x80\0\0\x5a\0\0\0")},
        {BYTES("\xc4\x08\0\0\x80\x3f\0\0\0\xc0"),
         BYTES("\0\0\0\x0c\0\2\0\0\x3f\x80\0\0\xc0\0\0\0")},
        {BYTES("\xd7\x2a\0\0\x80\x3f\0\0\0\xc0"),
         BYTES("\0\0\0\x0c\0\2\0\0\x3f\x80\0\0\xc0\0\0\0")},
        {BYTES("\x91\x01"), "vector(2) is wanted, but it has 1 numbers", 0},
        {BYTES("\x90"), "vector(2) is wanted, but it has 0 numbers", 0},
        {BYTES("\xc4\x07"
               "1234567"),
         "vector(2) is wanted, which is 8 bytes of float32, but it has 7", 0},
        {BYTES("\xd4\x2a\0"), "vector(2) is wanted, which is 8 bytes of float32, but it has 1", 0},
        {BYTES("\xa8"
               "12345678"),
         "vector(2) is wanted, but it is a string", 0},
        {BYTES("\x92\x01\xc0"), "element 2: a number is wanted, but it is nil", 0},
        {BYTES("\x92\x91\x01\x01"), "element 1: a number is wanted, but it is an array", 0},
        {BYTES("\x92\x01" NAN4), "element 2: a vector holds no NaN or Infinity", 0},
        {BYTES("\xc4\x08\0\0\x80\xff\0\0\0\0"), "element 1: a vector holds no NaN or Infinity", 0},
        {BYTES("\x92\xcb\x7e\x37\xe4\x3c\x88\0\x75\x9c\x01"),
         "element 1: 1e+300 is out of the range of vector(2)", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_VECTOR, .dimensions = 2};
    expect_values(&c, rows, COUNT(rows));
}

Test(replay_field_array, halfvec)
{
    static const struct value_row rows[] = {
        {BYTES("\x92\x01\xff"), BYTES("\0\0\0\x08\0\2\0\0\x3c\0\xbc\0")},
        {BYTES("\xc4\x08\0\0\x80\x3f\0\0\0\xc0"), BYTES("\0\0\0\x08\0\2\0\0\x3c\0\xc0\0")},
        {BYTES("\x92\x01" NAN4), "element 2: a vector holds no NaN or Infinity", 0},
        {BYTES("\x92\x01\xcd\xff\xf0"), "element 2: 65520 is out of the range of halfvec(2)", 0},
        {BYTES("\x91\x01"), "halfvec(2) is wanted, but it has 1 numbers", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_HALFVEC, .dimensions = 2};
    expect_values(&c, rows, COUNT(rows));
}

static unsigned half_of(double number)
{
    const struct column c = {.name = "c", .type = COLUMN_HALFVEC, .dimensions = 1};
    uint8_t in[10] = {0x91, 0xcb};
    struct buf out = {0};
    struct reject reject;
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    word_put_be64(in + 2, bits);
    cr_assert(copybin_value(&out, &c, in, sizeof in, &reject), "%a: %s", number, reject.reason);
    unsigned half = word_be16(out.data + 8);
    buf_free(&out);
    return half;
}

/* Every half's own value becomes that half; halfway to the next it goes to the even one, and a hair
 * beyond or before to the nearer. */
Test(replay_field_array, halves_round_to_nearest_even)
{
    for (unsigned half = 0; half < 0x7bff; half++) {
        unsigned exponent = half >> 10;
        double step = ldexp(1, (exponent ? (int)exponent : 1) - 25);
        double value =
            exponent ? ldexp(1024 + (half & 1023), (int)exponent - 25) : ldexp(half, -24);
        double middle = value + step / 2;
        unsigned even = half + (half & 1);
        cr_assert_eq(half_of(value), half, "%a: want %04x, got %04x", value, half, half_of(value));
        cr_assert_eq(half_of(-value), half | 0x8000);
        cr_assert_eq(half_of(middle), even, "%a: want %04x, got %04x", middle, even,
                     half_of(middle));
        cr_assert_eq(half_of(nextafter(middle, 1e9)), half + 1);
        cr_assert_eq(half_of(nextafter(middle, 0)), half);
    }
    cr_assert_eq(half_of(65504), 0x7bff);
    cr_assert_eq(half_of(nextafter(65520, 0)), 0x7bff);
}
