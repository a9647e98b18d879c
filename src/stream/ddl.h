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

/* The table with its policy, its key and its indexes; does nothing where they exist. */
void ddl_stream(struct buf *out, const struct stream *s);

/* "name" type [NOT NULL] [DEFAULT ...], as in CREATE TABLE and ADD COLUMN. */
void ddl_column(struct buf *out, const struct column *c);
/* One statement; its name follows from table, columns and method. */
void ddl_index(struct buf *out, const struct stream *s, const struct stream_index *index);
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
