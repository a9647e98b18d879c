/* SPDX-License-Identifier: MIT */
/* The plan's assets and documents, and what the database makes of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sql.h"
#include "base/utf8.h"
#include "db/queries.h"
#include "kb/complete.h"
#include "kb/work.h"
#include "replay/copybin.h"

/* --- fields ------------------------------------------------------------------------------------
 */

static void put_null(struct buf *out)
{
    buf_be32(out, UINT32_MAX);
}

static void put_bool(struct buf *out, bool v)
{
    buf_be32(out, 1);
    buf_byte(out, v);
}

static void put_id(struct buf *out, bool has, const struct uuid *id)
{
    if (has)
        copybin_uuid(out, id);
    else
        put_null(out);
}

static void put_span(struct buf *out, const struct kb_held *h, struct kb_span text)
{
    if (text.len > 0)
        copybin_text(out, h->texts.data + text.at, text.len);
    else
        put_null(out);
}

static void put_problem(struct buf *out, const char *problem)
{
    if (problem)
        copybin_text(out, problem, strlen(problem));
    else
        put_null(out);
}

/* --- rows for the temporary tables -------------------------------------------------------------
 */

/* kb_asset_copy.sql */
static void put_asset(struct buf *out, const struct kb_work *w, uint32_t n)
{
    const struct kb_held *h = w->held;
    const struct kb_plan_asset *a = &w->plan.assets[n];
    struct uuid derived = {{0}};
    if (a->uri.len > 0)
        derived = kb_asset_id(h->texts.data + a->uri.at, a->uri.len);
    buf_be16(out, 7 + KB_ASSET_FIELDS);
    field_put_32(out, n);
    put_span(out, h, a->uri);
    put_id(out, a->has_asset_id, &a->asset_id);
    put_id(out, a->uri.len > 0, &derived);
    put_span(out, h, a->previous_uri);
    put_bool(out, a->is_described);
    put_problem(out, a->problem);
    kb_plan_put_fields(out, &w->plan, a);
}

/* kb_document_copy.sql */
static void put_document(struct buf *out, const struct kb_work *w, uint32_t n)
{
    const struct kb_held *h = w->held;
    const struct kb_ref *r = &w->plan.refs[n];
    const struct kb_plan_asset *a = r->asset == KB_NONE ? NULL : &w->plan.assets[r->asset];
    struct uuid derived = {{0}};
    if (a && a->uri.len > 0)
        derived = kb_doc_id(h->texts.data + a->uri.at, a->uri.len);
    buf_be16(out, 13);
    field_put_32(out, n);
    if (a)
        field_put_32(out, r->asset);
    else
        put_null(out);
    put_id(out, r->has_doc_id, &r->given_id);
    put_id(out, a && a->uri.len > 0, &derived);
    put_span(out, h, r->checksum);
    put_bool(out, r->head != NULL);
    put_bool(out, r->head && r->head->is_retired);
    if (r->head) {
        buf_put(out, h->fields.data + r->head->document.at, r->head->document.len);
    } else {
        put_null(out);
        put_null(out);
    }
    field_put_bytes(out, r->digest, sizeof r->digest);
    copybin_int8(out, (int64_t)r->chunks);
    copybin_int8(out, (int64_t)r->vectors);
    put_problem(out, r->target == KB_TARGET_REJECT ? r->problem : NULL);
}

struct err kb_copy(struct pg *pg, const char *command, const struct buf *rows, uint64_t count)
{
    struct buf frame = {0};
    uint64_t taken = 0;
    TRY(pg_copy_begin(pg, command));
    copybin_header(&frame);
    struct err e = pg_copy_data(pg, frame.data, frame.len);
    if (!err_is(&e))
        e = pg_copy_data(pg, rows->data, rows->len);
    buf_clear(&frame);
    copybin_trailer(&frame);
    if (!err_is(&e))
        e = pg_copy_data(pg, frame.data, frame.len);
    buf_free(&frame);
    if (!err_is(&e))
        e = pg_copy_end(pg, &taken);
    if (!err_is(&e) && taken != count)
        e = err_make(ERR_DATABASE,
                     "COPY took %" PRIu64 " rows of the %" PRIu64
                     " that were sent (does a trigger or rule drop rows?)",
                     taken, count);
    return e;
}

