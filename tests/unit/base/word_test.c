/* SPDX-License-Identifier: MIT */
#include "base/word.h"

#include <stdlib.h>

#include "base/mem.h"
#include "bytes.h"

/* Each length in memory of exactly its size, so that the sanitizers see a step outside. */
Test(base_word, short_texts)
{
    for (size_t len = 1; len <= 40; len++) {
        uint8_t *text = mem_alloc(len);
        uint8_t *copy = mem_alloc(len);
        for (size_t i = 0; i < len; i++)
            text[i] = copy[i] = (uint8_t)(i * 7 + 1);
        cr_expect(word_same(text, copy, len), "%zu bytes aren't the same", len);
        for (size_t i = 0; i < len; i++) {
            copy[i] ^= 0x80;
            cr_expect(!word_same(text, copy, len), "%zu bytes: byte %zu is not looked at", len, i);
            if (len <= 8)
                cr_expect(word_gather(copy, len) & WORD_HIGHS,
                          "%zu bytes: byte %zu is not gathered", len, i);
            copy[i] ^= 0x80;
        }
        if (len <= 8) {
            memset(copy, 0, len);
            word_copy(copy, text, len);
            EXPECT_BYTES(copy, len, text, len, "%zu bytes copied", len);
            memset(copy, 'a', len);
            cr_expect_eq(word_gather(copy, len), WORD_ONES * 'a', "%zu bytes gather others", len);
        }
        free(text);
        free(copy);
    }
    cr_expect(word_same(NULL, NULL, 0), "nothing isn't the same as nothing");
}

Test(base_word, big_endian)
{
    static const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t back[8];
    cr_expect_eq(word_be16(bytes + 1), 0x0102);
    cr_expect_eq(word_be32(bytes + 1), 0x01020304);
    cr_expect_eq(word_be64(bytes + 1), UINT64_C(0x0102030405060708));
    word_put_be32(back, 0x01020304);
    EXPECT_BYTES(back, 4, bytes + 1, 4, "32 bits");
    word_put_be64(back, UINT64_C(0x0102030405060708));
    EXPECT_BYTES(back, 8, bytes + 1, 8, "64 bits");
}

/* Ranks of texts of one length order them as memcmp() does, and tell all of up to eight bytes
 * apart. */
Test(base_word, ranks)
{
    uint64_t seed = 11;
    for (int i = 0; i < 200000; i++) {
        uint8_t a[12];
        uint8_t b[12];
        size_t len = (size_t)i % (sizeof a + 1);
        for (size_t n = 0; n < len; n++) {
            a[n] = "ab\x7f\xff"[bytes_random(&seed) % 4];
            b[n] = bytes_random(&seed) % 4 ? a[n] : "ab\x7f\xff"[bytes_random(&seed) % 4];
        }
        uint64_t ranks[] = {word_rank(a, len), word_rank(b, len)};
        int want = memcmp(a, b, len < 8 ? len : 8);
        int got = (ranks[0] > ranks[1]) - (ranks[0] < ranks[1]);
        cr_assert_eq((want > 0) - (want < 0), got, "%zu bytes: want %d, got %d", len, want, got);
    }
}
