/* SPDX-License-Identifier: MIT */
/*
 * cut: where an endless stream of frames is cut into segments: by time, by size, whichever comes
 * first. Pure: the clock comes in.
 *
 *     struct cut c = {0};
 *     TRY(cut_rule(&c, "5s"));                           // and, or instead, "10MB"
 *     cut_add(&c, frame, len, now_us);                   // again and again, until
 *     if (cut_is_due(&c, now_us)) {
 *         ... c.frames, c.count ...
 *         cut_clear(&c);
 *     }
 *     ... else wait cut_wait_us(&c, now_us) for the next frame ...
 *     cut_free(&c);
 *
 * A zeroed cut has no rules. The frames of the segment to be are held in memory, so their bytes
 * have a bound: CUT_BYTES where no rule says less or more.
 */
#ifndef SPOOLGATE_SPOOL_CUT_H
#define SPOOLGATE_SPOOL_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CUT_BYTES     (UINT64_C(16) << 20)
#define CUT_BYTES_MIN UINT64_C(1024)
#define CUT_BYTES_MAX (UINT64_C(256) << 20)

struct cut {
    int64_t every_us; /* since the first frame; 0: no such rule */
    uint64_t bytes;   /* 0: no such rule */

    struct buf frames; /* of the segment to be */
    uint64_t count;
    int64_t first_us; /* when its first frame came */
};

/* ERR_USAGE: neither a time nor a size, out of bounds, or the second of its sort. */
struct err cut_rule(struct cut *c, const char *text);

void cut_add(struct cut *c, const void *frame, size_t len, int64_t now_us);
bool cut_is_due(const struct cut *c, int64_t now_us);
/* Until time alone makes it due; -1: time never does. */
int64_t cut_wait_us(const struct cut *c, int64_t now_us);
void cut_clear(struct cut *c); /* the rules stay */
void cut_free(struct cut *c);

#endif
