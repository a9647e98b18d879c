/* SPDX-License-Identifier: MIT */
#include "bytes.h"
#include "value.h"

#define ID "\x01\x7f\x22\xe2\x79\xb0\x7c\xc3\x98\xc4\xdc\x0c\x0c\x07\x39\x8f"

Test(replay_field_binary, uuid)
{
    static const struct value_row rows[] = {
        {BYTES("\xd9\x24"
               "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
         BYTES("\0\0\0\x10" ID)},
        {BYTES("\xd9\x24"
               "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"),
         BYTES("\0\0\0\x10" ID)},
        {BYTES("\xd9\x20"
               "017f22e279b07cc398c4dc0c0c07398f"),
         BYTES("\0\0\0\x10" ID)},
        {BYTES("\xc4\x10" ID), BYTES("\0\0\0\x10" ID)},
        {BYTES("\xc4\x0f"
               "123456789012345"),
         "uuid is wanted, which has 16 bytes, but it is binary of 15", 0},
        {BYTES("\xd8\x05" ID), "uuid is wanted, but it is an extension", 0},
        {BYTES("\xa0"), "uuid is wanted, but \"\" is none", 0},
        {BYTES("\xd9\x20"
               "017f22e2-79b0-7cc3-98c4-dc0c0c07"),
         "uuid is wanted, but \"017f22e2-79b0-7cc3-98c4-dc0c0c07\" is none", 0},
        {BYTES("\xd9\x20"
               "017f22e279b07cc398c4dc0c0c07398g"),
         "uuid is wanted, but \"017f22e279b07cc398c4dc0c0c07398g\" is none", 0},
        {BYTES("\xd9\x20"
               "017f22e279b07cc398c4dc0c0c07398\0"),
         "uuid is wanted, but \"017f22e279b07cc398c4dc0c0c07398?\" is none", 0},
        {BYTES("\xd9\x24"
               "017f22e279b0-7cc3-98c4-dc0c0c07398f-"),
         "uuid is wanted, but \"017f22e279b0-7cc3-98c4-dc0c0c07398f-\" is none", 0},
        {BYTES("\x01"), "uuid is wanted, but it is an integer", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_UUID};
    expect_values(&c, rows, COUNT(rows));
}

Test(replay_field_binary, bytea)
{
    static const struct value_row rows[] = {
        {BYTES("\xc4\x00"), BYTES("\0\0\0\0")},
        {BYTES("\xc4\x03\0\xff\\"), BYTES("\0\0\0\3\0\xff\\")},
        {BYTES("\xa2\0\xff"), BYTES("\0\0\0\2\0\xff")},
        {BYTES("\xd4\x05x"), "bytea is wanted, but it is an extension", 0},
        {BYTES("\x91\x01"), "bytea is wanted, but it is an array", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_BYTEA};
    expect_values(&c, rows, COUNT(rows));
}

#define NO(text) "inet is wanted, but \"" text "\" is no address", 0

Test(replay_field_binary, inet)
{
    static const struct value_row rows[] = {
        {BYTES("\xa8"
               "10.1.2.3"),
         BYTES("\0\0\0\x08\2\x20\0\4\x0a\1\2\3")},
        {BYTES("\xaa"
               "10.1.2.3/8"),
         BYTES("\0\0\0\x08\2\x08\0\4\x0a\1\2\3")}, /* host bits stay */
        {BYTES("\xa9"
               "0.0.0.0/0"),
         BYTES("\0\0\0\x08\2\0\0\4\0\0\0\0")},
        {BYTES("\xa2::"), BYTES("\0\0\0\x14\3\x80\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
        {BYTES("\xab"
               "fe80::1/064"),
         BYTES("\0\0\0\x14\3\x40\0\x10\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1")},
        {BYTES("\xd9\x31"
               "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128"),
         BYTES("\0\0\0\x14\3\x80\0\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
               "\xff\xff\xff\xff")},
        {BYTES("\xa0"), NO("")},
        {BYTES("\xa4host"), NO("host")},
        {BYTES("\xa5"
               "1.2.3"),
         NO("1.2.3")},
        {BYTES("\xa9"
               "1.2.3.256"),
         NO("1.2.3.256")},
        {BYTES("\xa8"
               "1.2.3.4 "),
         NO("1.2.3.4 ")},
        {BYTES("\xa8"
               "1.2.3.4/"),
         NO("1.2.3.4/")},
        {BYTES("\xaa"
               "1.2.3.4/33"),
         NO("1.2.3.4/33")},
        {BYTES("\xaa"
               "1.2.3.4/-1"),
         NO("1.2.3.4/-1")},
        {BYTES("\xac"
               "1.2.3.4/0024"),
         NO("1.2.3.4/0024")},
        {BYTES("\xab"
               "1.2.3.4/8/8"),
         NO("1.2.3.4/8/8")},
        {BYTES("\xa6::/129"), NO("::/129")},
        {BYTES("\xac"
               "fe80::1%eth0"),
         NO("fe80::1%eth0")},
        {BYTES("\xa9"
               "1.2.3.4\0x"),
         NO("1.2.3.4?x")},
        {BYTES("\xd9\x32"
               "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/1281"),
         NO("ffff:ffff:ffff:ffff:ffff:ffff:255.255.25...")},
        {BYTES("\xc4\x04\x0a\1\2\3"), "inet is wanted, but it is binary", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_INET};
    expect_values(&c, rows, COUNT(rows));
}
