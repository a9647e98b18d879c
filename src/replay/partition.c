/* SPDX-License-Identifier: MIT */
#include "replay/partition.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sql.h"
#include "base/time.h"
#include "db/queries.h"
#include "stream/ddl.h"

enum { LEAVES_A_TRANSACTION = 50 }; /* each takes locks until the end: keep the lock table small */

static int compare(const struct partition *x, size_t stream, int64_t from_us)
{
    if (x->stream != stream)
        return x->stream < stream ? -1 : 1;
    return (x->from_us > from_us) - (x->from_us < from_us);
}

void partition_need(struct partition_list *list, size_t stream, int64_t from_us)
{
    size_t from = 0;
    size_t to = list->count;
    if (list->count > 0 && compare(&list->items[list->last], stream, from_us) == 0)
        return;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (compare(&list->items[middle], stream, from_us) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    list->last = from;
    if (from < list->count && compare(&list->items[from], stream, from_us) == 0)
        return;
    (void)MEM_PUSH(list->items, list->count, list->cap);
    memmove(&list->items[from + 1], &list->items[from],
            (list->count - 1 - from) * sizeof *list->items);
    list->items[from] = (struct partition){stream, from_us};
}

void partition_free(struct partition_list *list)
{
    free(list->items);
    *list = (struct partition_list){0};
}

/* The wanted leaves of one stream as a text[] literal. One that is past `keep` by now isn't wanted:
 * it would be let go again, and where it was detached to be kept, it must stay apart. Its rows are
 * rejects. */
static size_t leaf_array(struct buf *out, const struct stream *s, size_t index,
                         const struct partition_list *list)
{
    struct buf leaf = {0};
    size_t wanted = 0;
    int64_t keep_from = stream_keep_from(s, time_now());
    buf_byte(out, '{');
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].stream != index || list->items[i].from_us < keep_from)
            continue;
        buf_clear(&leaf);
        ddl_leaf_name(&leaf, s, list->items[i].from_us);
        sql_element(out, buf_cstr(&leaf));
        wanted++;
    }
    buf_byte(out, '}');
    buf_free(&leaf);
    return wanted;
}

static bool is_listed(const PGresult *leaves, const char *leaf)
{
    for (int i = 0; i < PQntuples(leaves); i++)
        if (strcmp(PQgetvalue(leaves, i, 0), leaf) == 0)
            return true;
    return false;
}

static struct err find_missing(struct pg *pg, const struct stream *s, size_t index,
                               const struct partition_list *list, PGresult **missing)
{
    struct buf leaves = {0};
    struct buf table = {0};
    struct err e = ERR_OK;
    *missing = NULL;
    ddl_table(&table, s);
    if (leaf_array(&leaves, s, index, list) > 0)
        e = pg_query_prepared(pg, sql_leaf_missing, PG_PARAMS(buf_cstr(&table), buf_cstr(&leaves)),
                              missing);
    buf_free(&leaves);
    buf_free(&table);
    return e;
}

static bool has_leaves(const struct stream *s)
{
    return s->every != PERIOD_NONE && !s->is_foreign;
}

/* In the transaction under way: at most so many of those that lack. */
static struct err make_missing(struct pg *pg, const struct stream *s, size_t index,
                               const struct partition_list *list, size_t most, size_t *made)
{
    PGresult *missing;
    struct buf sql = {0};
    struct buf leaf = {0};
    *made = 0;
    TRY(find_missing(pg, s, index, list, &missing));
    for (size_t i = 0; i < list->count && *made < most; i++) {
        if (list->items[i].stream != index)
            continue;
        buf_clear(&leaf);
        ddl_leaf_name(&leaf, s, list->items[i].from_us);
        if (!is_listed(missing, buf_cstr(&leaf)))
            continue;
        ddl_leaf(&sql, s, list->items[i].from_us);
        (*made)++;
    }
    PQclear(missing);
    struct err e = sql.len > 0 ? pg_exec(pg, buf_cstr(&sql)) : ERR_OK;
    buf_free(&sql);
    buf_free(&leaf);
    return e;
}

/* One transaction's worth of leaves. The list is asked for again under the lock: another daemon may
 * have made them while we waited. */
static struct err make_some(struct pg *pg, const struct stream *s, size_t index,
                            const struct partition_list *list, size_t *made)
{
    struct err e = pg_exec(pg, sql_partition_lock);
    if (!err_is(&e))
        e = make_missing(pg, s, index, list, LEAVES_A_TRANSACTION, made);
    if (!err_is(&e))
        e = pg_commit(pg);
    if (err_is(&e))
        pg_rollback(pg);
    return e;
}

static struct err ensure_stream(struct pg *pg, const struct stream *s, size_t index,
                                const struct partition_list *list, size_t *made)
{
    PGresult *missing;
    size_t some;
    TRY(find_missing(pg, s, index, list, &missing));
    int wanted = PQntuples(missing);
    PQclear(missing);
    if (wanted == 0)
        return ERR_OK;
    do {
        TRY(make_some(pg, s, index, list, &some));
        if (made)
            *made += some;
    } while (some == LEAVES_A_TRANSACTION);
    return ERR_OK;
}

struct err partition_ensure(struct pg *pg, const struct stream_set *streams,
                            const struct partition_list *list, size_t *made)
{
    for (size_t i = 0; i < streams->count; i++)
        if (has_leaves(&streams->streams[i]))
            TRY(ensure_stream(pg, &streams->streams[i], i, list, made));
    return ERR_OK;
}

struct err partition_make_here(struct pg *pg, const struct stream_set *streams,
                               const struct partition_list *list)
{
    size_t made;
    for (size_t i = 0; i < streams->count; i++)
        if (has_leaves(&streams->streams[i]))
            TRY(make_missing(pg, &streams->streams[i], i, list, SIZE_MAX, &made));
    return ERR_OK;
}

struct err partition_missing(struct pg *pg, const struct stream_set *streams,
                             const struct partition_list *list,
                             void (*visit)(void *context, const char *leaf), void *context)
{
    for (size_t i = 0; i < streams->count; i++) {
        PGresult *missing;
        if (!has_leaves(&streams->streams[i]))
            continue;
        TRY(find_missing(pg, &streams->streams[i], i, list, &missing));
        for (int row = 0; row < PQntuples(missing); row++)
            visit(context, PQgetvalue(missing, row, 0));
        PQclear(missing);
    }
    return ERR_OK;
}
