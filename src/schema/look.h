/* SPDX-License-Identifier: MIT */
/*
 * look: a stream's table as the catalog has it, beside what the stream wants. Looks only.
 *
 *     struct look look;
 *     TRY(look_table(&pg, schema, stream, &look));
 *     if (look.kind == 'r') ...
 *     look_free(&look);
 *
 * The texts belong to the look. A table, a schema or columns that are missing are answers, not
 * errors.
 */
#ifndef SPOOLGATE_SCHEMA_LOOK_H
#define SPOOLGATE_SCHEMA_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/pg.h"
#include "stream/stream.h"

/* A column of the table, of the stream, or of both. */
struct look_column {
    const struct column *wanted; /* NULL: the stream doesn't have it */
    const char *name;
    const char *type;  /* in the table, for people; NULL: the table doesn't have it */
    const char *lacks; /* privileges that loading takes and we haven't: "INSERT"; NULL: none */
    bool is_known;     /* the server has the wanted type */
    bool is_same;      /* of the wanted type, domains over it included */
    bool fits;         /* COPY BINARY of the wanted type is read as well */
    bool rounds;       /* it is, and digits that don't fit are dropped: numeric(9,2) */
    bool is_never_null, is_filled; /* NOT NULL; has a default or the like */
    bool stays_so;                 /* NOT NULL can't be dropped */
    bool is_generated, is_identity /* ALWAYS */;
};

struct look {
    PGresult *rows;
    bool has_schema, may_use; /* the schema */
    const char *me;
    const char *vector_schema; /* pgvector's; NULL: not installed */
    const char *id;            /* pg_class.oid; NULL: there is no such relation */
    char kind;                 /* pg_class.relkind, or '\0' */
    const char *owner;
    bool is_ours;          /* we have its owner's rights */
    bool has_row_security; /* which COPY can't pass */
    const char
        *partition_column; /* "": partitioned by anything else than ranges of one column; or NULL */
    bool has_leaves;       /* is partitioned, and has a partition */
    struct look_column *columns; /* the stream's, in its order; then the others */
    size_t column_count;
};

/* schema: the configured one; NULL: what the connection was opened with. */
struct err look_table(struct pg *pg, const char *schema, const struct stream *s, struct look *look);
void look_free(struct look *look);

struct look_index {
    bool is_there;      /* one that does, by whatever name */
    bool is_unfinished; /* one of our name is INVALID */
    bool is_taken;      /* something has our name */
};
/* look->id isn't NULL. */
struct err look_index(struct pg *pg, const struct look *look, const struct stream *s,
                      const struct stream_index *index, struct look_index *found);

/* A partition that doesn't hold exactly one of the stream's periods; NULLs where there is none. The
 * caller frees the texts. */
struct look_leaf {
    char *name, *bounds;
    bool is_in_the_way; /* of a partition that rows may need now; where any is, it is found */
};
/* The table is partitioned by the stream's time column, which is of the wanted type. */
struct err look_leaf(struct pg *pg, const struct look *look, const struct stream *s,
                     struct look_leaf *leaf);

struct err look_has_rows(struct pg *pg, const struct stream *s, bool *has_rows);

#endif
