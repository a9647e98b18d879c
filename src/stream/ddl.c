/* SPDX-License-Identifier: MIT */
#include "stream/ddl.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/sql.h"
#include "base/time.h"
#include "base/utf8.h"
#include "db/queries.h"

void ddl_type(struct buf *out, const struct column *c, const char *vector_schema)
{
    char type[COLUMN_TYPE_NAME];
    if (vector_schema && (c->type == COLUMN_VECTOR || c->type == COLUMN_HALFVEC)) {
        sql_identifier(out, vector_schema);
        buf_byte(out, '.');
    }
    buf_str(out, column_type_name(c, type));
}

void ddl_column(struct buf *out, const struct column *c, const char *vector_schema)
{
    sql_identifier(out, c->name);
    buf_byte(out, ' ');
    ddl_type(out, c, vector_schema);
    if (c->required)
        buf_str(out, " NOT NULL");
    if (c->fallback.text) {
        buf_str(out, " DEFAULT ");
        sql_literal(out, c->fallback.text);
    }
}

static void append_definitions(struct buf *out, const struct stream *s, const char *vector_schema)
{
    for (size_t i = 0; i < s->column_count; i++) {
        if (i > 0)
            buf_str(out, ",\n    ");
        ddl_column(out, &s->columns[i], vector_schema);
    }
}

static void append_name(struct buf *out, const struct stream *s, const char *name)
{
    if (s->schema) {
        sql_identifier(out, s->schema);
        buf_byte(out, '.');
    }
    sql_identifier(out, name);
}

void ddl_table(struct buf *out, const struct stream *s)
{
    append_name(out, s, s->table);
}

void ddl_leaf_name(struct buf *out, const struct stream *s, int64_t from_us)
{
    char leaf[STREAM_LEAF_NAME];
    stream_leaf_name(s, from_us, leaf);
    append_name(out, s, leaf);
}

/* A name that is too long ends in a hash of all of it. Frees whole. */
static const char *fit_name(struct buf *whole, char name[DDL_NAME])
{
    enum { HASH_DIGITS = 8, KEPT = DDL_NAME - 1 - HASH_DIGITS - 1 };
    char hex[HASH_HEX];
    if (whole->len < DDL_NAME) {
        (void)snprintf(name, DDL_NAME, "%s", buf_cstr(whole));
    } else {
        hash_bytes_hex(whole->data, whole->len, hex);
        int kept = (int)utf8_check(whole->data, KEPT); /* not half a character */
        (void)snprintf(name, DDL_NAME, "%.*s_%.*s", kept, buf_cstr(whole), HASH_DIGITS, hex);
    }
    buf_free(whole);
    return name;
}

/* TABLE_COLUMNS_METHOD */
const char *ddl_index_name(const struct stream *s, const struct stream_index *index,
                           char name[DDL_NAME])
{
    struct buf whole = {0};
    buf_str(&whole, s->table);
    for (size_t i = 0; i < index->column_count; i++)
        buf_printf(&whole, "_%s", s->columns[index->columns[i]].name);
    buf_printf(&whole, "_%s", index->unique ? "key" : index->method);
    return fit_name(&whole, name);
}

static void append_columns(struct buf *out, const struct stream *s, const size_t *columns,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_str(out, i > 0 ? ", " : "");
        sql_identifier(out, s->columns[columns[i]].name);
    }
}

static void append_all_columns(struct buf *out, const struct stream *s)
{
    for (size_t i = 0; i < s->column_count; i++) {
        buf_str(out, i > 0 ? ", " : "");
        sql_identifier(out, s->columns[i].name);
    }
}

void ddl_index(struct buf *out, const struct stream *s, const struct stream_index *index,
               bool concurrently)
{
    static const char *const what[2][2] = {{"INDEX", "INDEX CONCURRENTLY"},
                                           {"UNIQUE INDEX", "UNIQUE INDEX CONCURRENTLY"}};
    struct buf table = {0};
    struct buf columns = {0};
    char name[DDL_NAME];
    ddl_table(&table, s);
    append_columns(&columns, s, index->columns, index->column_count);
    sql_fill(out, sql_stream_index,
             (const struct sql_var[]){{"what", what[index->unique][concurrently]},
                                      {"index", ddl_index_name(s, index, name)},
                                      {"table", buf_cstr(&table)},
                                      {"method", index->method},
                                      {"columns", buf_cstr(&columns)},
                                      {0}});
    buf_free(&table);
    buf_free(&columns);
}

