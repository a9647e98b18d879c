/* SPDX-License-Identifier: MIT */
#include "index/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "db/queries.h"

static bool is_true(PGresult *rows)
{
    return strcmp(PQgetvalue(rows, 0, 0), "t") == 0;
}

/* The lock lasts as long as the session: who is killed lets go of it. */
static struct err lock(struct record *r)
{
    PGresult *rows;
    TRY(pg_query(&r->pg, sql_index_lock, PG_PARAMS(r->repository), &rows));
    bool is_ours = is_true(rows);
    PQclear(rows);
    return is_ours ? ERR_OK
                   : err_make(ERR_BUSY, "another spoolgate index is at work on %s", r->repository);
}

static struct err require_table(struct record *r)
{
    PGresult *rows;
    TRY(pg_query(&r->pg, sql_index_exists, PG_NO_PARAMS, &rows));
    bool is_there = is_true(rows);
    PQclear(rows);
    return is_there ? ERR_OK
                    : err_make(ERR_CONFIG, "the database has no knowledge base of this version: "
                                           "run `spoolgate migrate` (with knowledge.enabled)");
}

static char *field(PGresult *rows, int column)
{
    bool is_there = PQntuples(rows) > 0 && !PQgetisnull(rows, 0, column);
    return is_there ? mem_strdup(PQgetvalue(rows, 0, column)) : NULL;
}

static struct err read_record(struct record *r)
{
    PGresult *rows;
    TRY(pg_query(&r->pg, sql_index_record, PG_PARAMS(r->repository), &rows));
    r->commit = field(rows, 0);
    r->selection = field(rows, 1);
    r->sending_commit = field(rows, 2);
    r->sending_selection = field(rows, 3);
    PQclear(rows);
    return ERR_OK;
}

struct err record_open(struct record *r, const struct pg_target *target, const char *repository)
{
    *r = (struct record){.repository = repository};
    pg_init(&r->pg);
    struct err e = pg_open(&r->pg, target);
    if (e.cls == ERR_DATABASE)
        return err_make(ERR_DATABASE,
                        "how far the repository was indexed stands in the database: %s", e.text);
    if (!err_is(&e))
        e = require_table(r);
    if (!err_is(&e))
        e = lock(r);
    return err_is(&e) ? e : read_record(r);
}

struct err record_list(struct record *r, struct err (*visit)(void *context, const char *uri),
                       void *context)
{
    PGresult *rows;
    struct err e = pg_query(&r->pg, sql_index_documents, PG_PARAMS(r->repository), &rows);
    if (err_is(&e))
        return e;
    for (int i = 0; i < PQntuples(rows) && !err_is(&e); i++)
        e = visit(context, PQgetvalue(rows, i, 0));
    PQclear(rows);
    return e;
}

struct err record_begin(struct record *r, const char *commit, const char *selection)
{
    return pg_query(&r->pg, sql_index_begin, PG_PARAMS(r->repository, commit, selection), NULL);
}

struct err record_end(struct record *r, const char *commit, const char *selection)
{
    return pg_query(&r->pg, sql_index_end, PG_PARAMS(r->repository, commit, selection), NULL);
}

void record_close(struct record *r)
{
    pg_close(&r->pg);
    free(r->commit);
    free(r->selection);
    free(r->sending_commit);
    free(r->sending_selection);
}
