/* SPDX-License-Identifier: MIT */
#include "bytes.h"
#include "value.h"

#define DOUBLE(bits) "\xcb" bits

Test(replay_field_number, int2)
{
    static const struct value_row rows[] = {
        {BYTES("\x00"), BYTES("\0\0\0\2\0\0")},
        {BYTES("\xcd\x7f\xff"), BYTES("\0\0\0\2\x7f\xff")},
        {BYTES("\xd1\x80\0"), BYTES("\0\0\0\2\x80\0")},
        {BYTES(DOUBLE("\xc0\xe0\0\0\0\0\0\0")), BYTES("\0\0\0\2\x80\0")}, /* -32768.0 */
        {BYTES(DOUBLE("\x80\0\0\0\0\0\0\0")), BYTES("\0\0\0\2\0\0")},     /* -0.0 */
        {BYTES("\xcd\x80\0"), "smallint is wanted, but 32768 is out of range", 0},
        {BYTES("\xd2\xff\xff\x7f\xff"), "smallint is wanted, but -32769 is out of range", 0},
        {BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
         "smallint is wanted, but 18446744073709551615 is out of range", 0},
        {BYTES("\xca\x3f\xc0\0\0"), "smallint is wanted, but 1.5 is not whole", 0},
        {BYTES("\xc3"), "smallint is wanted, but it is a boolean", 0},
        {BYTES("\xa1"
               "1"),
         "smallint is wanted, but it is a string", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_INT2};
    expect_values(&c, rows, COUNT(rows));
}

Test(replay_field_number, int4)
{
    static const struct value_row rows[] = {
        {BYTES("\xff"), BYTES("\0\0\0\4\xff\xff\xff\xff")},
        {BYTES("\xce\x7f\xff\xff\xff"), BYTES("\0\0\0\4\x7f\xff\xff\xff")},
        {BYTES("\xd2\x80\0\0\0"), BYTES("\0\0\0\4\x80\0\0\0")},
        {BYTES("\xce\x80\0\0\0"), "integer is wanted, but 2147483648 is out of range", 0},
        {BYTES("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"),
         "integer is wanted, but -2147483649 is out of range", 0},
        {BYTES("\x90"), "integer is wanted, but it is an array", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_INT4};
    expect_values(&c, rows, COUNT(rows));
}

Test(replay_field_number, int8)
{
    static const struct value_row rows[] = {
        {BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
         BYTES("\0\0\0\x08\x7f\xff\xff\xff\xff\xff\xff\xff")},
        {BYTES("\xd3\x80\0\0\0\0\0\0\0"), BYTES("\0\0\0\x08\x80\0\0\0\0\0\0\0")},
        /* whole floats up to the ends of the range: -2^63 and the last double below 2^63 */
        {BYTES(DOUBLE("\xc3\xe0\0\0\0\0\0\0")), BYTES("\0\0\0\x08\x80\0\0\0\0\0\0\0")},
        {BYTES(DOUBLE("\x43\xdf\xff\xff\xff\xff\xff\xff")),
         BYTES("\0\0\0\x08\x7f\xff\xff\xff\xff\xff\xfc\0")},
        {BYTES(DOUBLE("\x43\xe0\0\0\0\0\0\0")), "bigint is wanted, but 9.22337e+18 is out of range",
         0},
        {BYTES(DOUBLE("\xc3\xe0\0\0\0\0\0\1")),
         "bigint is wanted, but -9.22337e+18 is out of range", 0},
        {BYTES("\xcf\x80\0\0\0\0\0\0\0"),
         "bigint is wanted, but 9223372036854775808 is out of range", 0},
        {BYTES(DOUBLE("\x7f\xf8\0\0\0\0\0\0")), "bigint is wanted, but nan is out of range", 0},
        {BYTES(DOUBLE("\x7f\xf0\0\0\0\0\0\0")), "bigint is wanted, but inf is out of range", 0},
        {BYTES(DOUBLE("\0\0\0\0\0\0\0\1")),
         "bigint is wanted, but 4.9406564584124654e-324 is not whole", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_INT8};
    expect_values(&c, rows, COUNT(rows));
}

Test(replay_field_number, float4)
{
    static const struct value_row rows[] = {
        {BYTES("\xca\x3f\xc0\0\0"), BYTES("\0\0\0\4\x3f\xc0\0\0")},
        {BYTES(DOUBLE("\x3f\xb9\x99\x99\x99\x99\x99\x9a")), BYTES("\0\0\0\4\x3d\xcc\xcc\xcd")},
        {BYTES(DOUBLE("\x7f\xf8\0\0\0\0\0\0")), BYTES("\0\0\0\4\x7f\xc0\0\0")},
        {BYTES(DOUBLE("\xff\xf0\0\0\0\0\0\0")), BYTES("\0\0\0\4\xff\x80\0\0")},
        /* too small: 0, which is nearest; the largest, and what rounds to it, and what doesn't */
        {BYTES(DOUBLE("\x80\0\0\0\0\0\0\1")), BYTES("\0\0\0\4\x80\0\0\0")},
        {BYTES(DOUBLE("\x47\xef\xff\xff\xe0\0\0\0")), BYTES("\0\0\0\4\x7f\x7f\xff\xff")},
        {BYTES(DOUBLE("\x47\xef\xff\xff\xef\xff\xff\xff")), BYTES("\0\0\0\4\x7f\x7f\xff\xff")},
        {BYTES(DOUBLE("\x47\xef\xff\xff\xf0\0\0\0")),
         "real is wanted, but 3.40282e+38 is out of range", 0},
        {BYTES(DOUBLE("\xfe\x37\xe4\x3c\x88\0\x75\x9c")),
         "real is wanted, but -1e+300 is out of range", 0},
        /* integers are exact or not at all */
        {BYTES("\xce\x01\0\0\0"), BYTES("\0\0\0\4\x4b\x80\0\0")}, /* 2^24 */
        {BYTES("\xce\x01\0\0\1"), "an integer that real can't hold exactly", 0},
        {BYTES("\xcf\x80\0\0\0\0\0\0\0"), BYTES("\0\0\0\4\x5f\0\0\0")}, /* 2^63 */
        {BYTES("\xd2\xfe\xff\xff\xff"), "an integer that real can't hold exactly", 0},
        {BYTES("\xcf\0\x20\0\0\0\0\0\x01"), "an integer that real can't hold exactly", 0},
        {BYTES("\xc2"), "real is wanted, but it is a boolean", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_FLOAT4};
    expect_values(&c, rows, COUNT(rows));
}
