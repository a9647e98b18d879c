/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stddef.h>

#include "bytes.h"

/* Pieces of many sizes, each filled to its end: none overlaps another, all are zeroed and aligned.
 */
Test(base_arena, pieces)
{
    static const size_t sizes[] = {0, 1, 7, 8, 16, 100, 4095, 4096, 4097, 8192, 100000};
    struct arena a = {0};
    unsigned char *pieces[20 * COUNT(sizes)];
    for (size_t i = 0; i < COUNT(pieces); i++) {
        size_t size = sizes[i % COUNT(sizes)];
        pieces[i] = arena_alloc(&a, size);
        cr_expect_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0, "piece %zu at %p", i,
                     (void *)pieces[i]);
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(pieces[i][k], 0, "piece %zu of %zu bytes: byte %zu is %d", i, size, k,
                         pieces[i][k]);
        memset(pieces[i], (int)i % 255 + 1, size);
    }
    for (size_t i = 0; i < COUNT(pieces); i++)
        for (size_t k = 0; k < sizes[i % COUNT(sizes)]; k++)
            cr_assert_eq(pieces[i][k], i % 255 + 1, "piece %zu: byte %zu: want %zu, got %d", i, k,
                         i % 255 + 1, pieces[i][k]);
    arena_free(&a);
    cr_expect_null(a.blocks);
}

Test(base_arena, copies)
{
    struct arena a = {0};
    char *word = arena_strdup(&a, "word");
    char *part = arena_strndup(&a, "parting", 4);
    char *none = arena_strndup(&a, NULL, 0);
    void *bytes = arena_copy(&a, "a\0b", 3);
    cr_expect_str_eq(word, "word", "want word, got %s", word);
    cr_expect_str_eq(part, "part", "want part, got %s", part);
    cr_expect_str_eq(none, "", "want nothing, got %s", none);
    EXPECT_BYTES(bytes, 3, "a\0b", 3, "a copy");
    arena_free(&a);
    arena_free(&a); /* an empty one, too */
}
