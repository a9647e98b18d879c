/* SPDX-License-Identifier: MIT */
#include "schema/knowledge.h"

#include <stdlib.h>
#include <string.h>

#include "db/queries.h"
#include "schema/chain.h"
#include "schema/vectors.h"

#define VECTOR_MAX 2000 /* longer ones have no index: halfvec has */

static const struct knowledge_wish no_wish;

struct err knowledge_parse(const char *text, struct knowledge_wish *wish)
{
    static const struct {
        const char *name;
        size_t most;
    } types[] = {[KNOWLEDGE_AUTO] = {"auto", VECTORS_DIMENSIONS_MAX},
                 [KNOWLEDGE_VECTOR] = {"vector", VECTOR_MAX},
                 [KNOWLEDGE_HALFVEC] = {"halfvec", VECTORS_DIMENSIONS_MAX},
                 [KNOWLEDGE_REAL] = {"real", VECTORS_DIMENSIONS_MAX}};
    size_t len = strcspn(text, ":");
    const char *digits = text + len + (text[len] == ':');
    size_t count = strspn(digits, "0123456789");
    unsigned long n = count > 0 && count < 6 && !digits[count] ? strtoul(digits, NULL, 10) : 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strlen(types[i].name) != len || memcmp(text, types[i].name, len) != 0 || n == 0)
            continue;
        if (n > types[i].most)
            return err_make(ERR_USAGE, "%s: %s goes up to %zu numbers%s", text, types[i].name,
                            types[i].most, i == KNOWLEDGE_VECTOR ? "; halfvec to 4000" : "");
        wish->is_made = true;
        wish->type = (enum knowledge_type)i;
        wish->dimensions = n;
        return ERR_OK;
    }
    return err_make(ERR_USAGE,
                    "`%s` is no type of vectors: auto:N, vector:N, halfvec:N or real:N is wanted, "
                    "as vector:768",
                    text);
}

/* ---- what is in the way ---- */

/* Rows of `what` and `help`: all of them go into the report, the first into the failure. */
static struct err refuse(struct pg *pg, const char *sql, const char *otherwise,
                         struct migrate_report *report)
{
    PGresult *rows;
    struct err e = ERR_OK;
    TRY(pg_query(pg, sql, PG_NO_PARAMS, &rows));
    int count = PQntuples(rows);
    for (int i = 0; i < count; i++) {
        struct buf text = {0};
        buf_printf(&text, "%s;\n", PQgetvalue(rows, i, 1));
        chain_add(report, PQgetvalue(rows, i, 0), buf_cstr(&text));
        buf_free(&text);
    }
    if (count == 1)
        e = err_make(ERR_CONFIG, "the knowledge base: %s: %s%s", PQgetvalue(rows, 0, 0),
                     PQgetvalue(rows, 0, 1), otherwise);
    else if (count > 1)
        e = err_make(ERR_CONFIG,
                     "the knowledge base: %s: %s (and %d more; `spoolgate migrate --dry-run` has "
                     "them all)%s",
                     PQgetvalue(rows, 0, 0), PQgetvalue(rows, 0, 1), count - 1, otherwise);
    PQclear(rows);
    return e;
}

/* Rights are asked for only where something is to be made: other roles may run what is there. */
static struct err look_for_obstacles(struct pg *pg, bool makes, struct migrate_report *report)
{
    if (makes)
        TRY(refuse(pg, sql_knowledge_rights,
                   "; or set knowledge.enabled to false in the configuration", report));
    return refuse(pg, sql_knowledge_misfits, "", report);
}

/* ---- looking ---- */

static struct err check(struct pg *pg, const struct knowledge_wish *wish,
                        struct migrate_report *report, size_t *needed)
{
    struct vectors v;
    struct migrate_report chain = {0};
    TRY(chain_check(pg, &chain_of_knowledge, &chain));
    struct err e = look_for_obstacles(pg, chain.pending > 0, report);
    if (!err_is(&e)) {
        report->pending += chain.pending;
        buf_put(&report->steps, chain.steps.data, chain.steps.len);
        buf_put(&report->sql, chain.sql.data, chain.sql.len);
        e = vectors_plan(pg, wish, &v, report);
    }
    *needed = chain.pending;
    migrate_report_free(&chain);
    if (err_is(&e))
        return e;
    *needed += v.is_needed;
    vectors_free(&v);
    return ERR_OK;
}

struct err knowledge_check(struct pg *pg, const struct knowledge_wish *wish,
                           struct migrate_report *report)
{
    size_t needed;
    return check(pg, wish ? wish : &no_wish, report, &needed);
}

struct err knowledge_require(struct pg *pg)
{
    struct migrate_report r = {0};
    size_t needed = 0;
    struct err e = check(pg, &no_wish, &r, &needed);
    if (!err_is(&e) && needed > 0)
        e = err_make(ERR_CONFIG,
                     "the database lacks %zu step%s of the knowledge base: run `spoolgate "
                     "migrate`, or start with `run --migrate`; or set knowledge.enabled to false",
                     needed, needed == 1 ? "" : "s");
    migrate_report_free(&r);
    return e;
}

/* ---- making ---- */

struct applying {
    const struct knowledge_wish *wish;
    struct migrate_report *report;
};

static struct err make_schema(struct pg *pg, void *context, bool *more)
{
    (void)context;
    *more = false;
    return pg_exec(pg, sql_knowledge_schema);
}

static struct err one_step(struct pg *pg, void *context, bool *more)
{
    const struct applying *a = context;
    struct vectors v;
    TRY(chain_step(pg, &chain_of_knowledge, more, a->report));
    if (*more)
        return ERR_OK;
    TRY(vectors_plan(pg, a->wish, &v, a->report));
    struct err e = v.sql.len > 0 ? pg_exec(pg, buf_cstr(&v.sql)) : ERR_OK;
    vectors_free(&v);
    return e;
}

struct err knowledge_apply(struct pg *pg, const struct knowledge_wish *wish,
                           struct migrate_report *report)
{
    struct migrate_report looked = {0};
    size_t needed;
    struct applying a = {wish ? wish : &no_wish, report};
    struct err e = check(pg, a.wish, &looked, &needed);
    bool is_done = looked.pending == 0;
    migrate_report_free(&looked);
    if (err_is(&e) || is_done)
        return e;
    if (needed > 0)
        TRY(chain_run(pg, make_schema, NULL));
    return chain_run(pg, one_step, &a);
}
