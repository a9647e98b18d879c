/* SPDX-License-Identifier: MIT */
/* tests/integration/types_test.c compares with what a server makes of the same texts. */
#include "bytes.h"
#include "value.h"

static const struct column column = {.name = "c", .type = COLUMN_NUMERIC};

/* groups, weight, sign, scale, groups of four digits */
Test(replay_field_numeric, values)
{
    static const struct value_row rows[] = {
        {BYTES("\x00"), BYTES("\0\0\0\x08\0\0\0\0\0\0\0\0")},
        {BYTES("\x07"), BYTES("\0\0\0\x0a\0\1\0\0\0\0\0\0\0\7")},
        {BYTES("\xff"), BYTES("\0\0\0\x0a\0\1\0\0\x40\0\0\0\0\1")},
        {BYTES("\xcd\x27\x10"), BYTES("\0\0\0\x0c\0\2\0\1\0\0\0\0\0\1\0\0")},         /* 10000 */
        {BYTES("\xca\x3f\xc0\0\0"), BYTES("\0\0\0\x0c\0\2\0\0\0\0\0\1\0\1\x13\x88")}, /* 1.5 */
        {BYTES("\xa6-12.50"), BYTES("\0\0\0\x0c\0\2\0\0\x40\0\0\2\0\x0c\x13\x88")},
        {BYTES("\xa5+0.01"), BYTES("\0\0\0\x0a\0\1\xff\xff\0\0\0\2\0\x64")},
        {BYTES("\xa2.5"), BYTES("\0\0\0\x0a\0\1\xff\xff\0\0\0\1\x13\x88")},
        {BYTES("\xa2"
               "5."),
         BYTES("\0\0\0\x0a\0\1\0\0\0\0\0\0\0\5")},
        {BYTES("\xa7"
               "0.00001"),
         BYTES("\0\0\0\x0a\0\1\xff\xfe\0\0\0\5\x03\xe8")},
        {BYTES("\xa6-00.00"), BYTES("\0\0\0\x08\0\0\0\0\0\0\0\2")}, /* no minus zero */
        {BYTES("\xa5"
               "1.5e3"),
         BYTES("\0\0\0\x0a\0\1\0\0\0\0\0\0\x05\xdc")},
        {BYTES("\xa6"
               "1.5E-3"),
         BYTES("\0\0\0\x0a\0\1\xff\xff\0\0\0\4\0\x0f")},
        {BYTES("\xa5"
               "1e+04"),
         BYTES("\0\0\0\x0a\0\1\0\1\0\0\0\0\0\1")},
        {BYTES("\xa3NaN"), BYTES("\0\0\0\x08\0\0\0\0\xc0\0\0\0")},
        {BYTES("\xa8Infinity"), BYTES("\0\0\0\x08\0\0\0\0\xd0\0\0\0")},
        {BYTES("\xa4-inf"), BYTES("\0\0\0\x08\0\0\0\0\xf0\0\0\0")},
        {BYTES("\xca\xff\x80\0\0"), BYTES("\0\0\0\x08\0\0\0\0\xf0\0\0\0")},
        {BYTES("\xca\x7f\xc0\0\0"), BYTES("\0\0\0\x08\0\0\0\0\xc0\0\0\0")},
    };
    expect_values(&column, rows, COUNT(rows));
}

#define NO(text) "numeric is wanted, but \"" text "\" is no decimal number", 0

Test(replay_field_numeric, rejects)
{
    static const struct value_row rows[] = {
        {BYTES("\xc3"), "numeric is wanted, but it is a boolean", 0},
        {BYTES("\xc4\x01"
               "1"),
         "numeric is wanted, but it is binary", 0},
        {BYTES("\xa0"), NO("")},
        {BYTES("\xa1-"), NO("-")},
        {BYTES("\xa1."), NO(".")},
        {BYTES("\xa2 1"), NO(" 1")},
        {BYTES("\xa2"
               "1 "),
         NO("1 ")},
        {BYTES("\xa3--1"), NO("--1")},
        {BYTES("\xa3"
               "1,5"),
         NO("1,5")},
        {BYTES("\xa5"
               "1.2.3"),
         NO("1.2.3")},
        {BYTES("\xa2"
               "1e"),
         NO("1e")},
        {BYTES("\xa3"
               "1e-"),
         NO("1e-")},
        {BYTES("\xa2"
               "e1"),
         NO("e1")},
        {BYTES("\xa5"
               "1e1.5"),
         NO("1e1.5")},
        {BYTES("\xa4-nan"), NO("-nan")},
        {BYTES("\xa3"
               "0x1"),
         NO("0x1")},
        {BYTES("\xa2"
               "1\0"),
         NO("1?")},
        {BYTES("\xa8"
               "1e131072"),
         "numeric has at most 131072 digits before the point", 0},
        {BYTES("\xb5"
               "1e9999999999999999999"),
         "numeric has at most 131072 digits before the point", 0},
        {BYTES("\xa8"
               "1e-16384"),
         "numeric has at most 16383 digits after the point", 0},
        {BYTES("\xb6"
               "0e-9999999999999999999"),
         "numeric has at most 16383 digits after the point", 0},
    };
    expect_values(&column, rows, COUNT(rows));
}

/* Long texts: only what is a number's is counted, and nothing is spent on what is past it. */
Test(replay_field_numeric, long_texts)
{
    static const struct {
        size_t zeros, nines;
        bool good;
    } rows[] = {{0, 131072, true},
                {0, 131073, false},
                {1000000, 131072, true},
                {1000000, 0, true},
                {1, 8000000, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf in = {0};
        struct buf out = {0};
        struct reject reject;
        size_t len = rows[i].zeros + rows[i].nines;
        buf_byte(&in, 0xdb);
        buf_be32(&in, (uint32_t)len);
        memset(buf_reserve(&in, len), '9', len);
        memset(in.data + in.len, '0', rows[i].zeros);
        in.len += len;
        bool good = copybin_value(&out, &column, in.data, in.len, &reject);
        cr_expect_eq(good, rows[i].good, "row %zu: got %d", i, good);
        size_t want = good ? 12 + rows[i].nines / 2 : 0;
        cr_expect_eq(out.len, want, "row %zu: want %zu bytes, got %zu", i, want, out.len);
        cr_expect_leq(out.cap, 400000, "row %zu: %zu bytes are spent", i, out.cap);
        buf_free(&in);
        buf_free(&out);
    }
}
