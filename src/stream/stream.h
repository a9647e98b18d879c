/* SPDX-License-Identifier: MIT */
/*
 * stream: a mapping from a kind of frame to a table, as data.
 *
 * Nothing here knows a particular stream: all of them, the shipped ones too, are read from
 * manifests/streams (manifest/manifest.h), which also owns the memory that these structs point to.
 * They never change once they are made.
 */
#ifndef SPOOLGATE_STREAM_STREAM_H
#define SPOOLGATE_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/period.h"

enum column_type {
    COLUMN_TEXT,
    COLUMN_JSONB,
    COLUMN_BOOL,
    COLUMN_INT2,
    COLUMN_INT4,
    COLUMN_INT8,
    COLUMN_FLOAT4,
    COLUMN_FLOAT8,
    COLUMN_NUMERIC,
    COLUMN_TIMESTAMPTZ,
    COLUMN_DATE,
    COLUMN_INTERVAL,
    COLUMN_UUID,
    COLUMN_BYTEA,
    COLUMN_INET,
    COLUMN_TEXT_ARRAY,
    COLUMN_INT8_ARRAY,
    COLUMN_FLOAT8_ARRAY,
    COLUMN_VECTOR,  /* of pgvector, with dimensions */
    COLUMN_HALFVEC, /* the same */
    COLUMN_TYPES,
};

enum column_source {
    COLUMN_FROM_KEY,      /* the frame's value at `path` */
    COLUMN_FROM_REST,     /* COLUMN_JSONB: a map of the keys that no column takes */
    COLUMN_FROM_CONSTANT, /* `fallback`, in every row */
    COLUMN_FROM_BATCH,    /* COLUMN_UUID: the batch's id */
    COLUMN_FROM_SEGMENT,  /* COLUMN_TEXT: the segment's name, percent-encoded */
    COLUMN_FROM_FRAME,    /* COLUMN_INT8: the frame's place in its segment, 0 the first */
};

/* A value that a manifest states. */
struct column_value {
    const char *text;     /* as SQL reads it, unquoted; NULL: there is none, absent is NULL */
    const uint8_t *field; /* as COPY BINARY has it, length included */
    size_t field_len;
};

struct column {
    const char *name;
    enum column_type type;
    uint32_t dimensions; /* of vectors */
    enum column_source source;
    bool required; /* NOT NULL; a frame without it is a reject, unless there is a fallback */
    const char *const *path; /* COLUMN_FROM_KEY: keys from the outermost map inwards */
    size_t path_count;
    struct column_value fallback; /* for a missing key, or the constant */
    int64_t unit_ns; /* times and intervals: what a bare number counts; 0 means seconds */
};

enum stream_mode {
    STREAM_APPEND,
    STREAM_IGNORE, /* a row whose key is there already is skipped */
    STREAM_UPSERT, /* it replaces the one that is there */
};

struct stream_index {
    const char *method; /* btree, brin, gin, gist, hash */
    bool unique;
    const size_t *columns; /* indexes of columns */
    size_t column_count;
};

#define STREAM_NO_COLUMN SIZE_MAX

struct stream {
    const char *name;
    const char *file;   /* the manifest that declares it; NULL: it is shipped */
    const char *kind;   /* of the frames */
    const char *schema; /* NULL: the configured one */
    const char *table;
    bool is_foreign; /* somebody else's table: never created, altered or partitioned by us */
    const struct column *columns;
    size_t column_count;

    enum stream_mode mode;
    const size_t *key; /* indexes of columns: unique, unless mode is append */
    size_t key_count;
    size_t version; /* upsert: rows with a smaller value here don't replace; or STREAM_NO_COLUMN */

    size_t time_column; /* timestamptz or date: ts_min and ts_max, window, partitions; or
                           STREAM_NO_COLUMN */
    int64_t window_past_us, window_ahead_us; /* accepted times, around the claim's */
    enum period every;                       /* of time_column; PERIOD_NONE: not partitioned */
    unsigned ahead;                          /* partitions made in advance, after the current one */
    int64_t
        keep_us; /* partitions wholly older are let go, and rows for them rejected; 0: for ever */
    bool keep_detached; /* detached partitions stay as tables of their own */

    const struct stream_index *indexes; /* beside the key's */
    size_t index_count;
};

struct stream_set {
    const struct stream *streams;
    size_t count;
};

/* As SQL spells it: "double precision", "vector(384)". */
#define COLUMN_TYPE_NAME 32
const char *column_type_name(const struct column *c, char name[COLUMN_TYPE_NAME]);

/* Longest table name of a partitioned stream: its partitions' names have to fit into 63 bytes. */
#define STREAM_PARENT_MAX 48
#define STREAM_LEAF_NAME  64
/* The partition that holds the period which starts at from_us: "metrics_2026_11_21", "t_2026_w47",
 * "t_2026_11_21_07" (an hour), "t_2026_11", "t_2026". */
void stream_leaf_name(const struct stream *s, int64_t from_us, char name[STREAM_LEAF_NAME]);

/* The table, for people and in a receipt's `tables`: "metrics", "schema.table". */
#define STREAM_LABEL 140
const char *stream_label(const struct stream *s, char label[STREAM_LABEL]);

/* Rows before this instant would belong to a partition that is past `keep`; INT64_MIN: none are. */
int64_t stream_keep_from(const struct stream *s, int64_t now_us);

/* Do its rows go into a temporary table first, and from there by INSERT ... ON CONFLICT? */
static inline bool stream_is_staged(const struct stream *s)
{
    return s->mode != STREAM_APPEND;
}

/* Does the order of batches matter? Then they are loaded one at a time, oldest segments first. */
static inline bool stream_is_ordered(const struct stream *s)
{
    return s->mode == STREAM_UPSERT && s->version == STREAM_NO_COLUMN;
}

#endif
