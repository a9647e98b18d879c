/* SPDX-License-Identifier: MIT */
#include "kb/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/uuid.h"
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
        *done = err_is(&e) ? 0 : strtoull(PQgetvalue(whole, 0, 1), NULL, 10);
    }
    PQclear(whole);
    return e;
}

/* ERR_ROW leaves the transaction as it was before. */
static struct err complete_one(struct pg *pg, const char *doc, uint64_t *done)
{
    TRY(pg_exec(pg, "SAVEPOINT document"));
    struct err e = kb_complete(pg, doc, done);
    if (e.cls == ERR_ROW)
        TRY(pg_exec(pg, "ROLLBACK TO SAVEPOINT document"));
    if (!err_is(&e) || e.cls == ERR_ROW)
        TRY(pg_exec(pg, "RELEASE SAVEPOINT document"));
    return e;
}

struct err kb_complete_each(struct pg *pg, const char *docs, uint64_t *done)
{
    *done = 0;
    /* What a deferred constraint refuses would come to light at the COMMIT, of all together. */
    TRY(pg_exec(pg, "SET CONSTRAINTS ALL IMMEDIATE"));
    while (*docs == '{' || *docs == ',') {
        char doc[UUID_TEXT + 2];
        uint64_t one = 0;
        int len = (int)strcspn(++docs, ",}");
        (void)snprintf(doc, sizeof doc, "{%.*s}", len, docs);
        struct err e = complete_one(pg, doc, &one);
        if (e.cls == ERR_ROW)
            LOG_WARN("a document can't be served: the server refuses a row of it",
                     LOG_STR("document", doc), LOG_STR("error", e.text));
        else if (err_is(&e))
            return e;
        *done += one;
        docs += len;
    }
    return ERR_OK;
}
