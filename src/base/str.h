/* SPDX-License-Identifier: MIT */
/*
 * str: the small text forms that people and the database see: percent-encoded names, sizes such as
 * 16MiB, durations such as 200ms.
 */
#ifndef SPOOLGATE_BASE_STR_H
#define SPOOLGATE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * File names are bytes; the database and the logs want text. Every byte outside printable ASCII,
 * and '%' itself, becomes %XX, so that the encoding can be undone. Decoding a malformed text is
 * false.
 */
void str_percent_encode(struct buf *out, const char *name);
bool str_percent_decode(const char *text, struct buf *out);

/* "4096", "16KiB", "64MiB", "1GiB"; also K, M, G and kB, MB, GB (powers of 1000). */
bool str_parse_size(const char *text, uint64_t *bytes);

/* "2s", "200ms", "5m", "1h", "90 days", "2 years" (of 365 days); a bare number is seconds. Result
 * in microseconds. */
bool str_parse_duration(const char *text, int64_t *us);

#define STR_HUMAN 32
const char *str_size(uint64_t bytes, char text[STR_HUMAN]);  /* "1.5 MiB" */
const char *str_duration(int64_t us, char text[STR_HUMAN]);  /* "350 ms", "2.1 s", "3 h 20 min" */
const char *str_count(uint64_t count, char text[STR_HUMAN]); /* "1,234,567" */
/* "1 batch", "2 batches", "1,234 rows": how many of what, which is given as for one. */
#define STR_MANY 64
const char *str_many(uint64_t count, const char *one, char text[STR_MANY]);

/* Exactly, as one would write it: "16MiB", "90 days"; 0 is "0". */
void str_put_size(struct buf *out, uint64_t bytes);
void str_put_duration(struct buf *out, int64_t us);

/* How many single-character edits lead from a to b, for "did you mean"; 99 for long words. */
unsigned str_distance(const char *a, const char *b);

/* The next line of *text, its newline left out, NULL after the last:
 *     while ((line = str_line(&text, &len))) ... */
const char *str_line(const char **text, size_t *len);

#endif
