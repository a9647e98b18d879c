/* SPDX-License-Identifier: MIT */
/*
 * vectors: what depends on the type and length of the knowledge base's vectors, and the SQL that
 * changes it.
 *
 *     struct vectors v;
 *     TRY(vectors_plan(&pg, &wish, &v, &report));      // one step in the report, or none
 *     if (v.sql.len > 0)
 *         TRY(pg_exec(&pg, buf_cstr(&v.sql)));         // in the transaction of vectors_plan
 *     vectors_free(&v);
 *
 * That is: the extension where it can be made; the column `embedding` of chunks and chunks_next,
 * stored uncompressed, of real[] with a CHECK of its length; the row of pmoves_kb.embedding; an
 * index by cosine on chunks (HNSW, unless an adopted index does it; up to 2,000 dimensions of
 * vector, 4,000 of halfvec); trigrams on their text where pg_trgm is there; kb_match, kb_nearest
 * and kb_search. A function's comment has the checksum of its making.
 *
 * ERR_CONFIG: a type that the database can't have; another length while there are vectors.
 */
#ifndef SPOOLGATE_SCHEMA_VECTORS_H
#define SPOOLGATE_SCHEMA_VECTORS_H

#include "schema/knowledge.h"

struct vectors {
    struct buf sql;
    bool is_needed; /* some of it is more than an index */
};

struct err vectors_plan(struct pg *pg, const struct knowledge_wish *wish, struct vectors *v,
                        struct migrate_report *report);
void vectors_free(struct vectors *v);

#define VECTORS_DIMENSIONS     384  /* of a new database, where nobody says otherwise */
#define VECTORS_DIMENSIONS_MAX 4000 /* halfvec's index takes no more */

#endif
