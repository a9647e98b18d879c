/* SPDX-License-Identifier: MIT */
#include "stream/ddl.h"

#include <stdio.h>

#include "base/sql.h"
#include "base/time.h"
#include "db/queries.h"

static void append_definitions(struct buf *out, const struct stream *s)
{
    for (size_t i = 0; i < s->column_count; i++) {
        const struct column *c = &s->columns[i];
        if (i > 0)
            buf_str(out, ",\n    ");
        sql_identifier(out, c->name);
        buf_byte(out, ' ');
        buf_str(out, column_type_name(c->type));
        if (c->required)
            buf_str(out, " NOT NULL");
        if (c->fallback) {
            buf_str(out, " DEFAULT ");
            sql_literal(out, c->fallback);
        }
    }
}

static void append_names(struct buf *out, const struct stream *s)
{
    for (size_t i = 0; i < s->column_count; i++) {
        if (i > 0)
            buf_str(out, ", ");
        sql_identifier(out, s->columns[i].name);
    }
}

void ddl_parent(struct buf *out, const struct stream *s)
{
    struct buf definitions = {0};
    char index[64];
    const char *by = s->columns[s->time_column].name;
    append_definitions(&definitions, s);
    (void)snprintf(index, sizeof index, "%.40s_%.16s_brin", s->table, by);
    sql_fill(out, sql_stream_parent,
             (const struct sql_var[]){{"table", s->table},
                                      {"definitions", buf_cstr(&definitions)},
                                      {"by", by},
                                      {"index", index},
                                      {0}});
    buf_free(&definitions);
}

static const char *day_bound(int64_t day, char text[TIME_TEXT])
{
    return time_format(day * TIME_US_PER_DAY, text);
}

void ddl_leaf(struct buf *out, const struct stream *s, int64_t day)
{
    char leaf[STREAM_LEAF_NAME];
    char from[TIME_TEXT];
    char to[TIME_TEXT];
    stream_leaf_name(s, day, leaf);
    sql_fill(out, sql_leaf_create,
             (const struct sql_var[]){{"table", s->table},
                                      {"leaf", leaf},
                                      {"from", day_bound(day, from)},
                                      {"to", day_bound(day + 1, to)},
                                      {0}});
}

void ddl_copy(struct buf *out, const struct stream *s)
{
    struct buf names = {0};
    append_names(&names, s);
    sql_fill(out, sql_stream_copy,
             (const struct sql_var[]){{"table", s->table}, {"columns", buf_cstr(&names)}, {0}});
    buf_free(&names);
}
