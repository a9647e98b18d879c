/* SPDX-License-Identifier: MIT */
#include "replay/jsonb.h"

#include <jansson.h>
#include <stdlib.h>

#include "bytes.h"

Test(replay_jsonb, values)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
        uint32_t nulled;
    } rows[] = {
        {BYTES("\xc0"), "null", 0},
        {BYTES("\xc2"), "false", 0},
        {BYTES("\xc3"), "true", 0},
        /* integers are exact */
        {BYTES("\x00"), "0", 0},
        {BYTES("\xff"), "-1", 0},
        {BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615", 0},
        {BYTES("\xd3\x80\0\0\0\0\0\0\0"), "-9223372036854775808", 0},
        {BYTES("\xcf\0\x20\0\0\0\0\0\x01"), "9007199254740993", 0},
        /* doubles: the shortest that reads back */
        {BYTES("\xcb\x3f\xf8\0\0\0\0\0\0"), "1.5", 0},
        {BYTES("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1", 0},
        {BYTES("\xcb\x3f\xd3\x33\x33\x33\x33\x33\x34"), "0.30000000000000004", 0},
        {BYTES("\xcb\x40\0\0\0\0\0\0\0"), "2", 0},
        {BYTES("\xcb\x44\xb5\x2d\x02\xc7\xe1\x4a\xf6"), "1e+23", 0},
        {BYTES("\xcb\0\0\0\0\0\0\0\x01"), "5e-324", 0},
        {BYTES("\xcb\x7f\xef\xff\xff\xff\xff\xff\xff"), "1.7976931348623157e+308", 0},
        {BYTES("\xcb\xbf\xf0\0\0\0\0\0\0"), "-1", 0},
        {BYTES("\xca\x3d\xcc\xcc\xcd"), "0.10000000149011612", 0}, /* a float32 is not 0.1 */
        /* what JSON has no word for */
        {BYTES("\xcb\x7f\xf8\0\0\0\0\0\0"), "null", 1},
        {BYTES("\xca\x7f\x80\0\0"), "null", 1},
        {BYTES("\x93\xca\x7f\x80\0\0\x01\xca\xff\x80\0\0"), "[null,1,null]", 2},
        /* text */
        {BYTES("\xa0"), "\"\"", 0},
        {BYTES("\xa7"
               "a\"b\\c\n\x1f"),
         "\"a\\\"b\\\\c\\n\\u001f\"", 0},
        {BYTES("\xa5"
               "caf\xc3\xa9"),
         "\"caf\xc3\xa9\"", 0},
        {BYTES("\xd9\x04\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"", 0},
        /* bin and ext */
        {BYTES("\xc4\x00"), "{\"$bin\":\"\"}", 0},
        {BYTES("\xc4\x01\xff"), "{\"$bin\":\"/w==\"}", 0},
        {BYTES("\xc4\x02\xff\xee"), "{\"$bin\":\"/+4=\"}", 0},
        {BYTES("\xc4\x03"
               "abc"),
         "{\"$bin\":\"YWJj\"}", 0},
        {BYTES("\xd4\x05\x01"), "{\"$ext\":[5,\"AQ==\"]}", 0},
        {BYTES("\xc7\x00\x80"), "{\"$ext\":[-128,\"\"]}", 0},
        /* times */
        {BYTES("\xd6\xff\x6b\x00\xfa\x6d"), "\"2026-11-21T01:57:01Z\"", 0},
        {BYTES("\xd7\xff\x77\x35\x94\0\x6b\x00\xfa\x6d"), "\"2026-11-21T01:57:01.5Z\"", 0},
        {BYTES("\xc7\x0c\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), "\"1969-12-31T23:59:59Z\"",
         0},
        /* no time after all: nanoseconds past a second, five bytes */
        {BYTES("\xd7\xff\xff\xff\xff\xff\0\0\0\0"), "{\"$ext\":[-1,\"/////wAAAAA=\"]}", 0},
        {BYTES("\xc7\x05\xff\0\0\0\0\0"), "{\"$ext\":[-1,\"AAAAAAA=\"]}", 0},
        /* Fluentd's EventTime is only a time where a time is wanted */
        {BYTES("\xd7\0\0\0\0\0\0\0\0\0"), "{\"$ext\":[0,\"AAAAAAAAAAA=\"]}", 0},
        /* containers */
        {BYTES("\x90"), "[]", 0},
        {BYTES("\x80"), "{}", 0},
        {BYTES("\x93\x01\x92\x02\xc0\x81\xa1k\x90"), "[1,[2,null],{\"k\":[]}]", 0},
        {BYTES("\x82\xa1"
               "b\x01\xa1"
               "a\x02"),
         "{\"b\":1,\"a\":2}", 0},
        /* scalar keys become strings; the server keeps the last of equal ones */
        {BYTES("\x86\xc0\x01\xc3\x02\xc2\x03\x07\x04\xff\x05\xcb\x3f\xf8\0\0\0\0\0\0\x06"),
         "{\"null\":1,\"true\":2,\"false\":3,\"7\":4,\"-1\":5,\"1.5\":6}", 0},
        {BYTES("\x82\xa1"
               "a\x01\xa1"
               "a\x02"),
         "{\"a\":1,\"a\":2}", 0},
        {BYTES("\x81\xca\x7f\xc0\0\0\x01"), "{\"null\":1}", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t *p = (const uint8_t *)rows[i].bytes;
        struct mp_cursor c = {p, p + rows[i].len};
        struct buf out = {0};
        uint32_t nulled = 0;
        const char *problem = jsonb_append(&out, &c, NULL, &nulled);
        cr_expect_null(problem, "row %zu: %s", i, problem);
        cr_expect_str_eq(buf_cstr(&out), rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, buf_cstr(&out));
        cr_expect_eq(nulled, rows[i].nulled, "row %zu: want %u nulled, got %u", i, rows[i].nulled,
                     nulled);
        cr_expect_eq(c.p, c.end, "row %zu: %zu bytes left", i, (size_t)(c.end - c.p));
        buf_free(&out);
    }
}

Test(replay_jsonb, problems)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("\xa1\0"), "a NUL character, which jsonb can't hold"},
        {BYTES("\xa3"
               "ab\0"),
         "a NUL character, which jsonb can't hold"},
        {BYTES("\xa1\xff"), "text that is not UTF-8"},
        {BYTES("\xa3\xed\xa0\x80"), "text that is not UTF-8"},
        {BYTES("\x81\xa1\0\x01"), "a NUL character, which jsonb can't hold"},
        {BYTES("\x81\xa1\xff\x01"), "text that is not UTF-8"},
        {BYTES("\x81\xa1k\xa1\xff"), "text that is not UTF-8"},
        {BYTES("\x92\x01\x91\xa1\xff"), "text that is not UTF-8"},
        {BYTES("\x81\x90\x01"), "a map key that is not a scalar"},
        {BYTES("\x81\x80\x01"), "a map key that is not a scalar"},
        {BYTES("\x81\xc4\x01x\x01"), "a map key that is not a scalar"},
        {BYTES("\x81\xd6\xff\x6b\x00\xfa\x6d\x01"), "a map key that is not a scalar"},
        {BYTES(""), "the value ends early"},
        {BYTES("\x91"), "the value ends early"},
        {BYTES("\x81"), "the value ends early"},
        {BYTES("\x81\xa1k"), "the value ends early"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t *p = (const uint8_t *)rows[i].bytes;
        struct mp_cursor c = {p, p + rows[i].len};
        struct buf out = {0};
        uint32_t nulled = 0;
        const char *problem = jsonb_append(&out, &c, NULL, &nulled);
        cr_assert_not_null(problem, "row %zu is taken as %s", i, buf_cstr(&out));
        cr_expect_str_eq(problem, rows[i].want, "row %zu\nwant: %s\n got: %s", i, rows[i].want,
                         problem);
        buf_free(&out);
    }
}

/* Every double comes back as itself, in no more than 17 digits. */
Test(replay_jsonb, doubles_read_back)
{
    uint64_t seed = 17;
    for (int i = 0; i < 200000; i++) {
        uint8_t bytes[9] = {0xcb};
        double want;
        uint64_t bits = bytes_random(&seed);
        if (i % 3 == 0) /* short decimals, where the shortest form matters */
            want = ((double)(bits % 2000000) - 1000000) / 1000;
        else
            memcpy(&want, &bits, sizeof want);
        memcpy(&bits, &want, sizeof bits);
        bits = htobe64(bits);
        memcpy(bytes + 1, &bits, sizeof bits);
        struct mp_cursor c = {bytes, bytes + sizeof bytes};
        struct buf out = {0};
        uint32_t nulled = 0;
        cr_assert_null(jsonb_append(&out, &c, NULL, &nulled));
        if (nulled == 0) {
            double got = strtod(buf_cstr(&out), NULL);
            cr_assert(got == want, "%.17g came back as %.17g from %s", want, got, buf_cstr(&out));
            cr_assert(i % 3 != 0 || strlen(buf_cstr(&out)) <= 9, "%.17g is written as %s", want,
                      buf_cstr(&out));
        }
        buf_free(&out);
    }
}

/* More than one step of the base64 encoder (3 MiB), with every length of the last group. */
Test(replay_jsonb, long_binaries)
{
    for (size_t tail = 0; tail < 3; tail++) {
        size_t len = (size_t)(3 << 20) + tail;
        struct buf in = {0};
        struct buf out = {0};
        uint32_t nulled = 0;
        buf_byte(&in, 0xc6);
        buf_be32(&in, (uint32_t)len);
        memset(buf_reserve(&in, len), 0, len);
        in.len += len;
        struct mp_cursor c = {in.data, in.data + in.len};
        cr_assert_null(jsonb_append(&out, &c, NULL, &nulled));
        size_t want = strlen("{\"$bin\":\"\"}") + (len + 2) / 3 * 4;
        cr_expect_eq(out.len, want, "%zu bytes: want %zu characters, got %zu", len, want, out.len);
        size_t letters = 0;
        for (size_t i = 0; i < out.len; i++)
            letters += out.data[i] == 'A';
        size_t zeros = (len * 8 + 5) / 6; /* the rest is padding */
        cr_expect_eq(letters, zeros, "%zu bytes: want %zu letters, got %zu", len, zeros, letters);
        buf_free(&in);
        buf_free(&out);
    }
}

Test(replay_jsonb, ordered)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("\x80"), "{}"},
        {BYTES("\x82\xa1"
               "b\x01\xa1"
               "a\x02"),
         "{\"a\":2,\"b\":1}"},
        /* by length, then by bytes */
        {BYTES("\x84\xa2"
               "aa\x01\xa1z\x02\xa0\x03\xa1"
               "A\x04"),
         "{\"\":3,\"A\":4,\"z\":2,\"aa\":1}"},
        /* the last of equal ones, wherever they stand */
        {BYTES("\x82\xa1"
               "a\x01\xa1"
               "a\x02"),
         "{\"a\":2}"},
        {BYTES("\x85\xa1"
               "b\x01\xa1"
               "a\x02\xa1"
               "b\x03\xa1"
               "a\x04\xa1"
               "b\x05"),
         "{\"a\":4,\"b\":5}"},
        /* numbers and words are keys like others */
        {BYTES("\x84\xa1"
               "1\x01\x01\x02\xc0\x03\xa4null\x04"),
         "{\"1\":2,\"null\":4}"},
        {BYTES("\x83\xcb\x3f\xf8\0\0\0\0\0\0\x01\xff\x02\xa3"
               "1.5\x03"),
         "{\"-1\":2,\"1.5\":3}"},
        /* by the bytes that were sent, not by how they are escaped; signed bytes are none */
        {BYTES("\x84\xa2\n\n\x01\xa3xyz\x02\xa2\xc3\xa9\x03\xa2zz\x04"),
         "{\"\\n\\n\":1,\"zz\":4,\"\xc3\xa9\":3,\"xyz\":2}"},
        /* inside of each other, each by itself */
        {BYTES("\x82\xa1"
               "b\x92\x82\xa1y\x01\xa1x\x02\x80\xa1"
               "a\x82\xa1q\x83\x03\xc0\x02\xc0\x01\xc0\xa1p\x05"),
         "{\"a\":{\"p\":5,\"q\":{\"1\":null,\"2\":null,\"3\":null}},"
         "\"b\":[{\"x\":2,\"y\":1},{}]}"},
    };
    struct jsonb_order order = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t *p = (const uint8_t *)rows[i].bytes;
        struct mp_cursor c = {p, p + rows[i].len};
        struct buf out = {0};
        uint32_t nulled = 0;
        buf_str(&out, "row:");
        const char *problem = jsonb_append(&out, &c, &order, &nulled);
        cr_expect_null(problem, "row %zu: %s", i, problem);
        cr_expect_str_eq(buf_cstr(&out) + 4, rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, buf_cstr(&out) + 4);
        cr_expect(c.p == c.end && strncmp(buf_cstr(&out), "row:", 4) == 0, "row %zu", i);
        buf_free(&out);
    }
    jsonb_order_free(&order);
}

