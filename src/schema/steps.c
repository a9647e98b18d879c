/* SPDX-License-Identifier: MIT */
#include "schema/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sql.h"
#include "db/queries.h"
#include "schema/look.h"
#include "schema/share.h"
#include "stream/ddl.h"

/* One stream's table on its way to steps. */
struct making {
    struct pg *pg;
    struct plan *plan;
    size_t stream;
    const struct stream *s;
    struct look look;
    struct buf table;         /* quoted, for SQL */
    char label[STREAM_LABEL]; /* for people */
};

/* Takes over both texts; an empty sql stands for: nothing of ours would help. */
static struct plan_step *add_step(struct making *m, enum plan_kind kind, enum plan_allow allow,
                                  struct buf *sql, struct buf *sentence)
{
    struct plan_step *step = MEM_PUSH(m->plan->steps, m->plan->count, m->plan->cap);
    *step = (struct plan_step){.stream = m->stream,
                               .kind = kind,
                               .allow = allow,
                               .sql = sql->len > 0 ? buf_take(sql) : NULL,
                               .sentence = buf_take(sentence)};
    return step;
}

static void add_misfit(struct making *m, struct buf *sentence)
{
    (void)add_step(m, PLAN_MISFIT, PLAN_NEVER, &(struct buf){0}, sentence);
}

/* ---- the table ---- */

/* Types come from the server, or from pgvector. */
static void add_unknown_types(struct making *m)
{
    int version = PQserverVersion(m->pg->connection) / 10000;
    char type[COLUMN_TYPE_NAME];
    for (size_t i = 0; i < m->look.column_count; i++) {
        const struct look_column *c = &m->look.columns[i];
        struct buf says = {0};
        if (!c->wanted || c->is_known)
            continue;
        buf_printf(&says, "column %s needs the type %s: ", c->name,
                   column_type_name(c->wanted, type));
        if (m->look.vector_schema)
            buf_str(&says, "this pgvector is too old for it; update it, then run ALTER EXTENSION "
                           "vector UPDATE as a superuser");
        else
            buf_printf(&says,
                       "install pgvector (the package is postgresql-%d-pgvector), then run CREATE "
                       "EXTENSION vector in this database as a superuser",
                       version);
        add_misfit(m, &says);
    }
}

/* A schema that several streams want is made once. */
static void add_schema(struct making *m)
{
    const char *schema = m->s->schema ? m->s->schema : m->plan->schema;
    struct buf sql = {0};
    struct buf says = {0};
    sql_fill(&sql, sql_schema_create, (const struct sql_var[]){{"schema", schema}, {0}});
    for (size_t i = 0; i < m->plan->count; i++)
        if (m->plan->steps[i].sql && strcmp(m->plan->steps[i].sql, buf_cstr(&sql)) == 0) {
            buf_free(&sql);
            return;
        }
    buf_printf(&says, "schema %s isn't there", schema);
    (void)add_step(m, PLAN_CREATE_SCHEMA, PLAN_ADDITIVE, &sql, &says);
}

static void add_table(struct making *m)
{
    struct buf sql = {0};
    struct buf says = {0};
    if (!m->look.has_schema)
        add_schema(m);
    ddl_stream(&sql, m->s, m->look.vector_schema);
    buf_printf(&says, "table %s isn't there", m->label);
    (void)add_step(m, PLAN_CREATE_TABLE, PLAN_ADDITIVE, &sql, &says);
}

/* The way out where a table can't be altered into what is declared. */
static void move_aside(struct making *m, struct buf *says)
{
    buf_str(says, "; a table can't be altered that far: rename it (ALTER TABLE ");
    buf_put(says, m->table.data, m->table.len);
    buf_str(says, " RENAME TO ...), run `spoolgate apply`, and copy the rows over");
}

