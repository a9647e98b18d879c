/* SPDX-License-Identifier: MIT */
#include "kb/complete.h"

#include <stdlib.h>

#include "db/queries.h"

/* Each with a uuid[] of documents as its parameter. */
static struct err run_all(struct pg *pg, const char *const *sql, size_t count, const char *docs)
{
    const char *const params[] = {docs};
    struct pg_statement statements[16];
    PGresult *rows[16];
    for (size_t i = 0; i < count; i++)
        statements[i] = (struct pg_statement){sql[i], 1, params};
    struct err e = pg_query_all(pg, statements, count, rows);
    for (size_t i = 0; i < count; i++)
        PQclear(rows[i]);
    return e;
}

struct err kb_lock(struct pg *pg, const char *docs)
{
    const char *const sql[] = {sql_kb_lock_documents, sql_kb_lock_next};
    return run_all(pg, sql, 2, docs);
}

/* Chunks before the sections that they leave, sections before the chunks that come into them. */
static struct err swap(struct pg *pg, const char *docs)
{
    const char *const sql[] = {
        sql_kb_swap_remove,          sql_kb_swap_sections_change, sql_kb_swap_sections_add,
        sql_kb_swap_place,           sql_kb_swap_change,          sql_kb_swap_add,
        sql_kb_swap_sections_remove, sql_kb_swap_documents,       sql_kb_swap_end};
    return run_all(pg, sql, sizeof sql / sizeof *sql, docs);
}

struct err kb_complete(struct pg *pg, const char *docs, uint64_t *done)
{
    PGresult *whole;
    *done = 0;
    TRY(pg_query_prepared(pg, sql_kb_whole, PG_PARAMS(docs), &whole));
    struct err e = ERR_OK;
    if (PQntuples(whole) == 1 && !PQgetisnull(whole, 0, 0)) {
        e = swap(pg, PQgetvalue(whole, 0, 0));
        *done = strtoull(PQgetvalue(whole, 0, 1), NULL, 10);
    }
    PQclear(whole);
    return e;
}
