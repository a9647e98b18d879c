/* SPDX-License-Identifier: MIT */
/*
 * stream: a mapping from a kind of frame to a table, as data.
 *
 * A frame's keys become columns by name. Nothing here knows a particular stream: the two that ship
 * (stream_builtin) are values of these structs, as every other stream will be.
 */
#ifndef SPOOLGATE_STREAM_STREAM_H
#define SPOOLGATE_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_type { COLUMN_TEXT, COLUMN_FLOAT8, COLUMN_JSONB, COLUMN_TIMESTAMPTZ, COLUMN_UUID };

enum column_source {
    COLUMN_FROM_KEY,   /* the frame's key of the column's name */
    COLUMN_FROM_BATCH, /* the batch's id (COLUMN_UUID) */
};

struct column {
    const char *name;
    enum column_type type;
    enum column_source source;
    bool required;        /* NOT NULL; a frame without it is a reject, unless there is a fallback */
    const char *fallback; /* COLUMN_JSONB: JSON text for a missing key; NULL is SQL NULL */
    int64_t time_unit_us; /* COLUMN_TIMESTAMPTZ: what a bare number counts; 0 means seconds */
};

struct stream {
    const char *name;
    const char *kind; /* of the frames */
    const char *table;
    const struct column *columns;
    size_t column_count;
    size_t time_column; /* index: partitions are days (UTC) of this column; never NULL */
    int64_t window_past_us, window_ahead_us; /* accepted times, around now */
};

struct stream_set {
    const struct stream *streams;
    size_t count;
};

extern const struct stream_set stream_builtin;

const char *column_type_name(enum column_type type); /* as SQL spells it */

#define STREAM_LEAF_NAME 80
/* The partition that holds one day: "metrics_2026_11_21". */
void stream_leaf_name(const struct stream *s, int64_t day, char name[STREAM_LEAF_NAME]);

#endif
