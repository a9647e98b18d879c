/* SPDX-License-Identifier: MIT */
#include "schema/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sql.h"
#include "db/queries.h"
#include "schema/chain.h"

#define VECTOR_INDEX_MAX 2000 /* dimensions that an index of vector takes */
#define CHUNKS           "pmoves_kb.chunks"
#define CHUNKS_NEXT      "pmoves_kb.chunks_next"

static const char *const names[] = {
    [KNOWLEDGE_VECTOR] = "vector", [KNOWLEDGE_HALFVEC] = "halfvec", [KNOWLEDGE_REAL] = "real"};

struct shape {
    enum knowledge_type type; /* AUTO: there is none */
    size_t dimensions;        /* 0: the column doesn't say */
};

/* What db/queries/knowledge_look.sql selects, in its order. */
enum {
    VECTOR_SCHEMA,
    VECTOR_HOME,
    CAN_MAKE_VECTOR,
    HAS_HNSW,
    HAS_HALFVEC,
    TRIGRAM_SCHEMA,
    CHUNKS_TYPE,
    CHUNKS_DIMENSIONS,
    NEXT_TYPE,
    NEXT_DIMENSIONS,
    HAS_INDEX,
    HAS_TRIGRAMS,
    HAS_RECORD,
    SCHEMA,
    FUNCTIONS,
};

struct planning {
    struct pg *pg;
    const struct knowledge_wish *wish;
    PGresult *look;
    struct shape chunks, next; /* the columns that are there */
    struct shape recorded, target;
    bool has_model;
    bool drops; /* no vector stays */
    struct buf *sql;
    struct buf says; /* the step's name */
    bool is_needed;
};

static const char *look_text(const struct planning *p, int field)
{
    return PQgetvalue(p->look, 0, field);
}

static bool look_bool(const struct planning *p, int field)
{
    return strcmp(look_text(p, field), "t") == 0;
}

static enum knowledge_type type_of(const char *name)
{
    for (enum knowledge_type t = KNOWLEDGE_VECTOR; t <= KNOWLEDGE_REAL; t++)
        if (strcmp(name, names[t]) == 0)
            return t;
    return strcmp(name, "_float4") == 0 ? KNOWLEDGE_REAL : KNOWLEDGE_AUTO;
}

static struct shape look_shape(const struct planning *p, int type, int dimensions)
{
    return (struct shape){type_of(look_text(p, type)),
                          (size_t)strtoul(look_text(p, dimensions), NULL, 10)};
}

static bool shape_is(const struct shape *a, const struct shape *b)
{
    return a->type == b->type && a->dimensions == b->dimensions;
}

static const char *vector_schema(const struct planning *p)
{
    return look_text(p, PQgetisnull(p->look, 0, VECTOR_SCHEMA) ? VECTOR_HOME : VECTOR_SCHEMA);
}

/* As SQL: "public".vector(384), real[]. */
static void put_type(const struct planning *p, struct buf *out)
{
    if (p->target.type == KNOWLEDGE_REAL)
        buf_str(out, "real[]");
    else
        buf_printf(out, "%s.%s(%zu)", vector_schema(p), names[p->target.type],
                   p->target.dimensions);
}

/* ---- what is wanted ---- */

static struct err read_record(struct planning *p)
{
    PGresult *rows;
    if (!look_bool(p, HAS_RECORD))
        return ERR_OK;
    TRY(pg_query(p->pg, sql_knowledge_record_read, PG_NO_PARAMS, &rows));
    if (PQntuples(rows) == 1) {
        p->recorded = (struct shape){type_of(PQgetvalue(rows, 0, 0)),
                                     (size_t)strtoul(PQgetvalue(rows, 0, 1), NULL, 10)};
        p->has_model = !PQgetisnull(rows, 0, 2);
    }
    PQclear(rows);
    return ERR_OK;
}

/* The column is to have vectors of one length. */
static struct err refuse_lengths(const char *length, const PGresult *rows)
{
    bool is_none = PQgetisnull(rows, 0, 0);
    return err_make(ERR_CONFIG,
                    CHUNKS ".embedding has vectors of several lengths, or of none: UPDATE " CHUNKS
                           " SET embedding = NULL WHERE %s IS %s%s; then `spoolgate migrate`, and "
                           "`spoolgate embed --again missing` makes new ones",
                    length, is_none ? "NULL" : "DISTINCT FROM ",
                    is_none ? "" : PQgetvalue(rows, 0, 0));
}

