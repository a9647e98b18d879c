/* SPDX-License-Identifier: MIT */
/*
 * ddl: a stream's tables as SQL text. Pure; appends to out statements that can be run as one
 * script. The statements' frames are db/queries/stream_parent.sql and leaf_create.sql.
 */
#ifndef SPOOLGATE_STREAM_DDL_H
#define SPOOLGATE_STREAM_DDL_H

#include "base/buf.h"
#include "stream/stream.h"

/* The partitioned parent, its BRIN index and its policy; does nothing where they exist. */
void ddl_parent(struct buf *out, const struct stream *s);

/* One day's partition: created like the parent, then attached (a light lock on the parent). */
void ddl_leaf(struct buf *out, const struct stream *s, int64_t day);

/* COPY "table" ("column", ...) FROM STDIN (FORMAT binary) */
void ddl_copy(struct buf *out, const struct stream *s);

#endif
