/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdlib.h>

#include "base/mem.h"
#include "bytes.h"

Test(base_buf, appends)
{
    struct buf b = {0};
    buf_put(&b, NULL, 0);
    EXPECT_BYTES(b.data, b.len, "", 0, "nothing put");
    cr_expect(!buf_reserve(&b, 0), "room for nothing is no room"); /* clang's UBSan looks on */
    buf_str(&b, "ab");
    buf_byte(&b, 0);
    buf_be16(&b, 0x0102);
    buf_be32(&b, 0x03040506);
    buf_be64(&b, UINT64_C(0x0708090a0b0c0d0e));
    buf_printf(&b, "%d-%s", -7, "x");
    buf_printf(&b, "%s", "");
    EXPECT_BYTES(b.data, b.len, "ab\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe-7-x", 21, "all kinds");
    size_t cap = b.cap;
    buf_clear(&b);
    cr_expect(b.len == 0 && b.cap == cap, "clear gave memory back: %zu of %zu", b.cap, cap);
    buf_free(&b);
    cr_expect(!b.data && !b.len && !b.cap, "something is left after free");
}

/* Byte by byte and in leaps: what was there stays there while the memory moves. */
Test(base_buf, grows)
{
    static const size_t steps[] = {1, 3, 64, 65, 1000, 70000};
    for (size_t s = 0; s < COUNT(steps); s++) {
        struct buf b = {0};
        uint8_t *piece = mem_alloc(steps[s]);
        size_t rounds = 3000 / steps[s] + 3;
        for (size_t i = 0; i < rounds; i++) {
            memset(piece, (int)(i & 0xff), steps[s]);
            buf_put(&b, piece, steps[s]);
        }
        cr_assert_eq(b.len, rounds * steps[s], "steps of %zu: want %zu bytes, got %zu", steps[s],
                     rounds * steps[s], b.len);
        for (size_t i = 0; i < b.len; i++)
            cr_assert_eq(b.data[i], (i / steps[s]) & 0xff, "steps of %zu: byte %zu is %02x",
                         steps[s], i, b.data[i]);
        buf_free(&b);
        free(piece);
    }
}

Test(base_buf, strings)
{
    struct buf b = {0};
    cr_expect_str_eq(buf_cstr(&b), "", "an empty buffer is \"%s\"", buf_cstr(&b));
    for (int i = 0; i < 64; i++) /* the NUL needs room of its own when the bytes fill the memory */
        buf_byte(&b, 'x');
    cr_expect_eq(strlen(buf_cstr(&b)), 64, "want 64, got %zu", strlen(buf_cstr(&b)));
    cr_expect_eq(b.len, 64, "the NUL is counted: %zu", b.len);
    char *taken = buf_take(&b);
    cr_expect(strlen(taken) == 64 && !b.data && b.len == 0, "take left %zu bytes behind", b.len);
    free(taken);
}