/* What is wrong with a value that a later one replaces is wrong, and its NaN is counted. */
Test(replay_jsonb, replaced_values_count)
{
    static const char bad[] = "\x82\xa1"
                              "a\xa1\xff\xa1"
                              "a\x01";
    static const char nan[] = "\x82\xa1"
                              "a\xca\x7f\xc0\0\0\xa1"
                              "a\x01";
    struct jsonb_order order = {0};
    struct buf out = {0};
    uint32_t nulled = 0;
    struct mp_cursor c = {(const uint8_t *)bad, (const uint8_t *)bad + sizeof bad - 1};
    const char *problem = jsonb_append(&out, &c, &order, &nulled);
    cr_expect(problem && strcmp(problem, "text that is not UTF-8") == 0, "got %s", problem);
    buf_clear(&out);
    c = (struct mp_cursor){(const uint8_t *)nan, (const uint8_t *)nan + sizeof nan - 1};
    cr_expect_null(jsonb_append(&out, &c, &order, &nulled));
    cr_expect_str_eq(buf_cstr(&out), "{\"a\":1}", "got %s", buf_cstr(&out));
    cr_expect_eq(nulled, 1, "%u nulled", nulled);
    buf_free(&out);
    jsonb_order_free(&order);
}

/* A map of random short keys, some of them equal, with maps inside. */
static void random_map(struct buf *out, uint64_t *seed, unsigned depth, size_t most)
{
    size_t pairs = bytes_random(seed) % (most + 1);
    buf_byte(out, 0xde);
    buf_be16(out, (uint16_t)pairs);
    for (size_t i = 0; i < pairs; i++) {
        uint64_t r = bytes_random(seed);
        size_t len = r % 5;
        buf_byte(out, (uint8_t)(0xa0 | len));
        for (size_t n = 0; n < len; n++)
            buf_byte(out, (uint8_t)("ab\"\\\n~"[bytes_random(seed) % 6]));
        if (depth > 0 && r >> 32 & 1)
            random_map(out, seed, depth - 1, most / 2);
        else
            buf_byte(out, (uint8_t)(r >> 40 & 0x7f));
    }
}