void ddl_index_drop(struct buf *out, const struct stream *s, const struct stream_index *index,
                    bool concurrently)
{
    struct buf quoted = {0};
    char name[DDL_NAME];
    append_name(&quoted, s, ddl_index_name(s, index, name));
    sql_fill(out, sql_stream_index_drop,
             (const struct sql_var[]){{"what", concurrently ? "INDEX CONCURRENTLY" : "INDEX"},
                                      {"index", buf_cstr(&quoted)},
                                      {0}});
    buf_free(&quoted);
}

bool ddl_key(const struct stream *s, struct stream_index *index)
{
    *index = (struct stream_index){
        .method = "btree", .unique = true, .columns = s->key, .column_count = s->key_count};
    return s->key_count > 0;
}

void ddl_stream(struct buf *out, const struct stream *s, const char *vector_schema)
{
    struct buf table = {0};
    struct buf definitions = {0};
    struct buf partitioning = {0};
    struct stream_index key;
    ddl_table(&table, s);
    append_definitions(&definitions, s, vector_schema);
    if (s->every != PERIOD_NONE) {
        buf_str(&partitioning, " PARTITION BY RANGE (");
        sql_identifier(&partitioning, s->columns[s->time_column].name);
        buf_byte(&partitioning, ')');
    }
    sql_fill(out, sql_stream_table,
             (const struct sql_var[]){{"table", buf_cstr(&table)},
                                      {"definitions", buf_cstr(&definitions)},
                                      {"partitioning", buf_cstr(&partitioning)},
                                      {0}});
    if (ddl_key(s, &key))
        ddl_index(out, s, &key, false);
    for (size_t i = 0; i < s->index_count; i++)
        ddl_index(out, s, &s->indexes[i], false);
    buf_free(&table);
    buf_free(&definitions);
    buf_free(&partitioning);
}

void ddl_leaf(struct buf *out, const struct stream *s, int64_t from_us)
{
    struct buf table = {0};
    struct buf leaf = {0};
    char from[TIME_TEXT];
    char to[TIME_TEXT];
    ddl_table(&table, s);
    ddl_leaf_name(&leaf, s, from_us);
    sql_fill(
        out, sql_leaf_create,
        (const struct sql_var[]){{"table", buf_cstr(&table)},
                                 {"leaf", buf_cstr(&leaf)},
                                 {"from", time_format(from_us, from)},
                                 {"to", time_format(period_range(s->every, from_us).to_us, to)},
                                 {0}});
    buf_free(&table);
    buf_free(&leaf);
}

/* ---- the stage of a stream with a key ---- */

static const char *stage_name(const struct stream *s, char name[DDL_NAME])
{
    struct buf whole = {0};
    buf_printf(&whole, "spoolgate stage %s", s->name);
    return fit_name(&whole, name);
}

static void append_stage_columns(struct buf *out, const struct stream *s)
{
    for (size_t i = 0; i < s->column_count; i++)
        buf_printf(out, "%sc%zu", i > 0 ? ", " : "", i);
}

void ddl_stage_create(struct buf *out, const struct stream *s)
{
    struct buf names = {0};
    struct buf columns = {0};
    struct buf table = {0};
    char stage[DDL_NAME];
    append_stage_columns(&names, s);
    append_all_columns(&columns, s);
    ddl_table(&table, s);
    sql_fill(out, sql_stage_create,
             (const struct sql_var[]){{"stage", stage_name(s, stage)},
                                      {"names", buf_cstr(&names)},
                                      {"columns", buf_cstr(&columns)},
                                      {"table", buf_cstr(&table)},
                                      {0}});
    buf_free(&names);
    buf_free(&columns);
    buf_free(&table);
}

/* Of rows with the same key: for ignore the first; for upsert the one of the highest version, and
 * the last of those. */