/* An adopted column may not say how long its vectors are: they do themselves. */
static struct err measure(struct planning *p)
{
    struct buf length = {0};
    struct buf sql = {0};
    PGresult *rows;
    if (p->chunks.type == KNOWLEDGE_AUTO || p->chunks.dimensions > 0)
        return ERR_OK;
    if (p->chunks.type == KNOWLEDGE_REAL)
        buf_str(&length, "CASE WHEN array_ndims(embedding) = 1 THEN cardinality(embedding) END");
    else
        buf_printf(&length, "%s.vector_dims(embedding)", vector_schema(p));
    sql_fill(&sql, sql_knowledge_length,
             (const struct sql_var[]){{"length", buf_cstr(&length)}, {0}});
    struct err e = pg_query(p->pg, buf_cstr(&sql), PG_NO_PARAMS, &rows);
    if (!err_is(&e)) {
        int count = PQntuples(rows);
        if (count > 0)
            p->chunks.dimensions = (size_t)strtoul(PQgetvalue(rows, 0, 0), NULL, 10);
        if ((count > 1 || (count == 1 && p->chunks.dimensions == 0)) && !p->wish->discards)
            e = refuse_lengths(buf_cstr(&length), rows);
        PQclear(rows);
    }
    buf_free(&length);
    buf_free(&sql);
    return e;
}

static bool has_vector_type(const struct planning *p)
{
    return PQgetisnull(p->look, 0, VECTOR_SCHEMA) ? look_bool(p, CAN_MAKE_VECTOR)
                                                  : look_bool(p, HAS_HNSW);
}

/* Before the extension is made nobody knows whether it has halfvec; one that is made now has. */
static bool has_halfvec(const struct planning *p)
{
    return PQgetisnull(p->look, 0, VECTOR_SCHEMA) ? look_bool(p, CAN_MAKE_VECTOR)
                                                  : look_bool(p, HAS_HALFVEC);
}

static enum knowledge_type choose_type(const struct planning *p, size_t dimensions)
{
    if (dimensions > VECTOR_INDEX_MAX)
        return has_halfvec(p) ? KNOWLEDGE_HALFVEC : KNOWLEDGE_REAL;
    return has_vector_type(p) ? KNOWLEDGE_VECTOR : KNOWLEDGE_REAL;
}

static struct err choose_target(struct planning *p)
{
    const struct shape *is = p->recorded.type != KNOWLEDGE_AUTO ? &p->recorded : &p->chunks;
    p->target = *is;
    if (p->wish->is_made)
        p->target = (struct shape){p->wish->type, p->wish->dimensions};
    if (p->target.dimensions == 0)
        p->target.dimensions = VECTORS_DIMENSIONS;
    if (p->target.type == KNOWLEDGE_AUTO)
        p->target.type = choose_type(p, p->target.dimensions);
    if (p->target.dimensions > VECTORS_DIMENSIONS_MAX)
        return err_make(ERR_CONFIG,
                        CHUNKS ".embedding has vectors of %zu numbers, and %d are the most: take "
                               "the column away (ALTER TABLE " CHUNKS
                               " RENAME COLUMN embedding TO embedding_before)",
                        p->target.dimensions, VECTORS_DIMENSIONS_MAX);
    bool is_there = !PQgetisnull(p->look, 0, VECTOR_SCHEMA);
    if (p->target.type == KNOWLEDGE_HALFVEC && !has_halfvec(p))
        return err_make(ERR_CONFIG,
                        "halfvec:%zu needs pgvector 0.7 or newer, which the database doesn't have: "
                        "install it, then CREATE EXTENSION vector (or ALTER EXTENSION vector "
                        "UPDATE); without it, take real:%zu",
                        p->target.dimensions, p->target.dimensions);
    if (p->target.type == KNOWLEDGE_VECTOR && !is_there && !look_bool(p, CAN_MAKE_VECTOR))
        return err_make(ERR_CONFIG,
                        "vector:%zu needs the extension pgvector, and the database doesn't have "
                        "it, nor may this role make it: install it, and let a superuser CREATE "
                        "EXTENSION vector; without it, take real:%zu",
                        p->target.dimensions, p->target.dimensions);
    return ERR_OK;
}

static struct err has_vectors(struct planning *p, const char *table, const struct shape *column,
                              bool *answer)
{
    struct buf sql = {0};
    bool here;
    if (column->type == KNOWLEDGE_AUTO || *answer)
        return ERR_OK;
    sql_fill(&sql, sql_knowledge_has_vectors, (const struct sql_var[]){{"table", table}, {0}});
    struct err e = chain_ask(p->pg, buf_cstr(&sql), NULL, &here);
    buf_free(&sql);
    *answer = !err_is(&e) && here;
    return e;
}

