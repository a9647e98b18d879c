/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "db/queries.h"
#include "kb/complete.h"

static struct err count(struct pg *pg, const char *sql, const char *docs, const char *which,
                        uint64_t *chunks)
{
    PGresult *rows;
    TRY(pg_query(pg, sql, PG_PARAMS(docs, which), &rows));
    *chunks += strtoull(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    return ERR_OK;
}

static struct err try_again(struct pg *pg, const char *which, const char *docs, const char *sinks,
                            uint64_t *chunks)
{
    TRY(kb_lock(pg, docs));
    TRY(pg_query(pg, sql_kb_again_document, PG_PARAMS(docs, sinks), NULL));
    TRY(count(pg, sql_kb_again_waiting, docs, which, chunks));
    return count(pg, sql_kb_again_served, docs, which, chunks);
}

/* The lock of batches: or one of them would meet documents that get a revision here. */
static struct err again(struct pg *pg, const char *which, const char *docs, const char *sinks,
                        unsigned limit, char after[UUID_TEXT], uint64_t *documents,
                        uint64_t *chunks)
{
    PGresult *picked;
    char last[UUID_TEXT];
    char most[16];
    (void)snprintf(most, sizeof most, "%u", limit);
    TRY(pg_exec(pg, "BEGIN"));
    TRY(pg_query(pg, sql_kb_lock_batch, PG_NO_PARAMS, NULL));
    TRY(pg_query(pg, sql_kb_again_pick, PG_PARAMS(which, docs, most, *after ? after : NULL),
                 &picked));
    *documents = strtoull(PQgetvalue(picked, 0, 1), NULL, 10);
    struct err e =
        *documents == 0 ? ERR_OK : try_again(pg, which, PQgetvalue(picked, 0, 0), sinks, chunks);
    (void)snprintf(last, sizeof last, "%s", PQgetvalue(picked, 0, 2));
    PQclear(picked);
    if (!err_is(&e))
        e = pg_commit(pg);
    if (!err_is(&e))
        (void)snprintf(after, UUID_TEXT, "%s", last);
    return e;
}

struct err kb_again(struct pg *pg, enum kb_again which, const char *docs, const char *sinks,
                    unsigned limit, char after[UUID_TEXT], uint64_t *documents, uint64_t *chunks)
{
    static const char *const names[] = {"failed", "missing", "all"};
    *documents = *chunks = 0;
    struct err e = again(pg, names[which], docs, sinks, limit, after, documents, chunks);
    if (err_is(&e))
        pg_rollback(pg);
    return e;
}
