/* SPDX-License-Identifier: MIT */
#include "schema/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sql.h"
#include "db/queries.h"

const struct chain chain_of_receipts = {migrations, &migration_count, "spoolgate_migration"};
const struct chain chain_of_knowledge = {knowledge_migrations, &knowledge_migration_count,
                                         "pmoves_kb.spoolgate_migration"};

void chain_add(struct migrate_report *r, const char *name, const char *sql)
{
    r->pending++;
    buf_printf(&r->steps, "%s\n", name);
    buf_printf(&r->sql, "-- %s\n%s\n", name, sql);
}

struct err chain_ask(struct pg *pg, const char *sql, const char *param, bool *answer)
{
    PGresult *rows;
    TRY(pg_query(pg, sql, param ? 1 : 0, &param, &rows));
    *answer = PQntuples(rows) == 1 && strcmp(PQgetvalue(rows, 0, 0), "t") == 0;
    PQclear(rows);
    return ERR_OK;
}

static void fill(struct buf *out, const struct chain *c, const char *sql)
{
    sql_fill(out, sql, (const struct sql_var[]){{"history", c->history}, {0}});
}

/* The recorded history must be a prefix of ours, byte for byte. */
static struct err check_history(const struct chain *c, const PGresult *known)
{
    size_t count = (size_t)PQntuples(known);
    for (size_t i = 0; i < count; i++) {
        const char *name = PQgetvalue(known, (int)i, 1);
        char checksum[HASH_HEX];
        if (i >= *c->count)
            return err_make(ERR_CONFIG,
                            "the database is newer than this program: it has migration %s, and the "
                            "last one here is %s; install the newer spoolgate",
                            name, c->steps[*c->count - 1].name);
        const struct migration *m = &c->steps[i];
        hash_bytes_hex(m->sql, strlen(m->sql), checksum);
        if (atoi(PQgetvalue(known, (int)i, 0)) != m->number || strcmp(name, m->name) != 0 ||
            strcmp(PQgetvalue(known, (int)i, 2), checksum) != 0)
            return err_make(
                ERR_CONFIG,
                "migration %s in the database is not the one that this program knows as "
                "%s: one of them was edited; restore the released file",
                name, m->name);
    }
    return ERR_OK;
}

static struct err count_applied(struct pg *pg, const struct chain *c, size_t *applied)
{
    struct buf sql = {0};
    bool exists;
    PGresult *known;
    *applied = 0;
    TRY(chain_ask(pg, sql_table_exists, c->history, &exists));
    if (!exists)
        return ERR_OK;
    fill(&sql, c, sql_migration_known);
    struct err e = pg_query(pg, buf_cstr(&sql), PG_NO_PARAMS, &known);
    buf_free(&sql);
    if (err_is(&e))
        return e;
    e = check_history(c, known);
    *applied = (size_t)PQntuples(known);
    PQclear(known);
    return e;
}

struct err chain_check(struct pg *pg, const struct chain *c, struct migrate_report *report)
{
    size_t applied;
    TRY(count_applied(pg, c, &applied));
    for (size_t i = applied; i < *c->count; i++)
        chain_add(report, c->steps[i].name, c->steps[i].sql);
    return ERR_OK;
}

static struct err run_migration(struct pg *pg, const struct chain *c, const struct migration *m)
{
    struct buf sql = {0};
    char number[16];
    char checksum[HASH_HEX];
    (void)snprintf(number, sizeof number, "%d", m->number);
    hash_bytes_hex(m->sql, strlen(m->sql), checksum);
    TRY(pg_exec(pg, m->sql));
    fill(&sql, c, sql_migration_record);
    struct err e = pg_query(pg, buf_cstr(&sql), PG_PARAMS(number, m->name, checksum), NULL);
    buf_free(&sql);
    return e;
}

struct err chain_step(struct pg *pg, const struct chain *c, bool *more,
                      struct migrate_report *report)
{
    struct buf sql = {0};
    size_t applied;
    *more = false;
    fill(&sql, c, sql_migration_table);
    struct err e = pg_exec(pg, buf_cstr(&sql));
    buf_free(&sql);
    if (!err_is(&e))
        e = count_applied(pg, c, &applied);
    if (err_is(&e) || applied == *c->count)
        return e;
    *more = true;
    chain_add(report, c->steps[applied].name, c->steps[applied].sql);
    return run_migration(pg, c, &c->steps[applied]);
}

struct err chain_run(struct pg *pg, struct err (*step)(struct pg *pg, void *context, bool *more),
                     void *context)
{
    bool more = true;
    while (more) {
        struct err e = pg_exec(pg, "BEGIN");
        if (!err_is(&e))
            e = pg_exec(pg, sql_migration_lock);
        if (!err_is(&e))
            e = step(pg, context, &more);
        if (!err_is(&e))
            e = pg_commit(pg);
        if (err_is(&e)) {
            pg_rollback(pg);
            return e;
        }
    }
    return ERR_OK;
}