static bool is_partitioned_so(const struct making *m)
{
    const char *column = m->look.partition_column;
    if (m->s->every == PERIOD_NONE)
        return !column;
    return column && strcmp(column, m->s->columns[m->s->time_column].name) == 0;
}

static void add_partition_misfit(struct making *m)
{
    const char *column = m->look.partition_column;
    struct buf says = {0};
    buf_printf(&says, "table %s is ", m->label);
    if (!column)
        buf_str(&says, "not partitioned");
    else
        buf_printf(&says, "partitioned by %s", *column ? column : "something else than a column");
    if (m->s->every == PERIOD_NONE)
        buf_str(&says, ", the manifest says not at all");
    else
        buf_printf(&says, ", the manifest says by %s", m->s->columns[m->s->time_column].name);
    move_aside(m, &says);
    add_misfit(m, &says);
}

static struct err add_leaf_misfit(struct making *m)
{
    struct buf says = {0};
    bool is_in_the_way; /* or may come to be */
    TRY(fit_find_leaf(m->pg, &m->look, m->s, &says, &is_in_the_way));
    if (says.len > 0)
        add_misfit(m, &says);
    return ERR_OK;
}

/* Where the relation itself is in the way, its columns don't matter. */
static struct err add_misfits(struct making *m)
{
    const char *other = fit_other_kind(m->look.kind);
    struct buf says = {0};
    if (other) {
        buf_printf(&says, "%s is %s: rename one of them%s", m->label, other,
                   m->look.kind == 'f' ? ", or say `existing: true` in the manifest" : "");
        add_misfit(m, &says);
    } else if (!m->look.is_ours) {
        buf_printf(&says,
                   "table %s belongs to role %s, and this is role %s: connect as its owner, give "
                   "it away (ALTER TABLE ... OWNER TO), or say `existing: true` in the manifest",
                   m->label, m->look.owner, m->look.me);
        add_misfit(m, &says);
    } else if (!is_partitioned_so(m)) {
        add_partition_misfit(m);
    } else {
        return add_leaf_misfit(m);
    }
    return ERR_OK;
}

/* ---- its columns ---- */

static struct err add_column(struct making *m, const struct look_column *c)
{
    struct buf sql = {0};
    struct buf says = {0};
    struct buf definition = {0};
    bool has_rows = false;
    if (c->wanted->required && !c->wanted->fallback.text)
        TRY(look_has_rows(m->pg, m->s, &has_rows));
    buf_printf(&says, "column %s isn't in table %s", c->name, m->label);
    if (has_rows) {
        buf_str(&says, ", whose rows have no value for it: give it a `default`, or don't say "
                       "`required`");
        (void)add_step(m, PLAN_ADD_COLUMN, PLAN_NEVER, &sql, &says);
        return ERR_OK;
    }
    ddl_column(&definition, c->wanted, m->look.vector_schema);
    sql_fill(&sql, sql_column_add,
             (const struct sql_var[]){
                 {"table", buf_cstr(&m->table)}, {"definition", buf_cstr(&definition)}, {0}});
    buf_free(&definition);
    (void)add_step(m, PLAN_ADD_COLUMN, PLAN_ADDITIVE, &sql, &says);
    return ERR_OK;
}

static void add_type(struct making *m, const struct look_column *c)
{
    struct buf sql = {0};
    struct buf says = {0};
    struct buf type = {0};
    struct buf fallback = {0};
    const char *by = m->look.partition_column;
    buf_printf(&says, "column %s of table %s is %s, the manifest says ", c->name, m->label,
               c->type);
    ddl_type(&type, c->wanted, NULL);
    buf_put(&says, type.data, type.len);
    if (by && strcmp(by, c->name) == 0) {
        move_aside(m, &says);
        add_misfit(m, &says);
    } else {
        buf_str(&says, "; the table may be rewritten, and is locked meanwhile");
        buf_clear(&type);
        ddl_type(&type, c->wanted, m->look.vector_schema);
        if (c->wanted->fallback.text) {
            buf_str(&fallback, ",\n    ALTER COLUMN ");
            sql_identifier(&fallback, c->name);
            buf_str(&fallback, " SET DEFAULT ");
            sql_literal(&fallback, c->wanted->fallback.text);
        }
        sql_fill(&sql, sql_column_type,
                 (const struct sql_var[]){{"table", buf_cstr(&m->table)},
                                          {"column", c->name},
                                          {"type", buf_cstr(&type)},
                                          {"default", buf_cstr(&fallback)},
                                          {0}});
        (void)add_step(m, PLAN_CHANGE_TYPE, PLAN_TYPE, &sql, &says);
    }
    buf_free(&type);
    buf_free(&fallback);
}

