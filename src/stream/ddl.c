/* SPDX-License-Identifier: MIT */
#include "stream/ddl.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/sql.h"
#include "base/time.h"
#include "db/queries.h"

enum { NAME_MAX_BYTES = 63 }; /* Postgres cuts identifiers there */

void ddl_column(struct buf *out, const struct column *c)
{
    char type[COLUMN_TYPE_NAME];
    sql_identifier(out, c->name);
    buf_byte(out, ' ');
    buf_str(out, column_type_name(c, type));
    if (c->required)
        buf_str(out, " NOT NULL");
    if (c->fallback.text) {
        buf_str(out, " DEFAULT ");
        sql_literal(out, c->fallback.text);
    }
}

static void append_definitions(struct buf *out, const struct stream *s)
{
    for (size_t i = 0; i < s->column_count; i++) {
        if (i > 0)
            buf_str(out, ",\n    ");
        ddl_column(out, &s->columns[i]);
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

/* TABLE_COLUMNS_METHOD; a name that is too long ends in a hash of all of it. */
static const char *index_name(const struct stream *s, const struct stream_index *index,
                              char name[NAME_MAX_BYTES + 1])
{
    struct buf whole = {0};
    char hex[HASH_HEX];
    buf_str(&whole, s->table);
    for (size_t i = 0; i < index->column_count; i++)
        buf_printf(&whole, "_%s", s->columns[index->columns[i]].name);
    buf_printf(&whole, "_%s", index->unique ? "key" : index->method);
    hash_bytes_hex(whole.data, whole.len, hex);
    if (whole.len <= NAME_MAX_BYTES)
        (void)snprintf(name, NAME_MAX_BYTES + 1, "%s", buf_cstr(&whole));
    else
        (void)snprintf(name, NAME_MAX_BYTES + 1, "%.54s_%.8s", buf_cstr(&whole), hex);
    buf_free(&whole);
    return name;
}

void ddl_index(struct buf *out, const struct stream *s, const struct stream_index *index)
{
    struct buf table = {0};
    struct buf columns = {0};
    char name[NAME_MAX_BYTES + 1];
    ddl_table(&table, s);
    for (size_t i = 0; i < index->column_count; i++) {
        buf_str(&columns, i > 0 ? ", " : "");
        sql_identifier(&columns, s->columns[index->columns[i]].name);
    }
    sql_fill(out, sql_stream_index,
             (const struct sql_var[]){{"unique", index->unique ? "UNIQUE" : ""},
                                      {"index", index_name(s, index, name)},
                                      {"table", buf_cstr(&table)},
                                      {"method", index->method},
                                      {"columns", buf_cstr(&columns)},
                                      {0}});
    buf_free(&table);
    buf_free(&columns);
}

bool ddl_key(const struct stream *s, struct stream_index *index)
{
    *index = (struct stream_index){
        .method = "btree", .unique = true, .columns = s->key, .column_count = s->key_count};
    return s->key_count > 0;
}

void ddl_stream(struct buf *out, const struct stream *s)
{
    struct buf table = {0};
    struct buf definitions = {0};
    struct buf partitioning = {0};
    struct stream_index key;
    ddl_table(&table, s);
    append_definitions(&definitions, s);
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
        ddl_index(out, s, &key);
    for (size_t i = 0; i < s->index_count; i++)
        ddl_index(out, s, &s->indexes[i]);
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

void ddl_copy(struct buf *out, const struct stream *s)
{
    struct buf table = {0};
    struct buf names = {0};
    ddl_table(&table, s);
    for (size_t i = 0; i < s->column_count; i++) {
        buf_str(&names, i > 0 ? ", " : "");
        sql_identifier(&names, s->columns[i].name);
    }
    sql_fill(
        out, sql_stream_copy,
        (const struct sql_var[]){{"table", buf_cstr(&table)}, {"columns", buf_cstr(&names)}, {0}});
    buf_free(&table);
    buf_free(&names);
}