static void expect_ordered(const json_t *value)
{
    const char *key;
    json_t *member;
    const char *last = NULL;
    json_object_foreach((json_t *)value, key, member)
    {
        bool behind = !last || strlen(last) < strlen(key) ||
                      (strlen(last) == strlen(key) && strcmp(last, key) < 0);
        cr_assert(behind, "\"%s\" stands before \"%s\"", last, key);
        last = key;
        expect_ordered(member);
    }
}

/* In order, each key once, and the same value as without: for few keys and for many. */
Test(replay_jsonb, order_of_random_maps)
{
    static const size_t sizes[] = {3, 16, 17, 40, 600};
    struct jsonb_order order = {0};
    uint64_t seed = 5;
    for (int i = 0; i < 5000; i++) {
        struct buf in = {0};
        struct buf plain = {0};
        struct buf ordered = {0};
        uint32_t nulled = 0;
        size_t most = sizes[(size_t)i % COUNT(sizes)];
        random_map(&in, &seed, 3, most > 40 && i % 50 ? 40 : most);
        struct mp_cursor c = {in.data, in.data + in.len};
        cr_assert_null(jsonb_append(&plain, &c, NULL, &nulled));
        c = (struct mp_cursor){in.data, in.data + in.len};
        cr_assert_null(jsonb_append(&ordered, &c, &order, &nulled));
        cr_assert_eq(c.p, c.end);
        json_t *want = json_loadb((char *)plain.data, plain.len, 0, NULL);
        json_t *got = json_loadb((char *)ordered.data, ordered.len, JSON_REJECT_DUPLICATES, NULL);
        cr_assert(want && got && json_equal(want, got), "%s\n%s", buf_cstr(&plain),
                  buf_cstr(&ordered));
        expect_ordered(got);
        json_decref(want);
        json_decref(got);
        buf_free(&in);
        buf_free(&plain);
        buf_free(&ordered);
    }
    jsonb_order_free(&order);
}

/* The scratch of a large object is given back. */
Test(replay_jsonb, order_keeps_little)
{
    struct jsonb_order order = {0};
    struct buf in = {0};
    struct buf out = {0};
    uint32_t nulled = 0;
    buf_byte(&in, 0xdf);
    buf_be32(&in, 60000);
    for (uint32_t i = 60000; i > 0; i--) {
        buf_byte(&in, 0xce);
        buf_be32(&in, i);
        buf_byte(&in, 0xc0);
    }
    struct mp_cursor c = {in.data, in.data + in.len};
    cr_assert_null(jsonb_append(&out, &c, &order, &nulled));
    cr_expect(strncmp((char *)out.data, "{\"1\":null,\"2\":null", 18) == 0, "got %.40s", out.data);
    cr_expect(order.members.cap <= 65536 && order.text.cap <= 65536, "%zu and %zu bytes are kept",
              order.members.cap, order.text.cap);
    buf_free(&in);
    buf_free(&out);
    jsonb_order_free(&order);
}
