/* SPDX-License-Identifier: MIT */
#include "frame/pack.h"

#include "bytes.h"

Test(frame_pack, json)
{
    static const struct {
        const char *json;
        const char *want;
        size_t len;
    } rows[] = {
        {"null", BYTES("\xc0")},
        {"true", BYTES("\xc3")},
        {"false", BYTES("\xc2")},
        {"0", BYTES("\x00")},
        {"127", BYTES("\x7f")},
        {"128", BYTES("\xcc\x80")},
        {"-32", BYTES("\xe0")},
        {"-33", BYTES("\xd0\xdf")},
        {"9223372036854775807", BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")},
        {"-9223372036854775808", BYTES("\xd3\x80\0\0\0\0\0\0\0")},
        {"1.5", BYTES("\xcb\x3f\xf8\0\0\0\0\0\0")},
        {"2.0", BYTES("\xcb\x40\0\0\0\0\0\0\0")}, /* stays a float */
        {"\"\"", BYTES("\xa0")},
        {"\"abc\"", BYTES("\xa3"
                          "abc")},
        {"\"a\\u0000b\"", BYTES("\xa3"
                                "a\0b")},
        {"\"0123456789012345678901234567890123\"", BYTES("\xd9\x22"
                                                         "0123456789012345678901234567890123")},
        {"[]", BYTES("\x90")},
        {"[1,[2],{}]", BYTES("\x93\x01\x91\x02\x80")},
        {"{\"kind\":\"metric\",\"v\":1}", BYTES("\x82\xa4kind\xa6metric\xa1v\x01")},
        {"{\"b\":1,\"a\":2}", BYTES("\x82\xa1"
                                    "b\x01\xa1"
                                    "a\x02")}, /* the order is the writer's */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        json_error_t error;
        json_t *value = json_loads(rows[i].json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        cr_assert(value, "test data %s: %s", rows[i].json, error.text);
        pack_json(&out, value);
        EXPECT_BYTES(out.data, out.len, rows[i].want, rows[i].len, "%s", rows[i].json);
        json_decref(value);
        buf_free(&out);
    }
}

Test(frame_pack, seal)
{
    static const struct {
        uint64_t frames;
        const char *id;
        const char *want;
        size_t len;
    } rows[] = {
        {0, NULL,
         BYTES("\x82\xa4kind\xa4seal\xa6"
               "frames\x00")},
        {1000, NULL,
         BYTES("\x82\xa4kind\xa4seal\xa6"
               "frames\xcd\x03\xe8")},
        {UINT64_MAX, NULL,
         BYTES("\x82\xa4kind\xa4seal\xa6"
               "frames\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
        {7, "x",
         BYTES("\x83\xa4kind\xa4seal\xa6"
               "frames\x07\xa2id\xa1x")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        pack_seal(&out, rows[i].frames, rows[i].id);
        EXPECT_BYTES(out.data, out.len, rows[i].want, rows[i].len, "%zu frames",
                     (size_t)rows[i].frames);
        buf_free(&out);
    }
}
