/* SPDX-License-Identifier: MIT */
/*
 * knowledge: the tables of the knowledge base, and the type of its vectors.
 *
 *     struct migrate_report r = {0};
 *     TRY(knowledge_check(&pg, &wish, &r));                // looks only
 *     TRY(knowledge_apply(&pg, &wish, &r));
 *     migrate_report_free(&r);
 *
 * db/knowledge/NNN_name.sql like db/migrations, with a history of their own
 * (pmoves_kb.spoolgate_migration), since pmoves_core and pmoves_kb are one for all spoolgate
 * schemas of a database. Then what schema/vectors.h makes: the column `embedding`, its index, and
 * kb_nearest and kb_search in the configured schema, which must be there (migrate_apply).
 *
 * Tables of these names that are there are adopted. ERR_CONFIG where that can't be, with the first
 * column that is in the way and the ALTER that helps (report->sql has them all); where the role may
 * not make schemas, with the GRANT; and where vectors would be lost (schema/vectors.h).
 */
#ifndef SPOOLGATE_SCHEMA_KNOWLEDGE_H
#define SPOOLGATE_SCHEMA_KNOWLEDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/pg.h"
#include "schema/migrate.h"

/* AUTO: vector where pgvector is there or can be made, halfvec above 2,000 dimensions; else real.
 */
enum knowledge_type { KNOWLEDGE_AUTO, KNOWLEDGE_VECTOR, KNOWLEDGE_HALFVEC, KNOWLEDGE_REAL };

/* Without a wish what is recorded, or adopted, stays, and a new database gets auto:384. A change of
 * type alone converts the vectors that are there; a change of dimensions is refused where there
 * are vectors, unless `discards`: then they are all dropped, and the model with them. */
struct knowledge_wish {
    bool is_made; /* false: no wish of a type */
    enum knowledge_type type;
    size_t dimensions;
    bool discards;
};

/* "vector:768". ERR_USAGE says what is wanted. */
struct err knowledge_parse(const char *text, struct knowledge_wish *wish);

/* wish: NULL is none. */
struct err knowledge_check(struct pg *pg, const struct knowledge_wish *wish,
                           struct migrate_report *report);
struct err knowledge_apply(struct pg *pg, const struct knowledge_wish *wish,
                           struct migrate_report *report);

/* ERR_CONFIG with the command to run, unless the database has the knowledge base of this version.
 * An index that is missing is no reason. */
struct err knowledge_require(struct pg *pg);

#endif