static void append_order(struct buf *out, const struct stream *s, const char *keys)
{
    buf_str(out, keys);
    if (s->mode == STREAM_UPSERT && s->version != STREAM_NO_COLUMN)
        buf_printf(out, ", c%zu DESC NULLS LAST", s->version);
    buf_str(out, s->mode == STREAM_UPSERT ? ", n DESC" : ", n");
}

static bool is_in_key(const struct stream *s, size_t column)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (s->key[i] == column)
            return true;
    return false;
}

static void append_assignments(struct buf *out, const struct stream *s)
{
    bool any = false;
    for (size_t i = 0; i < s->column_count; i++) {
        if (is_in_key(s, i))
            continue;
        buf_str(out, any ? ", " : "UPDATE SET ");
        sql_identifier(out, s->columns[i].name);
        buf_str(out, " = EXCLUDED.");
        sql_identifier(out, s->columns[i].name);
        any = true;
    }
}

/* A row that is there and has no version is older than any. */
static void append_version_check(struct buf *out, const struct stream *s)
{
    const char *version = s->columns[s->version].name;
    buf_str(out, " WHERE there.");
    sql_identifier(out, version);
    buf_str(out, " IS NULL OR EXCLUDED.");
    sql_identifier(out, version);
    buf_str(out, " >= there.");
    sql_identifier(out, version);
}

static void append_action(struct buf *out, const struct stream *s)
{
    if (s->mode == STREAM_UPSERT)
        append_assignments(out, s);
    if (out->len == 0) /* ignore; or there is nothing beside the key */
        buf_str(out, "NOTHING");
    else if (s->version != STREAM_NO_COLUMN)
        append_version_check(out, s);
}

void ddl_stage_merge(struct buf *out, const struct stream *s)
{
    struct buf table = {0};
    struct buf columns = {0};
    struct buf names = {0};
    struct buf keys = {0};
    struct buf order = {0};
    struct buf conflict = {0};
    struct buf action = {0};
    char stage[DDL_NAME];
    ddl_table(&table, s);
    append_all_columns(&columns, s);
    append_stage_columns(&names, s);
    for (size_t i = 0; i < s->key_count; i++)
        buf_printf(&keys, "%sc%zu", i > 0 ? ", " : "", s->key[i]);
    append_order(&order, s, buf_cstr(&keys));
    append_columns(&conflict, s, s->key, s->key_count);
    append_action(&action, s);
    sql_fill(out, sql_stage_merge,
             (const struct sql_var[]){{"table", buf_cstr(&table)},
                                      {"columns", buf_cstr(&columns)},
                                      {"stage", stage_name(s, stage)},
                                      {"names", buf_cstr(&names)},
                                      {"keys", buf_cstr(&keys)},
                                      {"order", buf_cstr(&order)},
                                      {"conflict", buf_cstr(&conflict)},
                                      {"action", buf_cstr(&action)},
                                      {0}});
    buf_free(&table);
    buf_free(&columns);
    buf_free(&names);
    buf_free(&keys);
    buf_free(&order);
    buf_free(&conflict);
    buf_free(&action);
}

void ddl_stage_empty(struct buf *out, const struct stream *s)
{
    char stage[DDL_NAME];
    sql_fill(out, sql_stage_empty, (const struct sql_var[]){{"stage", stage_name(s, stage)}, {0}});
}

/* ---- COPY ---- */

/* Where its rows go first. */
static void append_target(struct buf *out, const struct stream *s)
{
    char stage[DDL_NAME];
    if (!stream_is_staged(s)) {
        ddl_table(out, s);
        return;
    }
    buf_str(out, "pg_temp.");
    sql_identifier(out, stage_name(s, stage));
}

void ddl_copy(struct buf *out, const struct stream *s)
{
    struct buf target = {0};
    struct buf names = {0};
    append_target(&target, s);
    if (stream_is_staged(s))
        append_stage_columns(&names, s);
    else
        append_all_columns(&names, s);
    sql_fill(
        out, sql_stream_copy,
        (const struct sql_var[]){{"table", buf_cstr(&target)}, {"columns", buf_cstr(&names)}, {0}});
    buf_free(&target);
    buf_free(&names);
}
