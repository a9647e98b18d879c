/* SPDX-License-Identifier: MIT */
/*
 * knowledge: the tables of the knowledge base, and the type of its vectors.
 *
 *     struct migrate_report r = {0};
 *     TRY(knowledge_check(&pg, wish, &r));                 // looks only
 *     TRY(knowledge_apply(&pg, schema, wish, &r));
 *
 * db/knowledge/NNN_name.sql like db/migrations, with a history of their own
 * (pmoves_kb.spoolgate_migration), since pmoves_core and pmoves_kb are one for all spoolgate
 * schemas of a database. Then, as far as they are missing: the column `embedding` of chunks and
 * chunks_next in the wished type, with its index, and kb_nearest and kb_search in the configured
 * schema.
 *
 * A wish: {type, dimensions}. AUTO takes vector where pgvector is there or can be made, halfvec
 * above 2,000 dimensions, else real. Without a wish what is recorded stays; a new database gets
 * auto:384. A change of type alone converts the vectors that are there; a change of dimensions is
 * refused where there are vectors (ERR_CONFIG, which names --discard-vectors), as is a table that
 * can't be adopted (which names the column, and the ALTER that helps).
 */
#ifndef SPOOLGATE_SCHEMA_KNOWLEDGE_H
#define SPOOLGATE_SCHEMA_KNOWLEDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/pg.h"
#include "schema/migrate.h"

enum knowledge_type { KNOWLEDGE_AUTO, KNOWLEDGE_VECTOR, KNOWLEDGE_HALFVEC, KNOWLEDGE_REAL };
struct knowledge_wish {
    bool is_made; /* false: no wish */
    enum knowledge_type type;
    size_t dimensions;
    bool discards; /* vectors of another length or model are dropped, and made anew */
};

/* "vector:768". ERR_USAGE says what is wanted. */
struct err knowledge_parse(const char *text, struct knowledge_wish *wish);

struct err knowledge_check(struct pg *pg, const struct knowledge_wish *wish,
                           struct migrate_report *report);
struct err knowledge_apply(struct pg *pg, const char *schema, const struct knowledge_wish *wish,
                           struct migrate_report *report);

/* ERR_CONFIG with the command to run, unless the database has the knowledge base of this version.
 */
struct err knowledge_require(struct pg *pg);

#endif
