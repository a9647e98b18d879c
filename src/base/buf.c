/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void buf_grow(struct buf *b, size_t more)
{
    size_t want = b->len + more;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < want)
        cap *= 2;
    if (cap != b->cap) {
        b->data = mem_realloc(b->data, cap);
        b->cap = cap;
    }
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

const char *buf_cstr(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return (const char *)b->data;
}

char *buf_take(struct buf *b)
{
    (void)buf_cstr(b);
    char *bytes = (char *)b->data;
    *b = (struct buf){0};
    return bytes;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        char *at = (char *)buf_reserve(b, (size_t)n + 1);
        (void)vsnprintf(at, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}
