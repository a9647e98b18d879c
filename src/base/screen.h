/* SPDX-License-Identifier: MIT */
/*
 * screen: a text as one write that redraws a terminal in place.
 *
 *     struct screen_size size = {.columns = 80, .rows = 24, .is_utf8 = true};
 *     screen_put(&out, text, &size);        // the cursor ends where it may stay
 *
 * Every line is clipped at the terminal's width, in columns: wide characters take two, combining
 * ones none. Lines beyond its height are left out, and the last one says how many. Nothing scrolls,
 * and nothing that stands there already is erased before it is drawn anew. What isn't a character
 * that can be printed becomes a '?'; escape sequences in a text are never obeyed.
 *
 * How wide a character is, the C library's C.UTF-8 says, whatever the process's own locale is;
 * where it has none, each takes one column.
 */
#ifndef SPOOLGATE_BASE_SCREEN_H
#define SPOOLGATE_BASE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct screen_size {
    unsigned columns, rows;
    bool is_utf8; /* else whatever isn't ASCII becomes '?' */
};

void screen_put(struct buf *out, const char *text, const struct screen_size *size);

/* The columns of the UTF-8 character at p: 0 to 2; -1: it can't be printed, or isn't one. *bytes:
 * of it, one where it isn't any. left > 0. */
int screen_character(const uint8_t *p, size_t left, size_t *bytes);
/* Of a whole text; what can't be printed counts as one. */
size_t screen_columns(const char *text);

#define SCREEN_ENTER "\033[?1049h\033[?25l" /* the other screen; no cursor */
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

#endif
