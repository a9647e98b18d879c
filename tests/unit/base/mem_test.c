/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

#include "bytes.h"

Test(base_mem, sizes_of_nothing)
{
    void *blocks[] = {mem_alloc(0), mem_calloc(0, 8), mem_calloc(8, 0), mem_realloc(NULL, 0)};
    for (size_t i = 0; i < COUNT(blocks); i++) {
        cr_expect_not_null(blocks[i], "block %zu is NULL", i);
        free(blocks[i]);
    }
}

Test(base_mem, copies)
{
    char *whole = mem_strdup("text");
    char *part = mem_strndup("text", 2);
    cr_expect_str_eq(whole, "text", "got %s", whole);
    cr_expect_str_eq(part, "te", "got %s", part);
    free(whole);
    free(part);
}

Test(base_mem, push)
{
    int *items = NULL;
    size_t len = 0;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++)
        *MEM_PUSH(items, len, cap) = i;
    cr_assert_eq(len, 1000, "want 1000, got %zu", len);
    for (int i = 0; i < 1000; i++)
        cr_expect_eq(items[i], i, "item %d is %d", i, items[i]);
    free(items);
}

#ifndef __SANITIZE_ADDRESS__ /* which ends the process itself, its own way */
/* More than any machine has ends the process: it never comes back as NULL. */
Test(base_mem, exhaustion, .signal = SIGABRT)
{
    /* volatile: the compiler knows that no object can be that large, and says so */
    volatile size_t most = SIZE_MAX / 2;
    void *p = mem_alloc(most);
    cr_expect_fail("got %p", p);
    free(p);
}
#endif