static void add_nullable(struct making *m, const struct look_column *c)
{
    struct buf sql = {0};
    struct buf says = {0};
    buf_printf(&says, "column %s of table %s is NOT NULL, and frames may leave it out", c->name,
               m->label);
    if (c->stays_so) {
        buf_str(&says, "; its primary key, identity or domain wants that: say `required` in the "
                       "manifest");
        (void)add_step(m, PLAN_DROP_NOT_NULL, PLAN_NEVER, &sql, &says);
        return;
    }
    sql_fill(&sql, sql_column_nullable,
             (const struct sql_var[]){{"table", buf_cstr(&m->table)}, {"column", c->name}, {0}});
    (void)add_step(m, PLAN_DROP_NOT_NULL, PLAN_ADDITIVE, &sql, &says);
}

/* A stream's own wish, unless another one of the table can't keep to it. */
static void add_required(struct making *m, const struct look_column *c)
{
    struct buf sql = {0};
    struct buf says = {0};
    buf_printf(&says,
               "column %s of table %s may be NULL, the manifest says `required`; the table's rows "
               "are looked through, and it is locked meanwhile",
               c->name, m->label);
    sql_fill(&sql, sql_column_required,
             (const struct sql_var[]){{"table", buf_cstr(&m->table)}, {"column", c->name}, {0}});
    (void)add_step(m, PLAN_SET_NOT_NULL, PLAN_ADDITIVE, &sql, &says);
}

static void add_drop(struct making *m, const struct look_column *c)
{
    struct buf sql = {0};
    struct buf says = {0};
    buf_printf(&says, "column %s of table %s isn't in the manifest: its values would be lost",
               c->name, m->label);
    if (c->is_never_null && !c->is_filled)
        buf_str(&says, "; as long as it is NOT NULL without a default, no row goes in");
    sql_fill(&sql, sql_column_drop,
             (const struct sql_var[]){{"table", buf_cstr(&m->table)}, {"column", c->name}, {0}});
    (void)add_step(m, PLAN_DROP_COLUMN, PLAN_DROP, &sql, &says);
}

static struct err add_columns(struct making *m)
{
    for (size_t i = 0; i < m->look.column_count; i++) {
        const struct look_column *c = &m->look.columns[i];
        if (c->wanted && !c->type) {
            TRY(add_column(m, c));
            continue;
        }
        if (c->wanted && !c->is_same)
            add_type(m, c);
        if (c->wanted && c->is_never_null && !share_is_promised(c->wanted))
            add_nullable(m, c);
        if (c->wanted && c->wanted->required && !c->is_never_null &&
            !share_leaves_out(m->plan->streams, m->s, c->name))
            add_required(m, c);
        if (!c->wanted && !share_has_column(m->plan->streams, m->s, c->name))
            add_drop(m, c);
    }
    return ERR_OK;
}

/* ---- its indexes ---- */

/* Partitioned tables have no CREATE INDEX CONCURRENTLY. What that leaves when it fails is dropped:
 * an unfinished unique index still refuses rows. */
