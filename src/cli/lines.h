/* SPDX-License-Identifier: MIT */
/*
 * lines: JSON lines from a file or a pipe, as frames.
 *
 *     struct lines in = {.name = "stdin", .fd = 0};
 *     for (;;) {
 *         TRY(lines_next(&in, &frame, &found));     // ERR_SEGMENT: a wrong line; may go on
 *         if (found)
 *             ... frame: msgpack ...
 *         else if (in.is_ended)
 *             break;
 *         else
 *             TRY(lines_read(&in, SIZE_MAX));
 *     }
 *     lines_free(&in);
 *
 * Failures name FILE:LINE:COLUMN. The descriptor stays the caller's.
 */
#ifndef SPOOLGATE_CLI_LINES_H
#define SPOOLGATE_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "frame/limits.h"

struct lines {
    const char *name;
    int fd;
    /* What a frame may be; NULL: anything. One beyond it would take its whole segment with it. */
    const struct frame_limits *limits;
    bool is_ended; /* there is nothing more to read */

    /* private */
    unsigned long number; /* of the line that was given last */
    struct buf bytes;
    size_t at, seen;  /* in bytes: the line begins; no end of line is before it */
    bool is_skipping; /* a line that is too long, to its end */
};

/* One read(2), which may wait, of at most so many bytes. A signal ends it with nothing read. */
struct err lines_read(struct lines *l, size_t most);

/* The next line of what was read; blank ones are passed over. Once is_ended is set, the last line
 * needs no end. */
struct err lines_next(struct lines *l, struct buf *frame, bool *found);

/* Bytes of a line that has no end yet. */
size_t lines_rest(const struct lines *l);

void lines_free(struct lines *l);

#endif