static struct err send_names(struct kb_work *w, size_t from, size_t to)
{
    struct buf assets = {0};
    struct buf documents = {0};
    uint64_t asset_count = 0;
    uint64_t document_count = 0;
    for (size_t i = from; i < to; i++) {
        const struct kb_unit *u = &w->units[i];
        if (u->asset != KB_NONE && !w->assets[u->asset].is_here) {
            w->assets[u->asset].is_here = true;
            put_asset(&assets, w, u->asset);
            asset_count++;
        }
        if (u->ref != KB_NONE) {
            w->refs[u->ref].is_here = true;
            put_document(&documents, w, u->ref);
            document_count++;
        }
    }
    struct err e = kb_copy(w->in->pg, sql_kb_asset_copy, &assets, asset_count);
    if (!err_is(&e))
        e = kb_copy(w->in->pg, sql_kb_document_copy, &documents, document_count);
    buf_free(&assets);
    buf_free(&documents);
    return e;
}

/* --- what came of them -------------------------------------------------------------------------
 */

static void note_asset(struct kb_work *w, size_t n, const PGresult *rows, int row)
{
    struct kb_plan_asset *a = &w->plan.assets[n];
    w->assets[n].is_changed_now = strcmp(PQgetvalue(rows, row, 4), "changed") == 0;
    if (!PQgetisnull(rows, row, 3) && !a->problem) {
        const char *problem = PQgetvalue(rows, row, 3);
        a->problem = arena_strndup(&w->arena, problem, strlen(problem));
    }
}

static void note_document(struct kb_work *w, size_t n, const PGresult *rows, int row)
{
    static const struct {
        const char *name;
        enum kb_target target;
        bool is_changed;
    } targets[] = {{"same", KB_TARGET_NONE, false},
                   {"back", KB_TARGET_NONE, true},
                   {"served", KB_TARGET_SERVED, true},
                   {"next", KB_TARGET_NEXT, true},
                   {"reject", KB_TARGET_REJECT, false}};
    struct kb_ref *r = &w->plan.refs[n];
    const char *name = PQgetvalue(rows, row, 4);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(name, targets[i].name) == 0) {
            r->target = targets[i].target;
            w->refs[n].is_changed_now = targets[i].is_changed;
        }
    if (!PQgetisnull(rows, row, 2))
        (void)uuid_parse(PQgetvalue(rows, row, 2), &r->doc_id);
    if (r->target == KB_TARGET_REJECT) {
        (void)snprintf(r->problem, sizeof r->problem, "%s", PQgetvalue(rows, row, 3));
        r->problem[utf8_check((const uint8_t *)r->problem, strlen(r->problem))] = '\0';
    }
    w->adds |= r->target == KB_TARGET_NEXT && !r->head;
}

