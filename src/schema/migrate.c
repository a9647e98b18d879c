/* SPDX-License-Identifier: MIT */
#include "schema/migrate.h"

#include "base/log.h"
#include "base/sql.h"
#include "db/queries.h"
#include "schema/chain.h"
#include "schema/knowledge.h"
#include "stream/ddl.h"

/* Where the stream's parent table is missing, the step that makes it; else sql stays empty. */
static struct err stream_step(struct pg *pg, const struct stream *s, struct migrate_report *report,
                              struct buf *sql)
{
    struct buf name = {0};
    bool exists;
    struct buf table = {0};
    ddl_table(&table, s);
    struct err e = chain_ask(pg, sql_table_exists, buf_cstr(&table), &exists);
    buf_free(&table);
    if (err_is(&e))
        return e;
    if (exists)
        return ERR_OK;
    buf_printf(&name, "stream %s", s->name);
    ddl_stream(sql, s, NULL);
    chain_add(report, buf_cstr(&name), buf_cstr(sql));
    buf_free(&name);
    return ERR_OK;
}

struct err migrate_check(struct pg *pg, const struct stream_set *streams,
                         struct migrate_report *report)
{
    struct buf sql = {0};
    struct err e = chain_check(pg, &chain_of_receipts, report);
    for (size_t i = 0; !err_is(&e) && i < streams->count; i++) {
        buf_clear(&sql);
        e = stream_step(pg, &streams->streams[i], report, &sql);
    }
    buf_free(&sql);
    return e;
}

/* Under the lock: CREATE SCHEMA IF NOT EXISTS alone fails when two run it at once. Asked first,
 * since it wants a right that the owner of `public` may lack. */
static struct err create_schema(struct pg *pg, void *context, bool *more)
{
    const char *schema = *(const char *const *)context;
    struct buf sql = {0};
    bool exists;
    *more = false;
    TRY(chain_ask(pg, sql_schema_exists, schema, &exists));
    if (exists)
        return ERR_OK;
    sql_fill(&sql, sql_schema_create, (const struct sql_var[]){{"schema", schema}, {0}});
    struct err e = pg_exec(pg, buf_cstr(&sql));
    buf_free(&sql);
    return e;
}

struct applying {
    const struct stream_set *streams;
    struct migrate_report *report;
};

/* What is missing is found out again under the lock: somebody else may have been faster. */
static struct err one_step(struct pg *pg, void *context, bool *more)
{
    const struct applying *a = context;
    struct buf sql = {0};
    TRY(chain_step(pg, &chain_of_receipts, more, a->report));
    if (*more)
        return ERR_OK;
    struct err e = ERR_OK;
    for (size_t i = 0; i < a->streams->count && sql.len == 0 && !err_is(&e); i++)
        e = stream_step(pg, &a->streams->streams[i], a->report, &sql);
    *more = sql.len > 0;
    if (!err_is(&e) && *more)
        e = pg_exec(pg, buf_cstr(&sql));
    buf_free(&sql);
    return e;
}

struct err migrate_apply(struct pg *pg, const char *schema, const struct stream_set *streams,
                         struct migrate_report *report)
{
    TRY(chain_run(pg, create_schema, &schema));
    return chain_run(pg, one_step, &(struct applying){streams, report});
}

struct err migrate_up(struct pg *pg, const char *schema, const struct stream_set *streams,
                      bool with_knowledge)
{
    struct migrate_report report = {0};
    struct err e = migrate_apply(pg, schema, streams, &report);
    if (!err_is(&e) && with_knowledge)
        e = knowledge_apply(pg, NULL, &report);
    if (report.pending > 0 && !err_is(&e))
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

struct err migrate_require(struct pg *pg, const struct stream_set *streams, bool with_knowledge)
{
    struct migrate_report r = {0};
    struct err e = migrate_check(pg, streams, &r);
    if (!err_is(&e) && r.pending > 0)
        e = err_make(ERR_CONFIG,
                     "the database lacks %zu migration step%s: run `spoolgate migrate`, or start "
                     "with `run --migrate`",
                     r.pending, r.pending == 1 ? "" : "s");
    migrate_report_free(&r);
    return err_is(&e) || !with_knowledge ? e : knowledge_require(pg);
}
