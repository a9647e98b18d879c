/* SPDX-License-Identifier: MIT */
#include "kb/vector.h"

#include <math.h>

#include "bytes.h"

static const struct kb_shape vector3 = {.type = KB_VECTOR, .dimensions = 3};
static const struct kb_shape half3 = {.type = KB_HALFVEC, .dimensions = 3};
static const struct kb_shape real3 = {.type = KB_REAL, .dimensions = 3};

static const struct read_row {
    const struct kb_shape *shape;
    const char *in;
    size_t in_len;
    const char *problem; /* NULL: 1, -2 and .5 are read */
} read_rows[] = {
    /* floats of 64 and 32 bits, integers of both signs */
    {&vector3, BYTES("\x93\xcb\x3f\xf0\0\0\0\0\0\0\xfe\xca\x3f\0\0\0"), NULL},
    {&vector3, BYTES("\x93\x01\xd0\xfe\xcb\x3f\xe0\0\0\0\0\0\0"), NULL},
    {&vector3, BYTES("\xdc\0\x03\x01\xfe\xca\x3f\0\0\0"), NULL},
    /* packed: bin, and ext of any type */
    {&vector3, BYTES("\xc4\x0c\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f"), NULL},
    {&half3, BYTES("\xc7\x0c\x07\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f"), NULL},
    {&real3, BYTES("\xc4\x0c\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f"), NULL},
    {&vector3, BYTES("\x92\x01\x02"), "2 numbers; vectors of this database have 3"},
    {&vector3, BYTES("\x94\x01\x02\x03\x04"), "4 numbers; vectors of this database have 3"},
    {&vector3, BYTES("\x90"), "0 numbers; vectors of this database have 3"},
    {&vector3, BYTES("\xc4\0"), "0 numbers; vectors of this database have 3"},
    {&vector3, BYTES("\xc4\x08\0\0\0\0\0\0\0\0"), "2 numbers; vectors of this database have 3"},
    {&vector3, BYTES("\xc4\x0d\0\0\0\0\0\0\0\0\0\0\0\0\0"),
     "13 bytes, which is no whole number of float32's"},
    {&vector3, BYTES("\x93\x01\xc0\x02"), "element 2 is no number"},
    {&vector3, BYTES("\x93\x01\x02\xa1x"), "element 3 is no number"},
    {&vector3,
     BYTES("\xa3"
           "1,2"),
     "an array of numbers is wanted, or little-endian float32 in bin or ext"},
    {&vector3, BYTES("\x01"),
     "an array of numbers is wanted, or little-endian float32 in bin or ext"},
    {&vector3, BYTES("\x93\x01\x02\xca\x7f\xc0\0\0"),
     "element 3 is NaN, infinite, or past what float32 holds"},
    {&vector3, BYTES("\x93\xca\xff\x80\0\0\x01\x02"),
     "element 1 is NaN, infinite, or past what float32 holds"},
    {&vector3, BYTES("\x93\xcb\x7e\x37\xe4\x3c\x88\0\x75\x9c\x01\x02"), /* 1e300 */
     "element 1 is NaN, infinite, or past what float32 holds"},
    {&vector3, BYTES("\x93\0\0\0"), "all 3 numbers are 0: it has no direction"},
    {&vector3, BYTES("\xc4\x0c\0\0\0\x80\0\0\0\0\0\0\0\0"), /* -0 */
     "all 3 numbers are 0: it has no direction"},
    {&half3, BYTES("\x93\x01\xcd\xff\xf0\x02"), "element 2 is 65520; a halfvec's are below 65520"},
    {&half3, BYTES("\x93\xca\x33\0\0\0\0\0"), /* 2^-25 */
     "all 3 numbers are 0 as halves: it has no direction"},
};

