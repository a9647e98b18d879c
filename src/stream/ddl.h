/* SPDX-License-Identifier: MIT */
/*
 * ddl: a stream's tables as SQL text. Pure; appends to out statements that can be run as one
 * script. The statements' frames are in db/queries: stream_*.sql, leaf_create.sql, stage_*.sql.
 * Identifiers are quoted, values are literals.
 */
#ifndef SPOOLGATE_STREAM_DDL_H
#define SPOOLGATE_STREAM_DDL_H

#include "base/buf.h"
#include "stream/stream.h"

/* The table with its policy, its key and its indexes; does nothing where they exist. pgvector's
 * types are qualified with vector_schema, where it is given: they needn't be in the search_path. */
void ddl_stream(struct buf *out, const struct stream *s, const char *vector_schema);

/* "name" type [NOT NULL] [DEFAULT ...], as in CREATE TABLE and ADD COLUMN; and the type alone. */
void ddl_column(struct buf *out, const struct column *c, const char *vector_schema);
void ddl_type(struct buf *out, const struct column *c, const char *vector_schema);

/* One statement. Concurrently means: without locking writers out, and not in a transaction; what it
 * leaves when it fails has to be dropped. */
void ddl_index(struct buf *out, const struct stream *s, const struct stream_index *index,
               bool concurrently);
void ddl_index_drop(struct buf *out, const struct stream *s, const struct stream_index *index,
                    bool concurrently);
/* Its name, which follows from table, columns and method. */
#define DDL_NAME 64
const char *ddl_index_name(const struct stream *s, const struct stream_index *index,
                           char name[DDL_NAME]);
/* The unique index of the stream's key; false where it has none. */
bool ddl_key(const struct stream *s, struct stream_index *index);

/* "schema"."table", or "table" where it is in the configured schema; as to_regclass wants it, too.
 */
void ddl_table(struct buf *out, const struct stream *s);
/* The same for the partition whose period starts at from_us. */
void ddl_leaf_name(struct buf *out, const struct stream *s, int64_t from_us);

/* One partition: created like the parent, then attached (a light lock on the parent). */
void ddl_leaf(struct buf *out, const struct stream *s, int64_t from_us);

/* COPY "table" ("column", ...) FROM STDIN (FORMAT binary); of a staged stream: into its stage */
void ddl_copy(struct buf *out, const struct stream *s);

/* Of a staged stream, see replay/stage.h: its temporary table; the INSERT ... ON CONFLICT from
 * there into the stream's table; and the removal of all staged rows. */
void ddl_stage_create(struct buf *out, const struct stream *s);
void ddl_stage_merge(struct buf *out, const struct stream *s);
void ddl_stage_empty(struct buf *out, const struct stream *s);

#endif