static struct err add_index(struct making *m, const struct stream_index *index)
{
    struct look_index found;
    struct buf sql = {0};
    struct buf undo = {0};
    struct buf says = {0};
    char name[DDL_NAME];
    bool is_alone = m->look.kind != 'p';
    TRY(look_index(m->pg, &m->look, m->s, index, &found));
    if (found.is_there)
        return ERR_OK;
    ddl_index_name(m->s, index, name);
    if (found.is_unfinished) {
        buf_printf(&says, "index %s was never finished", name);
        ddl_index_drop(&sql, m->s, index, is_alone);
        add_step(m, PLAN_DROP_INDEX, PLAN_ADDITIVE, &sql, &says)->is_alone = is_alone;
    } else if (found.is_taken) {
        buf_printf(&says, "index %s is wanted, and something else has that name: rename it", name);
        add_misfit(m, &says);
        return ERR_OK;
    }
    buf_printf(&says, "%s %s isn't there", index->unique ? "the key's unique index" : "index",
               name);
    if (!is_alone)
        buf_str(&says, "; no rows go into the table while it is built");
    ddl_index(&sql, m->s, index, is_alone);
    if (is_alone)
        ddl_index_drop(&undo, m->s, index, true);
    struct plan_step *step = add_step(m, PLAN_CREATE_INDEX, PLAN_ADDITIVE, &sql, &says);
    step->is_alone = is_alone;
    step->undo = is_alone ? buf_take(&undo) : NULL;
    return ERR_OK;
}

static struct err add_indexes(struct making *m)
{
    struct stream_index key;
    if (ddl_key(m->s, &key))
        TRY(add_index(m, &key));
    for (size_t i = 0; i < m->s->index_count; i++)
        TRY(add_index(m, &m->s->indexes[i]));
    return ERR_OK;
}

/* ---- all of them ---- */

/* What keeps rows out and no step above takes care of. */
static struct err add_reasons(struct making *m)
{
    struct fit_reasons reasons = {0};
    struct err e = fit_find(m->pg, &m->look, m->s, &reasons);
    for (size_t i = 0; !err_is(&e) && i < reasons.count; i++)
        add_misfit(m, &reasons.items[i]);
    fit_free(&reasons);
    return e;
}

/* Rows of ours always have their key; those that others write needn't. That keeps nothing out, and
 * so it is for people only. */
static void add_loose_key(struct making *m)
{
    struct buf names = {0};
    struct buf says = {0};
    for (size_t i = 0; i < m->s->key_count && m->look.id; i++) {
        const struct look_column *c = &m->look.columns[m->s->key[i]];
        if (c->type && !c->is_never_null)
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", c->name);
    }
    if (names.len > 0) {
        buf_printf(&says,
                   "the key's columns may be NULL in the table (%s), and a unique index lets rows "
                   "with NULLs pass: make them NOT NULL",
                   buf_cstr(&names));
        add_misfit(m, &says);
    }
    buf_free(&names);
}

static struct err add_steps(struct making *m)
{
    size_t before = m->plan->count;
    if (m->s->is_foreign) {
        TRY(add_reasons(m));
        add_loose_key(m);
        return ERR_OK;
    }
    add_unknown_types(m);
    if (m->plan->count > before)
        return ERR_OK;
    if (!m->look.id) {
        add_table(m);
        return ERR_OK;
    }
    TRY(add_misfits(m));
    if (m->plan->count > before)
        return ERR_OK;
    TRY(add_columns(m));
    TRY(add_indexes(m));
    return m->plan->count > before ? ERR_OK : add_reasons(m);
}

struct err plan_add_stream(struct pg *pg, struct plan *plan, size_t stream)
{
    const struct stream *s = &plan->streams->streams[stream];
    struct making m = {.pg = pg, .plan = plan, .stream = stream, .s = s};
    TRY(look_table(pg, plan->schema, s, &m.look));
    ddl_table(&m.table, s);
    stream_label(s, m.label);
    struct err e = add_steps(&m);
    buf_free(&m.table);
    look_free(&m.look);
    return e;
}