static struct err read_decisions(struct kb_work *w)
{
    PGresult *rows;
    w->rows_now[KB_DOCUMENTS] = 0;
    TRY(pg_query(w->in->pg, sql_kb_decided, PG_NO_PARAMS, &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        long n = atol(PQgetvalue(rows, i, 1));
        const char *sort = PQgetvalue(rows, i, 0);
        if (strcmp(sort, "asset") == 0 && (size_t)n < w->plan.asset_count)
            note_asset(w, (size_t)n, rows, i);
        else if (strcmp(sort, "document") == 0 && n >= 0 && (size_t)n < w->plan.count)
            note_document(w, (size_t)n, rows, i);
        else if (strcmp(sort, "revisions") == 0)
            w->rows_now[KB_DOCUMENTS] = (uint64_t)n;
    }
    PQclear(rows);
    w->rows_now[KB_ASSETS] = 0;
    for (size_t i = 0; i < w->plan.asset_count; i++)
        w->rows_now[KB_ASSETS] += w->assets[i].is_changed_now && !w->assets[i].is_changed;
    return ERR_OK;
}

/* --- the steps ---------------------------------------------------------------------------------
 */

static struct err run_script(struct kb_work *w, const char *text, const struct sql_var *vars)
{
    struct buf sql = {0};
    sql_fill(&sql, text, vars);
    struct err e = pg_exec(w->in->pg, buf_cstr(&sql));
    buf_free(&sql);
    return e;
}

/* A list of ids from a query that gives one: "{...}". Caller frees. */
static struct err ask_ids(struct kb_work *w, const char *sql, struct buf *ids)
{
    PGresult *rows;
    TRY(pg_query(w->in->pg, sql, PG_NO_PARAMS, &rows));
    if (PQntuples(rows) == 1)
        buf_str(ids, PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return ERR_OK;
}

static struct err lock_documents(struct kb_work *w)
{
    struct buf ids = {0};
    struct err e = ask_ids(w, sql_kb_documents, &ids);
    if (!err_is(&e))
        e = kb_lock(w->in->pg, buf_cstr(&ids));
    buf_free(&ids);
    return e;
}

static struct err decide(struct kb_work *w)
{
    const struct claim *c = w->in->batch->claim;
    struct buf sinks = {0};
    w->terms->sinks(w->terms, EVENT_KB_INDEX_COMPLETED, c->gate, &sinks);
    struct err e =
        run_script(w, sql_kb_decide,
                   (const struct sql_var[]){
                       {"batch", c->batch}, {"gate", c->gate}, {"sinks", buf_cstr(&sinks)}, {0}});
    buf_free(&sinks);
    return e;
}

struct err kb_resolve(struct kb_work *w, size_t from, size_t to)
{
    TRY(pg_exec(w->in->pg, sql_kb_begin));
    TRY(send_names(w, from, to));
    TRY(run_script(w, sql_kb_resolve,
                   (const struct sql_var[]){
                       {"batch", w->in->batch->claim->batch}, {"found", sql_kb_found}, {0}}));
    TRY(lock_documents(w));
    TRY(decide(w));
    return read_decisions(w);
}

/* Sections that are served under other ids than ours would be: adopted ones. */
static struct err find_sections(struct kb_work *w, struct buf *derived, struct buf *sections)
{
    PGresult *rows;
    TRY(pg_query(w->in->pg, sql_kb_served_sections, PG_NO_PARAMS, &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        struct uuid doc;
        char text[UUID_TEXT];
        if (!uuid_parse(PQgetvalue(rows, i, 0), &doc))
            continue;
        struct uuid id = kb_section_id(&doc, (uint32_t)strtoul(PQgetvalue(rows, i, 1), NULL, 10));
        if (strcmp(uuid_format(&id, text), PQgetvalue(rows, i, 2)) == 0)
            continue;
        buf_printf(derived, "%s%s", derived->len > 0 ? "," : "", text);
        buf_printf(sections, "%s%s", sections->len > 0 ? "," : "", PQgetvalue(rows, i, 2));
    }
    PQclear(rows);
    return ERR_OK;
}

/* "{...}" around what is in it. */
static const char *as_array(struct buf *list)
{
    struct buf whole = {0};
    buf_byte(&whole, '{');
    buf_put(&whole, list->data, list->len);
    buf_byte(&whole, '}');
    buf_free(list);
    *list = whole;
    return buf_cstr(list);
}

static struct err settle_rows(struct kb_work *w)
{
    const struct claim *c = w->in->batch->claim;
    struct buf derived = {0};
    struct buf sections = {0};
    struct buf asset_sinks = {0};
    struct buf index_sinks = {0};
    struct err e = w->adds ? find_sections(w, &derived, &sections) : ERR_OK;
    w->terms->sinks(w->terms, EVENT_KB_INGEST_ASSET_CREATED, c->gate, &asset_sinks);
    w->terms->sinks(w->terms, EVENT_KB_INDEX_COMPLETED, c->gate, &index_sinks);
    if (!err_is(&e))
        e = run_script(w, sql_kb_settle,
                       (const struct sql_var[]){{"batch", c->batch},
                                                {"gate", c->gate},
                                                {"docs", as_array(&w->docs)},
                                                {"idxs", as_array(&w->idxs)},
                                                {"chunks", as_array(&w->chunks)},
                                                {"derived", as_array(&derived)},
                                                {"sections", as_array(&sections)},
                                                {"asset_sinks", buf_cstr(&asset_sinks)},
                                                {"index_sinks", buf_cstr(&index_sinks)},
                                                {0}});
    buf_free(&derived);
    buf_free(&sections);
    buf_free(&asset_sinks);
    buf_free(&index_sinks);
    return e;
}

struct err kb_settle(struct kb_work *w)
{
    struct buf next = {0};
    uint64_t done;
    TRY(settle_rows(w));
    TRY(read_decisions(w));
    struct err e = ask_ids(w, sql_kb_next, &next);
    if (!err_is(&e) && next.len > 2)
        e = kb_complete(w->in->pg, buf_cstr(&next), &done);
    if (!err_is(&e) && next.len > 2)
        buf_put(&w->next_now, next.data + 1, next.len - 2);
    buf_free(&next);
    return e;
}
