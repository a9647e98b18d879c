/* SPDX-License-Identifier: MIT */
#include "replay/partition.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "db/queries.h"
#include "stream/ddl.h"

enum { LEAVES_A_TRANSACTION = 50 }; /* each takes locks until the end: keep the lock table small */

static int compare(const struct partition_day *x, size_t stream, int64_t day)
{
    if (x->stream != stream)
        return x->stream < stream ? -1 : 1;
    return (x->day > day) - (x->day < day);
}

void partition_need(struct partition_days *days, size_t stream, int64_t time_us)
{
    int64_t day = time_day(time_us);
    size_t from = 0;
    size_t to = days->count;
    if (days->count > 0 && compare(&days->items[days->last], stream, day) == 0)
        return;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (compare(&days->items[middle], stream, day) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    days->last = from;
    if (from < days->count && compare(&days->items[from], stream, day) == 0)
        return;
    (void)MEM_PUSH(days->items, days->count, days->cap);
    memmove(&days->items[from + 1], &days->items[from],
            (days->count - 1 - from) * sizeof *days->items);
    days->items[from] = (struct partition_day){stream, day};
}

void partition_free(struct partition_days *days)
{
    free(days->items);
    *days = (struct partition_days){0};
}

/* The wanted leaves of one stream as a text[] literal. Their names hold nothing that needs more
 * than quotes: the table's name and digits. */
static size_t leaf_array(struct buf *out, const struct stream *s, size_t index,
                         const struct partition_days *days)
{
    size_t wanted = 0;
    buf_byte(out, '{');
    for (size_t i = 0; i < days->count; i++) {
        char leaf[STREAM_LEAF_NAME];
        if (days->items[i].stream != index)
            continue;
        stream_leaf_name(s, days->items[i].day, leaf);
        buf_printf(out, "%s\"%s\"", wanted++ > 0 ? "," : "", leaf);
    }
    buf_byte(out, '}');
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
                               const struct partition_days *days, PGresult **missing)
{
    struct buf leaves = {0};
    struct err e = ERR_OK;
    *missing = NULL;
    if (leaf_array(&leaves, s, index, days) > 0)
        e = pg_query_prepared(pg, sql_leaf_missing, PG_PARAMS(s->table, buf_cstr(&leaves)),
                              missing);
    buf_free(&leaves);
    return e;
}

/* One transaction's worth of leaves. The list is asked for again under the lock: another daemon may
 * have made them while we waited. */
static struct err make_some(struct pg *pg, const struct stream *s, size_t index,
                            const struct partition_days *days, size_t *made)
{
    PGresult *missing = NULL;
    struct buf sql = {0};
    *made = 0;
    struct err e = pg_exec(pg, sql_partition_lock);
    if (!err_is(&e))
        e = find_missing(pg, s, index, days, &missing);
    for (size_t i = 0; !err_is(&e) && i < days->count && *made < LEAVES_A_TRANSACTION; i++) {
        char leaf[STREAM_LEAF_NAME];
        stream_leaf_name(s, days->items[i].day, leaf);
        if (days->items[i].stream != index || !is_listed(missing, leaf))
            continue;
        ddl_leaf(&sql, s, days->items[i].day);
        (*made)++;
    }
    if (!err_is(&e) && sql.len > 0)
        e = pg_exec(pg, buf_cstr(&sql));
    if (!err_is(&e))
        e = pg_commit(pg);
    if (err_is(&e))
        pg_rollback(pg);
    PQclear(missing);
    buf_free(&sql);
    return e;
}

static struct err ensure_stream(struct pg *pg, const struct stream *s, size_t index,
                                const struct partition_days *days, size_t *made)
{
    PGresult *missing;
    size_t some;
    TRY(find_missing(pg, s, index, days, &missing));
    int wanted = PQntuples(missing);
    PQclear(missing);
    if (wanted == 0)
        return ERR_OK;
    do {
        TRY(make_some(pg, s, index, days, &some));
        if (made)
            *made += some;
    } while (some == LEAVES_A_TRANSACTION);
    return ERR_OK;
}

struct err partition_ensure(struct pg *pg, const struct stream_set *streams,
                            const struct partition_days *days, size_t *made)
{
    for (size_t i = 0; i < streams->count; i++)
        TRY(ensure_stream(pg, &streams->streams[i], i, days, made));
    return ERR_OK;
}
