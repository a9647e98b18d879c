/* SPDX-License-Identifier: MIT */
/* show: values out of JSON (the daemon's or the database's), printed for people. */
#ifndef SPOOLGATE_CLI_SHOW_H
#define SPOOLGATE_CLI_SHOW_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "io/pg.h"

const char *show_str(const json_t *object, const char *key); /* "" where it is missing or null */
int64_t show_int(const json_t *object, const char *key);     /* 0 likewise */
/* An RFC 3339 or Postgres timestamp as microseconds; INT64_MIN where it is missing. */
int64_t show_time(const json_t *object, const char *key);
/* "3 min 2 s", or "-". */
const char *show_age(const json_t *object, const char *key, int64_t now_us, char text[STR_HUMAN]);
const char *show_count(const json_t *object, const char *key, char text[STR_HUMAN]);
/* Of an attempt to deliver: its `took_ms`, and its `status`, "-" where nobody answered. */
const char *show_took(const json_t *attempt, char text[STR_HUMAN]);
const char *show_status(const json_t *attempt, char text[STR_HUMAN]);

/* Others' words, safe for a terminal: what it would obey becomes a blank, what isn't UTF-8 a '?'.
 * clip: what fits into `most` columns, on one line, "..." behind it where there was more. lines:
 * all of it, on stdout, its lines indented. */
#define SHOW_CLIP_MOST 110 /* with the dots and an indent, a line of 120 columns */
#define SHOW_CLIP      (4 * SHOW_CLIP_MOST + 4)
const char *show_clip(const char *text, size_t most, char clipped[SHOW_CLIP]);
/* The same as a table's cell: blanks up to `columns`. Nothing is left out before SHOW_CLIP_MOST. */
#define SHOW_CELL (SHOW_CLIP + SHOW_CLIP_MOST)
const char *show_cell(const char *text, size_t columns, char cell[SHOW_CELL]);
void show_lines(const char *text, size_t len, const char *indent);
void show_put_lines(struct buf *out, const char *text, size_t len, const char *indent);

void show_json(const json_t *value); /* one line on stdout */

#endif
