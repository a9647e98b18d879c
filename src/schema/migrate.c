/* SPDX-License-Identifier: MIT */
#include "schema/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/sql.h"
#include "db/migrations.h"
#include "db/queries.h"
#include "stream/ddl.h"

static struct err ask_bool(struct pg *pg, const char *sql, const char *param, bool *answer)
{
    PGresult *rows;
    TRY(pg_query(pg, sql, param ? 1 : 0, &param, &rows));
    *answer = PQntuples(rows) == 1 && strcmp(PQgetvalue(rows, 0, 0), "t") == 0;
    PQclear(rows);
    return ERR_OK;
}

static void add_step(struct migrate_report *r, const char *name, const char *sql)
{
    r->pending++;
    buf_printf(&r->steps, "%s\n", name);
    buf_printf(&r->sql, "-- %s\n%s\n", name, sql);
}

/* The recorded history must be a prefix of ours, byte for byte. */
static struct err check_history(const PGresult *known)
{
    size_t count = (size_t)PQntuples(known);
    for (size_t i = 0; i < count; i++) {
        const char *name = PQgetvalue(known, (int)i, 1);
        char checksum[HASH_HEX];
        if (i >= migration_count)
            return err_make(ERR_CONFIG,
                            "the database is newer than this program: it has migration %s, and the "
                            "last one here is %s; install the newer spoolgate",
                            name, migrations[migration_count - 1].name);
        const struct migration *m = &migrations[i];
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

static struct err count_applied(struct pg *pg, size_t *applied)
{
    bool exists;
    PGresult *known;
    *applied = 0;
    TRY(ask_bool(pg, sql_migration_exists, NULL, &exists));
    if (!exists)
        return ERR_OK;
    TRY(pg_query(pg, sql_migration_known, PG_NO_PARAMS, &known));
    struct err e = check_history(known);
    *applied = (size_t)PQntuples(known);
    PQclear(known);
    return e;
}

/* Where the stream's parent table is missing, the step that makes it; else sql stays empty. */
static struct err stream_step(struct pg *pg, const struct stream *s, struct migrate_report *report,
                              struct buf *sql)
{
    struct buf name = {0};
    bool exists;
    struct buf table = {0};
    ddl_table(&table, s);
    struct err e = ask_bool(pg, sql_table_exists, buf_cstr(&table), &exists);
    buf_free(&table);
    if (err_is(&e))
        return e;
    if (exists)
        return ERR_OK;
    buf_printf(&name, "stream %s", s->name);
    ddl_stream(sql, s, NULL);
    add_step(report, buf_cstr(&name), buf_cstr(sql));
    buf_free(&name);
    return ERR_OK;
}

struct err migrate_check(struct pg *pg, const struct stream_set *streams,
                         struct migrate_report *report)
{
    size_t applied;
    struct buf sql = {0};
    struct err e = count_applied(pg, &applied);
    for (size_t i = applied; !err_is(&e) && i < migration_count; i++)
        add_step(report, migrations[i].name, migrations[i].sql);
    for (size_t i = 0; !err_is(&e) && i < streams->count; i++) {
        buf_clear(&sql);
        e = stream_step(pg, &streams->streams[i], report, &sql);
    }
    buf_free(&sql);
    return e;
}

/* Under the lock: CREATE SCHEMA IF NOT EXISTS alone fails when two run it at once. Asked first,
 * since it wants a right that the owner of `public` may lack. */
static struct err create_schema(struct pg *pg, const char *schema)
{
    struct buf sql = {0};
    bool exists;
    TRY(pg_exec(pg, sql_migration_lock));
    TRY(ask_bool(pg, sql_schema_exists, schema, &exists));
    if (exists)
        return ERR_OK;
    sql_fill(&sql, sql_schema_create, (const struct sql_var[]){{"schema", schema}, {0}});
    struct err e = pg_exec(pg, buf_cstr(&sql));
    buf_free(&sql);
    return e;
}

static struct err ensure_schema(struct pg *pg, const char *schema)
{
    struct err e = pg_exec(pg, "BEGIN");
    if (!err_is(&e))
        e = create_schema(pg, schema);
    if (!err_is(&e))
        e = pg_commit(pg);
    if (err_is(&e))
        pg_rollback(pg);
    return e;
}

static struct err run_migration(struct pg *pg, const struct migration *m)
{
    char number[16];
    char checksum[HASH_HEX];
    (void)snprintf(number, sizeof number, "%d", m->number);
    hash_bytes_hex(m->sql, strlen(m->sql), checksum);
    TRY(pg_exec(pg, m->sql));
    return pg_query(pg, sql_migration_record, PG_PARAMS(number, m->name, checksum), NULL);
}

/* One step, in one transaction. What is missing is found out again under the lock: somebody else
 * may have been faster. *more is false when nothing was left to do. */
static struct err one_step(struct pg *pg, const struct stream_set *streams, bool *more,
                           struct migrate_report *report)
{
    size_t applied;
    *more = false;
    TRY(pg_exec(pg, sql_migration_lock));
    TRY(pg_exec(pg, sql_migration_table));
    TRY(count_applied(pg, &applied));
    if (applied < migration_count) {
        *more = true;
        add_step(report, migrations[applied].name, migrations[applied].sql);
        return run_migration(pg, &migrations[applied]);
    }
    struct buf sql = {0};
    struct err e = ERR_OK;
    for (size_t i = 0; i < streams->count && sql.len == 0 && !err_is(&e); i++)
        e = stream_step(pg, &streams->streams[i], report, &sql);
    *more = sql.len > 0;
    if (!err_is(&e) && *more)
        e = pg_exec(pg, buf_cstr(&sql));
    buf_free(&sql);
    return e;
}

struct err migrate_apply(struct pg *pg, const char *schema, const struct stream_set *streams,
                         struct migrate_report *report)
{
    bool more = true;
    TRY(ensure_schema(pg, schema));
    while (more) {
        struct err e = pg_exec(pg, "BEGIN");
        if (!err_is(&e))
            e = one_step(pg, streams, &more, report);
        if (!err_is(&e))
            e = pg_commit(pg);
        if (err_is(&e)) {
            pg_rollback(pg);
            return e;
        }
    }
    return ERR_OK;
}

struct err migrate_up(struct pg *pg, const char *schema, const struct stream_set *streams)
{
    struct migrate_report report = {0};
    struct err e = migrate_apply(pg, schema, streams, &report);
    if (report.pending > 0)
        LOG_INFO("migrated", LOG_INT("steps", report.pending));
    migrate_report_free(&report);
    return e;
}

void migrate_report_free(struct migrate_report *report)
{
    buf_free(&report->steps);
    buf_free(&report->sql);
    *report = (struct migrate_report){0};
}

struct err migrate_require(struct pg *pg, const struct stream_set *streams)
{
    struct migrate_report r = {0};
    struct err e = migrate_check(pg, streams, &r);
    if (!err_is(&e) && r.pending > 0)
        e = err_make(ERR_CONFIG,
                     "the database lacks %zu migration step%s: run `spoolgate migrate`, or start "
                     "with --migrate",
                     r.pending, r.pending == 1 ? "" : "s");
    migrate_report_free(&r);
    return e;
}