Test(kb_vector, read)
{
    for (size_t i = 0; i < COUNT(read_rows); i++) {
        const struct read_row *row = &read_rows[i];
        const struct frame_limits limits = FRAME_LIMITS_DEFAULT;
        const struct mp_cursor whole = {(const uint8_t *)row->in,
                                        (const uint8_t *)row->in + row->in_len};
        struct mp_cursor c = whole;
        struct mp_value v;
        float got[3] = {0};
        char problem[KB_VECTOR_PROBLEM] = "";
        cr_assert_eq(mp_take(&c, &v, 0, &limits), MP_OK, "row %zu", i);
        bool good = kb_vector_read(row->shape, &v, &whole, got, problem);
        cr_expect_eq(good, row->problem == NULL, "row %zu: got %d, %s", i, good, problem);
        if (row->problem)
            cr_expect_str_eq(problem, row->problem, "row %zu\nwant: %s\n got: %s", i, row->problem,
                             problem);
        else
            cr_expect(got[0] == 1 && got[1] == -2 && got[2] == 0.5F, "row %zu: got %g %g %g", i,
                      (double)got[0], (double)got[1], (double)got[2]);
    }
}

Test(kb_vector, put)
{
    static const struct {
        const struct kb_shape *shape;
        const char *want;
        size_t want_len;
    } rows[] = {
        {&vector3, BYTES("\0\0\0\x10\0\x03\0\0\x3f\x80\0\0\xc0\0\0\0\x3f\0\0\0")},
        {&half3, BYTES("\0\0\0\x0a\0\x03\0\0\x3c\0\xc0\0\x38\0")},
        {&real3, BYTES("\0\0\0\x2c\0\0\0\1\0\0\0\0\0\0\x02\xbc\0\0\0\3\0\0\0\1"
                       "\0\0\0\4\x3f\x80\0\0\0\0\0\4\xc0\0\0\0\0\0\0\4\x3f\0\0\0")},
    };
    static const float vector[] = {1, -2, 0.5F};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        kb_vector_put(&out, rows[i].shape, vector);
        EXPECT_BYTES(out.data, out.len, rows[i].want, rows[i].want_len, "row %zu", i);
        buf_free(&out);
    }
}

/* What IEEE 754 says a half is worth. */
static double half_value(unsigned half)
{
    unsigned exponent = half >> 10 & 31;
    double fraction = half & 1023;
    double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, (int)exponent - 25);
    return half & 0x8000 ? -size : size;
}

static unsigned half_of(double number)
{
    static const struct kb_shape shape = {.type = KB_HALFVEC, .dimensions = 2};
    const float vector[] = {(float)number, 1};
    char problem[KB_VECTOR_PROBLEM] = "";
    struct buf out = {0};
    cr_expect(kb_vector_check(&shape, vector, 2, problem), "%g: %s", number, problem);
    kb_vector_put(&out, &shape, vector);
    unsigned half = (unsigned)out.data[8] << 8 | out.data[9];
    buf_free(&out);
    return half;
}

/* Every half there is stays itself; what lies between two becomes the nearer one, and of two that
 * are as near the even one. */
Test(kb_vector, halves_are_rounded_to_the_nearest_even)
{
    for (unsigned half = 0; half < 0x7c00; half++) {
        double low = half_value(half);
        double high = half + 1 < 0x7c00 ? half_value(half + 1) : 65536;
        double middle = (low + high) / 2;
        unsigned even = half & 1 ? half + 1 : half;
        cr_assert_eq(half_of(low), half, "%g: want %04x, got %04x", low, half, half_of(low));
        cr_assert_eq(half_of(-low), half | 0x8000, "-%g: got %04x", low, half_of(-low));
        if (half + 1 == 0x7c00)
            break;
        cr_assert_eq(half_of(middle), even, "%g: want %04x, got %04x", middle, even,
                     half_of(middle));
        double below = (double)nextafterf((float)middle, 0);
        double above = (double)nextafterf((float)middle, INFINITY);
        cr_assert_eq(half_of(below), half, "%g: got %04x", below, half_of(below));
        cr_assert_eq(half_of(above), half + 1, "%g: got %04x", above, half_of(above));
    }
}