/* May the vectors that are there stay, must they go, or is that not for us to say? */
static struct err choose_fate(struct planning *p)
{
    const struct shape *is = p->recorded.type != KNOWLEDGE_AUTO ? &p->recorded : &p->chunks;
    bool is_other = (p->chunks.type != KNOWLEDGE_AUTO && p->chunks.dimensions > 0 &&
                     p->chunks.dimensions != p->target.dimensions) ||
                    (p->next.type != KNOWLEDGE_AUTO && p->next.dimensions > 0 &&
                     p->next.dimensions != p->target.dimensions);
    bool has = false;
    if (!is_other && !p->wish->discards)
        return ERR_OK;
    TRY(has_vectors(p, CHUNKS, &p->chunks, &has));
    TRY(has_vectors(p, CHUNKS_NEXT, &p->next, &has));
    if (has && !p->wish->discards)
        return err_make(
            ERR_CONFIG,
            "the database has vectors of %zu numbers, and vectors of %zu can't be made of them: "
            "`spoolgate migrate --embedding %s:%zu --discard-vectors` drops them, and `spoolgate "
            "embed --again missing` makes new ones",
            is->dimensions, p->target.dimensions, names[p->target.type], p->target.dimensions);
    p->drops = has || (p->wish->discards && p->has_model);
    return ERR_OK;
}

/* ---- the steps ---- */

static void begin(struct planning *p, const char *what)
{
    buf_printf(&p->says, "%s%s", p->says.len > 0 ? ", " : "", what);
}

static void plan_extension(struct planning *p)
{
    if (p->target.type == KNOWLEDGE_REAL || !PQgetisnull(p->look, 0, VECTOR_SCHEMA))
        return;
    begin(p, "extension vector");
    sql_fill(p->sql, sql_knowledge_extension,
             (const struct sql_var[]){{"home", look_text(p, VECTOR_HOME)}, {0}});
}

static void plan_column(struct planning *p, const char *table, const char *constraint,
                        const struct shape *is)
{
    struct buf type = {0};
    struct buf value = {0};
    char dimensions[24];
    bool changes = is->type != KNOWLEDGE_AUTO && (p->drops || !shape_is(is, &p->target));
    (void)snprintf(dimensions, sizeof dimensions, "%zu", p->target.dimensions);
    put_type(p, &type);
    buf_printf(&value, "%s::%s", p->drops ? "NULL" : "embedding", buf_cstr(&type));
    const struct sql_var vars[] = {{"table", table},           {"type", buf_cstr(&type)},
                                   {"constraint", constraint}, {"value", buf_cstr(&value)},
                                   {"dimensions", dimensions}, {0}};
    if (is->type == KNOWLEDGE_AUTO)
        sql_fill(p->sql, sql_knowledge_column_add, vars);
    else if (changes)
        sql_fill(p->sql, sql_knowledge_column_change, vars);
    if (p->target.type == KNOWLEDGE_REAL && (is->type == KNOWLEDGE_AUTO || changes))
        sql_fill(p->sql, sql_knowledge_column_length, vars);
    p->is_needed = p->is_needed || is->type == KNOWLEDGE_AUTO || changes;
    buf_free(&type);
    buf_free(&value);
}

static void plan_columns(struct planning *p)
{
    char what[160];
    char dimensions[24];
    size_t before = p->sql->len;
    buf_str(p->sql, sql_knowledge_alone);
    size_t alone = p->sql->len;
    plan_column(p, CHUNKS, "chunks_embedding_length", &p->chunks);
    plan_column(p, CHUNKS_NEXT, "chunks_next_embedding_length", &p->next);
    if (p->sql->len > alone) {
        (void)snprintf(what, sizeof what, "embedding %s:%zu%s", names[p->target.type],
                       p->target.dimensions,
                       p->drops ? " (the old vectors are dropped: `spoolgate embed --again "
                                  "missing` makes new ones)"
                                : "");
        begin(p, what);
    }
    if (p->drops)
        buf_str(p->sql, sql_knowledge_discard);
    if (!shape_is(&p->recorded, &p->target)) {
        (void)snprintf(dimensions, sizeof dimensions, "%zu", p->target.dimensions);
        if (p->sql->len == alone)
            begin(p, "record of the vectors");
        sql_fill(p->sql, sql_knowledge_record,
                 (const struct sql_var[]){
                     {"type", names[p->target.type]}, {"dimensions", dimensions}, {0}});
        p->is_needed = true;
    }
    if (p->sql->len == alone)
        p->sql->len = before; /* there is nothing to be alone for */
}

