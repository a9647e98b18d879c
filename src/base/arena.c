/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK_BYTES = 8192 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

/* A large piece gets a block of its own, behind the newest, which may still have room for others.
 */
static struct arena_block *add_block(struct arena *a, size_t size)
{
    bool large = size > BLOCK_BYTES / 2;
    size_t room = large ? size : BLOCK_BYTES;
    struct arena_block *block = mem_calloc(1, sizeof *block + room);
    block->size = room;
    if (large && a->blocks) {
        block->next = a->blocks->next;
        a->blocks->next = block;
    } else {
        block->next = a->blocks;
        a->blocks = block;
    }
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size == 0)
        size = 1;
    if (size > SIZE_MAX / 2) /* a caller's bug: no piece of ours comes near */
        abort();
    size = (size + align - 1) / align * align;
    struct arena_block *block = a->blocks;
    if (!block || block->size - block->used < size)
        block = add_block(a, size);
    void *piece = block->bytes + block->used;
    block->used += size;
    return piece;
}

void *arena_copy(struct arena *a, const void *bytes, size_t len)
{
    void *copy = arena_alloc(a, len);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len > 0)
        memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

void arena_free(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}
