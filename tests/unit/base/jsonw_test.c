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

Test(base_jsonw, seconds)
{
    static const int64_t us[] = {0, 1, 200000, 2000000, 100000000, 86400000001, -1500000};
    struct buf out = {0};
    struct jsonw j = {.out = &out};
    jsonw_array(&j);
    for (size_t i = 0; i < COUNT(us); i++)
        jsonw_seconds(&j, us[i]);
    jsonw_end(&j);
    expect_text(&out, "[0,0.000001,0.2,2,100,86400.000001,-1.5]");
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

/* Every byte at every place: the short way takes it where the long way leaves it as it is and it is
 * ASCII, and writes the same; else it writes nothing. */
Test(base_jsonw, quote_plain)
{
    for (size_t len = 0; len < 34; len++)
        for (size_t at = 0; at < (len > 0 ? len : 1); at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t text[34];
                struct buf want = {0};
                struct buf got = {0};
                memset(text, 'a', sizeof text);
                text[at] = (uint8_t)byte;
                jsonw_quote(&want, text, len);
                bool plain = len == 0 || (byte < 0x80 && want.len == len + 2);
                buf_byte(&got, '!');
                cr_assert_eq(jsonw_quote_plain(&got, text, len), plain, "%02x at %zu of %zu", byte,
                             at, len);
                cr_assert_eq(got.len, plain ? len + 3 : 1, "%02x at %zu of %zu: %zu bytes", byte,
                             at, len, got.len);
                cr_assert(!plain || memcmp(got.data + 1, want.data, want.len) == 0,
                          "%02x at %zu of %zu: other bytes", byte, at, len);
                buf_free(&want);
                buf_free(&got);
            }
}

/* Escapes at every phase against the eight bytes of a step. */
Test(base_jsonw, escapes_anywhere)
{
    static const char *const escaped[] = {"\"", "\\", "\n", "\x01", "\xc3\xa9", "\xff"};
    static const char *const wants[] = {"\\\"",    "\\\\",     "\\n",
                                        "\\u0001", "\xc3\xa9", "\xef\xbf\xbd"};
    for (size_t i = 0; i < COUNT(escaped); i++)
        for (size_t before = 0; before < 20; before++)
            for (size_t after = 0; after < 20; after++) {
                struct buf text = {0};
                struct buf want = {0};
                struct buf got = {0};
                buf_printf(&text, "%.*s%s%.*s", (int)before, "abcdefghijklmnopqrst", escaped[i],
                           (int)after, "ABCDEFGHIJKLMNOPQRST");
                buf_printf(&want, "\"%.*s%s%.*s\"", (int)before, "abcdefghijklmnopqrst", wants[i],
                           (int)after, "ABCDEFGHIJKLMNOPQRST");
                jsonw_quote(&got, text.data, text.len);
                EXPECT_BYTES(got.data, got.len, want.data, want.len, "%zu before, %zu after",
                             before, after);
                buf_free(&text);
                buf_free(&want);
                buf_free(&got);
            }
}
