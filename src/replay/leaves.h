/* SPDX-License-Identifier: MIT */
/*
 * leaves: the partitions that a stream's table has, and which of them are ours.
 *
 *     struct leaves l;
 *     TRY(leaves_find(&pg, stream, &l));      // the table
 *     TRY(leaves_list(&pg, stream, &l));      // its partitions; may be called again
 *     ... l.items, those that were left behind first, then the oldest first ...
 *     leaves_free(&l);                        // also after a failure of leaves_list
 *
 * Ours is a plain table in the parent's schema, whose bounds are exactly one period of the stream
 * and whose name is what we give to that period. Everything else that hangs on the table (foreign
 * tables, partitions of partitions, a default partition, periods of another length) is somebody's
 * own affair.
 *
 * A table that was detached to be dropped, and wasn't dropped yet, is known by its mark: a COMMENT,
 * made before it is detached, that names the table it is let go by and its period. A name alone
 * would prove nothing: a detached partition may be somebody's archive, and a table of such a name
 * anybody's. A comment goes where its table goes, can only be set by the table's owner, tells
 * people what will happen, and is false as soon as somebody renames or attaches the table or
 * changes the comment; restored from a dump, it names a table that isn't there.
 *
 * Failures are ERR_DATABASE, and ERR_CONFIG where the table is missing or not partitioned as the
 * stream says.
 */
#ifndef SPOOLGATE_REPLAY_LEAVES_H
#define SPOOLGATE_REPLAY_LEAVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/pg.h"
#include "stream/stream.h"

enum leaf_state {
    LEAF_ATTACHED,
    LEAF_PENDING, /* its DETACH CONCURRENTLY was broken off: only FINALIZE is owed */
    LEAF_LEFT,    /* detached by us to be dropped */
};

#define LEAF_OID 16

struct leaf {
    char name[STREAM_LEAF_NAME];
    char oid[LEAF_OID];
    enum leaf_state state;
    bool is_ours;
    bool is_marked;  /* with leaf_mark */
    int64_t from_us; /* ours only */
    int64_t to_us;   /* INT64_MAX: unknown */
};

struct leaves {
    char oid[LEAF_OID]; /* of the table */
    bool has_default;
    int64_t now_us; /* the server's clock, when it was asked */
    struct leaf *items;
    size_t count, cap;
};

struct err leaves_find(struct pg *pg, const struct stream *s, struct leaves *l);
struct err leaves_list(struct pg *pg, const struct stream *s, struct leaves *l);
void leaves_free(struct leaves *l);

#define LEAF_MARK 128
/* What the comment on a partition says before it is detached to be dropped. */
const char *leaf_mark(const struct leaves *l, int64_t from_us, char mark[LEAF_MARK]);

#endif