/* Indexes on the column go when it changes. */
static void plan_indexes(struct planning *p)
{
    struct buf class = {0};
    bool changes =
        p->chunks.type != KNOWLEDGE_AUTO && (p->drops || !shape_is(&p->chunks, &p->target));
    bool fits = p->target.type == KNOWLEDGE_HALFVEC ||
                (p->target.type == KNOWLEDGE_VECTOR && p->target.dimensions <= VECTOR_INDEX_MAX);
    bool has_hnsw = PQgetisnull(p->look, 0, VECTOR_SCHEMA) || look_bool(p, HAS_HNSW);
    if (fits && has_hnsw && (changes || !look_bool(p, HAS_INDEX))) {
        begin(p, "index of the vectors");
        buf_printf(&class, "%s.%s_cosine_ops", vector_schema(p), names[p->target.type]);
        sql_fill(p->sql, sql_knowledge_index,
                 (const struct sql_var[]){{"class", buf_cstr(&class)}, {0}});
    }
    if (!PQgetisnull(p->look, 0, TRIGRAM_SCHEMA) && !look_bool(p, HAS_TRIGRAMS)) {
        begin(p, "index of trigrams");
        buf_clear(&class);
        buf_printf(&class, "%s.gin_trgm_ops", look_text(p, TRIGRAM_SCHEMA));
        sql_fill(p->sql, sql_knowledge_trigrams,
                 (const struct sql_var[]){{"class", buf_cstr(&class)}, {0}});
    }
    buf_free(&class);
}

/* All three are made when one isn't this version's: their comments are one checksum. */
static void plan_functions(struct planning *p)
{
    struct buf type = {0};
    struct buf text = {0};
    struct buf wanted = {0};
    char version[HASH_HEX] = "";
    char dimensions[24];
    (void)snprintf(dimensions, sizeof dimensions, "%zu", p->target.dimensions);
    put_type(p, &type);
    for (int pass = 0; pass < 2; pass++) { /* the checksum is of the text without it */
        const struct sql_var vars[] = {{"type", buf_cstr(&type)},
                                       {"dimensions", dimensions},
                                       {"vectors", vector_schema(p)},
                                       {"version", version},
                                       {0}};
        buf_clear(&text);
        sql_fill(&text, sql_kb_match, vars);
        sql_fill(&text,
                 p->target.type == KNOWLEDGE_REAL ? sql_kb_nearest_real : sql_kb_nearest_vector,
                 vars);
        sql_fill(&text, sql_kb_search, vars);
        if (pass == 0)
            hash_bytes_hex(text.data, text.len, version);
    }
    buf_printf(&wanted, "%s %s %s", version, version, version);
    if (strcmp(look_text(p, FUNCTIONS), buf_cstr(&wanted)) != 0) {
        begin(p, "kb_nearest and kb_search");
        buf_put(p->sql, text.data, text.len);
        p->is_needed = true;
    }
    buf_free(&type);
    buf_free(&text);
    buf_free(&wanted);
}

static struct err plan_all(struct planning *p)
{
    p->chunks = look_shape(p, CHUNKS_TYPE, CHUNKS_DIMENSIONS);
    p->next = look_shape(p, NEXT_TYPE, NEXT_DIMENSIONS);
    TRY(read_record(p));
    /* Of an adopted real[] no CHECK says the length, so the column is changed to have it. */
    struct shape column = p->chunks;
    TRY(measure(p));
    TRY(choose_target(p));
    TRY(choose_fate(p));
    p->chunks = column;
    plan_extension(p);
    plan_columns(p);
    plan_indexes(p);
    plan_functions(p);
    return ERR_OK;
}

struct err vectors_plan(struct pg *pg, const struct knowledge_wish *wish, struct vectors *v,
                        struct migrate_report *report)
{
    struct planning p = {.pg = pg, .wish = wish, .sql = &v->sql};
    *v = (struct vectors){0};
    TRY(pg_query(pg, sql_knowledge_look, PG_NO_PARAMS, &p.look));
    struct err e = plan_all(&p);
    PQclear(p.look);
    if (!err_is(&e) && v->sql.len > 0)
        chain_add(report, buf_cstr(&p.says), buf_cstr(&v->sql));
    if (err_is(&e))
        buf_free(&v->sql);
    v->is_needed = p.is_needed;
    buf_free(&p.says);
    return e;
}

void vectors_free(struct vectors *v)
{
    buf_free(&v->sql);
}
