/* SPDX-License-Identifier: MIT */
#include "base/jsonw.h"

#include <jansson.h>

#include "bytes.h"

static void expect_text(struct buf *out, const char *want)
{
    cr_expect_str_eq(buf_cstr(out), want, "want: %s\n got: %s", want, buf_cstr(out));
    buf_free(out);
}

Test(base_jsonw, commas_and_nesting)
{
    struct buf out = {0};
    struct jsonw j = {.out = &out};
    jsonw_object(&j);
    jsonw_key(&j, "s");
    jsonw_str(&j, "x");
    jsonw_key(&j, "none");
    jsonw_str(&j, NULL);
    jsonw_key(&j, "a");
    jsonw_array(&j);
    jsonw_int(&j, 1);
    jsonw_object(&j);
    jsonw_end(&j);
    jsonw_array(&j);
    jsonw_end(&j);
    jsonw_bool(&j, true);
    jsonw_bool(&j, false);
    jsonw_null(&j);
    jsonw_raw(&j, "{\"r\":0.5}");
    jsonw_raw(&j, NULL);
    jsonw_end(&j);
    jsonw_key(&j, "n");
    jsonw_strn(&j, "a\0b", 3);
    jsonw_end(&j);
    expect_text(&out, "{\"s\":\"x\",\"none\":null,\"a\":[1,{},[],true,false,null,{\"r\":0.5},null],"
                      "\"n\":\"a\\u0000b\"}");
}

Test(base_jsonw, numbers_and_times)
{
    static const int64_t numbers[] = {0, -1, INT64_MAX, INT64_MIN};
    struct buf out = {0};
    struct jsonw j = {.out = &out};
    jsonw_array(&j);
    for (size_t i = 0; i < COUNT(numbers); i++)
        jsonw_int(&j, numbers[i]);
    jsonw_time(&j, 0);
    jsonw_time(&j, INT64_MIN);
    jsonw_end(&j);
    expect_text(&out, "[0,-1,9223372036854775807,-9223372036854775808,\"1970-01-01T00:00:00Z\","
                      "null]");
}

Test(base_jsonw, deepest)
{
    struct buf out = {0};
    struct buf want = {0};
    struct jsonw j = {.out = &out};
    for (int i = 0; i < 63; i++) {
        if (i % 3 == 0) {
            jsonw_array(&j);
        } else {
            jsonw_object(&j);
            jsonw_key(&j, "k");
        }
        buf_str(&want, i % 3 == 0 ? "[" : "{\"k\":");
    }
    jsonw_int(&j, 7);
    buf_byte(&want, '7');
    for (int i = 62; i >= 0; i--) {
        jsonw_end(&j);
        buf_byte(&want, i % 3 == 0 ? ']' : '}');
    }
    expect_text(&out, buf_cstr(&want));
    buf_free(&want);
}

Test(base_jsonw, quote)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES(""), "\"\""},
        {BYTES("plain"), "\"plain\""},
        {BYTES("\"\\/"), "\"\\\"\\\\/\""},
        {BYTES("\n\t\r\b\f\x1f"), "\"\\n\\t\\r\\u0008\\u000c\\u001f\""},
        {BYTES("\x7f"), "\"\x7f\""},
        {BYTES("caf\xc3\xa9 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
        /* U+FFFD for each byte that belongs to no character */
        {BYTES("a\xff\xfe"), "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {BYTES("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {BYTES("\xed\xa0\x80z"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        jsonw_quote(&out, rows[i].text, rows[i].len);
        expect_text(&out, rows[i].want);
    }
}

/* Whatever the bytes, a JSON parser takes the text, and gets the same bytes where they were UTF-8.
 */
Test(base_jsonw, any_bytes_are_json)
{
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[24];
        struct buf out = {0};
        json_error_t error;
        size_t len = bytes_random(&seed) % (sizeof bytes + 1);
        bool ascii = true;
        for (size_t i = 0; i < len; i++) {
            bytes[i] =
                (uint8_t)(bytes_random(&seed) >> (round % 2 ? 32 : 33) & (round % 2 ? 0xff : 0x7f));
            ascii = ascii && bytes[i] < 0x80;
        }
        jsonw_quote(&out, bytes, len);
        json_t *back =
            json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        cr_assert(back, "%s: %s", buf_cstr(&out), error.text);
        if (ascii)
            EXPECT_BYTES(json_string_value(back), json_string_length(back), bytes, len,
                         "round %d: %s", round, buf_cstr(&out));
        json_decref(back);
        buf_free(&out);
    }
}
