/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "bytes.h"

Test(base_utf8, table)
{
    static const struct {
        const char *text;
        size_t len, want; /* want: offset of the first bad byte, or len */
    } rows[] = {
        {BYTES(""), 0},
        {BYTES("plain"), 5},
        {BYTES("with\0nul"), 8},
        {BYTES("\x7f"), 1},
        {BYTES("caf\xc3\xa9"), 5},
        {BYTES("\xc2\x80"), 2},         /* U+0080 */
        {BYTES("\xdf\xbf"), 2},         /* U+07FF */
        {BYTES("\xe0\xa0\x80"), 3},     /* U+0800 */
        {BYTES("\xed\x9f\xbf"), 3},     /* U+D7FF */
        {BYTES("\xee\x80\x80"), 3},     /* U+E000 */
        {BYTES("\xef\xbf\xbf"), 3},     /* U+FFFF */
        {BYTES("\xf0\x90\x80\x80"), 4}, /* U+10000 */
        {BYTES("\xf4\x8f\xbf\xbf"), 4}, /* U+10FFFF */
        {BYTES("\x80"), 0},             /* a continuation alone */
        {BYTES("ab\xbf"), 2},
        {BYTES("\xc0\x80"), 0},         /* overlong NUL */
        {BYTES("\xc1\xbf"), 0},         /* overlong U+007F */
        {BYTES("\xe0\x9f\xbf"), 0},     /* overlong U+07FF */
        {BYTES("\xf0\x8f\xbf\xbf"), 0}, /* overlong U+FFFF */
        {BYTES("\xed\xa0\x80"), 0},     /* U+D800, a surrogate */
        {BYTES("\xed\xbf\xbf"), 0},     /* U+DFFF */
        {BYTES("\xf4\x90\x80\x80"), 0}, /* U+110000 */
        {BYTES("\xf5\x80\x80\x80"), 0},
        {BYTES("\xf8\x88\x80\x80\x80"), 0}, /* five bytes */
        {BYTES("\xfe"), 0},
        {BYTES("\xff"), 0},
        {BYTES("a\xc3"), 1}, /* cut short */
        {BYTES("a\xe2\x82"), 1},
        {BYTES("a\xf0\x9f\x98"), 1},
        {BYTES("\xc3("), 0},
        {BYTES("\xe2(\xa1"), 0},
        {BYTES("\xe2\x82("), 0},
        {BYTES("\xf0\x9f\x98("), 0},
        {BYTES("12345678\xff"), 8},
        {BYTES("1234567\xc3\xa9\xff"), 9},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[BYTES_TEXT];
        size_t got = utf8_check((const uint8_t *)rows[i].text, rows[i].len);
        cr_expect_eq(got, rows[i].want, "%s: want %zu, got %zu",
                     bytes_show(rows[i].text, rows[i].len, text), rows[i].want, got);
    }
}

static size_t encode(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)((0xf00 >> n) | c);
    return n;
}

/* Which of all sequences of four bytes start with a character? Exactly those that an encoder makes.
 */
Test(base_utf8, every_character_and_nothing_else)
{
    uint8_t bytes[4];
    uint64_t want = 0;
    uint64_t got = 0;
    for (uint32_t c = 0; c < 0x110000; c++) {
        size_t n = encode(c, bytes);
        if (c >= 0xd800 && c < 0xe000) {
            cr_assert_eq(utf8_length(bytes, n), 0, "surrogate U+%04X is taken", c);
            continue;
        }
        cr_assert_eq(utf8_length(bytes, n), n, "U+%04X: want %zu, got %zu", c, n,
                     utf8_length(bytes, n));
        for (size_t cut = 1; cut < n; cut++)
            cr_assert_eq(utf8_length(bytes, cut), 0, "U+%04X cut to %zu bytes is taken", c, cut);
        want += n > 1;
    }
    /* Counting all sequences whose bytes after the first are continuations or one of two others
     * finds no character more. */
    for (uint32_t lead = 0x80; lead < 0x100; lead++)
        for (uint32_t rest = 0; rest < 64 * 64 * 64; rest++) {
            bytes[0] = (uint8_t)lead;
            bytes[1] = (uint8_t)(0x80 | rest >> 12);
            bytes[2] = (uint8_t)(0x80 | (rest >> 6 & 0x3f));
            bytes[3] = (uint8_t)(0x80 | (rest & 0x3f));
            size_t n = utf8_length(bytes, 4);
            /* a shorter character is seen once for each of its tails */
            got += n == 4 || (n == 3 && (rest & 0x3f) == 0) || (n == 2 && (rest & 0xfff) == 0);
        }
    cr_expect_eq(got, want, "want %zu characters past ASCII, got %zu", (size_t)want, (size_t)got);
}

/* The eight-bytes-a-step path stops at the right byte, wherever the bad one is. */
Test(base_utf8, bad_byte_at_every_offset)
{
    for (size_t len = 1; len < 40; len++)
        for (size_t bad = 0; bad < len; bad++) {
            uint8_t text[40];
            memset(text, 'a', sizeof text);
            text[bad] = 0xff;
            size_t got = utf8_check(text, len);
            cr_expect_eq(got, bad, "%zu bytes, bad at %zu: got %zu", len, bad, got);
        }
}

/* Every byte at every place of every length: plain where it is ASCII and no NUL, and copied then.
 */
Test(base_utf8, copy_plain)
{
    for (size_t len = 1; len < 34; len++)
        for (size_t at = 0; at < len; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t from[34];
                uint8_t to[36] = {0};
                memset(from, 'a', sizeof from);
                from[at] = (uint8_t)byte;
                bool want = byte > 0 && byte < 0x80;
                bool got = utf8_copy_plain(to + 1, from, len);
                cr_assert_eq(got, want, "%02x at %zu of %zu: want %d, got %d", byte, at, len, want,
                             got);
                cr_assert(!got || memcmp(to + 1, from, len) == 0, "%02x at %zu of %zu is lost",
                          byte, at, len);
                cr_assert(to[0] == 0 && to[len + 1] == 0, "%zu bytes: written past them", len);
            }
    cr_expect(utf8_copy_plain(NULL, NULL, 0), "nothing is not plain");
}
