/* SPDX-License-Identifier: MIT */
/*
 * arena: memory for what is built piece by piece and freed at once.
 *
 *     struct arena a = {0};
 *     struct column *c = arena_alloc(&a, n * sizeof *c);     // zeroed
 *     c->name = arena_strdup(&a, name);
 *     arena_free(&a);                                         // all of it
 *
 * What is handed out never moves. The struct itself may be copied, as long as one copy is used.
 */
#ifndef SPOOLGATE_BASE_ARENA_H
#define SPOOLGATE_BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *blocks; /* the newest first */
};

/* Zeroed, aligned for any type; also for a size of 0 a pointer of its own. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));
void *arena_copy(struct arena *a, const void *bytes, size_t len) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t len) __attribute__((returns_nonnull));
void arena_free(struct arena *a);

#endif
