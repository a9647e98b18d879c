/* SPDX-License-Identifier: MIT */
#include "replay/leaves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"
#include "db/queries.h"
#include "stream/ddl.h"

#define MARK_END ", past keep: will be dropped; rename the table to keep it"

/* How the marks of a table's partitions begin. */
static const char *mark_start(const struct leaves *l, char mark[LEAF_MARK])
{
    (void)snprintf(mark, LEAF_MARK, "spoolgate: partition of table %s from ", l->oid);
    return mark;
}

const char *leaf_mark(const struct leaves *l, int64_t from_us, char mark[LEAF_MARK])
{
    char from[TIME_TEXT];
    (void)mark_start(l, mark);
    size_t len = strlen(mark);
    (void)snprintf(mark + len, LEAF_MARK - len, "%s" MARK_END, time_format(from_us, from));
    return mark;
}

static bool is_true(const PGresult *rows, int row, int column)
{
    return strcmp(PQgetvalue(rows, row, column), "t") == 0;
}

static bool read_time(const char *text, int64_t *us)
{
    return time_parse(text, strlen(text), us);
}

static struct err read_parent(const PGresult *rows, const struct stream *s, struct leaves *l)
{
    char label[STREAM_LABEL];
    if (PQntuples(rows) == 0)
        return err_make(ERR_CONFIG, "table %s of stream %s is missing", stream_label(s, label),
                        s->name);
    (void)snprintf(l->oid, sizeof l->oid, "%s", PQgetvalue(rows, 0, 0));
    if (!is_true(rows, 0, 1))
        return err_make(ERR_CONFIG,
                        "table %s is not partitioned by range of column %s, as stream %s says",
                        stream_label(s, label), s->columns[s->time_column].name, s->name);
    l->has_default = is_true(rows, 0, 2);
    if (!read_time(PQgetvalue(rows, 0, 3), &l->now_us))
        return err_make(ERR_DATABASE, "the server's clock says %s", PQgetvalue(rows, 0, 3));
    return ERR_OK;
}

struct err leaves_find(struct pg *pg, const struct stream *s, struct leaves *l)
{
    struct buf table = {0};
    PGresult *rows;
    *l = (struct leaves){0};
    ddl_table(&table, s);
    struct err e = pg_query(pg, sql_leaf_parent,
                            PG_PARAMS(buf_cstr(&table), s->columns[s->time_column].name), &rows);
    buf_free(&table);
    if (err_is(&e))
        return e;
    e = read_parent(rows, s, l);
    PQclear(rows);
    return e;
}

static bool is_named_for(const struct stream *s, const struct leaf *leaf)
{
    char name[STREAM_LEAF_NAME];
    stream_leaf_name(s, leaf->from_us, name);
    return strcmp(leaf->name, name) == 0;
}

static struct leaf *add(struct leaves *l, const PGresult *rows, int row)
{
    struct leaf *leaf = MEM_PUSH(l->items, l->count, l->cap);
    *leaf = (struct leaf){.to_us = INT64_MAX};
    (void)snprintf(leaf->oid, sizeof leaf->oid, "%s", PQgetvalue(rows, row, 0));
    (void)snprintf(leaf->name, sizeof leaf->name, "%s", PQgetvalue(rows, row, 1));
    return leaf;
}

static void add_partition(const struct stream *s, struct leaves *l, const PGresult *rows, int row)
{
    char mark[LEAF_MARK];
    struct leaf *leaf = add(l, rows, row);
    bool is_table = is_true(rows, row, 2);
    bool has_from = read_time(PQgetvalue(rows, row, 5), &leaf->from_us);
    bool has_to = read_time(PQgetvalue(rows, row, 6), &leaf->to_us);
    if (!has_to)
        leaf->to_us = INT64_MAX;
    leaf->state = is_true(rows, row, 3) ? LEAF_PENDING : LEAF_ATTACHED;
    if (!is_table || !has_from || !has_to)
        return;
    struct period_range period = period_range(s->every, leaf->from_us);
    leaf->is_ours =
        period.from_us == leaf->from_us && period.to_us == leaf->to_us && is_named_for(s, leaf);
    leaf->is_marked = strcmp(PQgetvalue(rows, row, 4), leaf_mark(l, leaf->from_us, mark)) == 0;
}

/* A mark is believed when it is, letter by letter, the one that we would make for this name. */
static void add_left(const struct stream *s, struct leaves *l, const PGresult *rows, int row)
{
    char mark[LEAF_MARK];
    struct leaf *leaf = add(l, rows, row);
    const char *text = PQgetvalue(rows, row, 2);
    const char *from = text + strlen(mark_start(l, mark));
    leaf->state = LEAF_LEFT;
    if (!time_parse(from, strcspn(from, ","), &leaf->from_us))
        return;
    struct period_range period = period_range(s->every, leaf->from_us);
    leaf->to_us = period.to_us;
    leaf->is_marked = strcmp(text, leaf_mark(l, leaf->from_us, mark)) == 0;
    leaf->is_ours = leaf->is_marked && period.from_us == leaf->from_us && is_named_for(s, leaf);
}

struct err leaves_list(struct pg *pg, const struct stream *s, struct leaves *l)
{
    char start[LEAF_MARK];
    PGresult *rows;
    l->count = 0;
    TRY(pg_query(pg, sql_leaf_left, PG_PARAMS(l->oid, mark_start(l, start)), &rows));
    for (int i = 0; i < PQntuples(rows); i++)
        add_left(s, l, rows, i);
    PQclear(rows);
    TRY(pg_query(pg, sql_leaf_list, PG_PARAMS(l->oid), &rows));
    for (int i = 0; i < PQntuples(rows); i++)
        add_partition(s, l, rows, i);
    PQclear(rows);
    return ERR_OK;
}

void leaves_free(struct leaves *l)
{
    free(l->items);
    *l = (struct leaves){0};
}
