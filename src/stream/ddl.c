/* SPDX-License-Identifier: MIT */
#include "stream/ddl.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/sql.h"
#include "base/time.h"
#include "db/queries.h"

enum { HASH_SHOWN = 8 };

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

/* TABLE_COLUMNS_METHOD; a name that is too long ends in a hash of all of it. It is cut between
 * characters: the server takes no half ones. */
const char *ddl_index_name(const struct stream *s, const struct stream_index *index,
                           char name[DDL_NAME])
{
    struct buf whole = {0};
    char hex[HASH_HEX];
    buf_str(&whole, s->table);
    for (size_t i = 0; i < index->column_count; i++)
        buf_printf(&whole, "_%s", s->columns[index->columns[i]].name);
    buf_printf(&whole, "_%s", index->unique ? "key" : index->method);
    if (whole.len < DDL_NAME) {
        (void)snprintf(name, DDL_NAME, "%s", buf_cstr(&whole));
    } else {
        size_t kept = DDL_NAME - 1 - HASH_SHOWN - 1;
        while ((whole.data[kept] & 0xc0) == 0x80)
            kept--;
        hash_bytes_hex(whole.data, whole.len, hex);
        (void)snprintf(name, DDL_NAME, "%.*s_%.*s", (int)kept, buf_cstr(&whole), HASH_SHOWN, hex);
    }
    buf_free(&whole);
    return name;
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
    for (size_t i = 0; i < index->column_count; i++) {
        buf_str(&columns, i > 0 ? ", " : "");
        sql_identifier(&columns, s->columns[index->columns[i]].name);
    }
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
