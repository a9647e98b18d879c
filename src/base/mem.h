/* SPDX-License-Identifier: MIT */
/*
 * mem: allocation that does not fail.
 *
 * Sizes that a producer or a server can influence are checked against a limit before they get here,
 * so running out means that the machine is out: the process ends with one line on stderr, and the
 * next start finds everything it needs on disk (docs/INTERNALS.md). Free with free().
 */
#ifndef SPOOLGATE_BASE_MEM_H
#define SPOOLGATE_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));

/* Makes room for one more element in a growing array: items, its length and capacity. */
#define MEM_PUSH(items, len, cap)                                                           \
    ((len) < (cap) ? (void)0                                                                \
                   : (void)((items) = mem_realloc((items), ((cap) = (cap) ? (cap)*2 : 16) * \
                                                               sizeof *(items))),           \
     &(items)[(len)++])

#endif
