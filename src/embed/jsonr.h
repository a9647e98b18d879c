/* SPDX-License-Identifier: MIT */
/*
 * jsonr: reads a JSON text in place, from the front, without a tree and without memory: an answer
 * of megabytes is numbers, and its bytes are a stranger's. Pure.
 *
 *     struct jsonr j = {.at = bytes, .end = bytes + len};
 *     if (jsonr_open(&j, '{'))
 *         while (jsonr_next_key(&j, &key))
 *             if (jsonr_is(&key, "data")) ... jsonr_skip(&j, NULL) ...
 *     if (j.problem) ... static text, and j.at is where ...
 *
 * Sticky: after a problem every function says false.
 */
#ifndef SPOOLGATE_EMBED_JSONR_H
#define SPOOLGATE_EMBED_JSONR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JSONR_DEPTH 32

struct jsonr {
    const char *at, *end;
    const char *problem;

    /* private */
    unsigned depth;
    bool is_first; /* nothing has been read of what was opened last */
};

/* A part of the text; of a string without its quotes, as it is written. */
struct jsonr_span {
    const char *at;
    size_t len;
};

/* The next byte that isn't white space; 0 at the end, and after a problem. */
char jsonr_peek(struct jsonr *j);

/* Goes into an object or array; jsonr_next_* then lead to each of its values, which has to be read
 * or skipped, and end with false behind it. */
bool jsonr_open(struct jsonr *j, char bracket);
bool jsonr_next_key(struct jsonr *j, struct jsonr_span *key);
bool jsonr_next_item(struct jsonr *j);

bool jsonr_string(struct jsonr *j, struct jsonr_span *text);
bool jsonr_number(struct jsonr *j, double *number);
/* Any value; span may be NULL. */
bool jsonr_skip(struct jsonr *j, struct jsonr_span *span);

bool jsonr_is(const struct jsonr_span *key, const char *name); /* of keys without escapes */
/* Appends what a string says: escapes are undone; halves of surrogates become '?'. */
void jsonr_unescape(const struct jsonr_span *text, struct buf *out);

#endif
