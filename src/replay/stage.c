/* SPDX-License-Identifier: MIT */
/*
 * Two loaders that write the same keys must not wait for each other in a circle:
 *
 * - Within a table, rows are locked in the order of their keys (stage_merge.sql), which is the same
 *   for all loaders.
 * - Tables are merged in the order of their names, so that nobody who holds rows of one waits for
 *   rows of one before it. It is the last thing a transaction does before its receipt: what comes
 *   earlier, the ledger's keys and the COPYs, nobody waits for while holding rows of ours.
 * - Who can't keep to the order of keys (careful mode goes in blocks of frames; a table that two
 *   streams share is gone through twice) takes the table's advisory lock alone, the others share
 *   it. These locks, too, are taken in the order of names, and before the rows.
 *
 * What is left is other people's: their transactions, and unique indexes that they put on a table
 * we only append to. The server breaks such a circle (40P01), and the batch is tried again.
 */
#include "replay/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "db/queries.h"
#include "stream/ddl.h"

void stages_open(struct stages *st, struct pg *pg, const struct stream_set *streams)
{
    *st = (struct stages){
        .pg = pg, .streams = streams, .made = mem_calloc(streams->count, sizeof *st->made)};
}

void stages_close(struct stages *st)
{
    free(st->made);
    *st = (struct stages){0};
}

static const struct stream *stream_at(const struct stages *st, size_t place)
{
    return &st->streams->streams[st->made[place]];
}

static int by_table(const struct stream *a, const struct stream *b)
{
    int order = strcmp(a->schema ? a->schema : "", b->schema ? b->schema : "");
    return order != 0 ? order : strcmp(a->table, b->table);
}

static void add(struct stages *st, size_t stream)
{
    size_t at = st->count++;
    for (; at > 0 && by_table(stream_at(st, at - 1), &st->streams->streams[stream]) > 0; at--)
        st->made[at] = st->made[at - 1];
    st->made[at] = stream;
}

/* What the server says is true, but it can't know what we were about. */
static struct err explain(const struct err *e, const struct stream *s)
{
    char label[STREAM_LABEL];
    const char *mode = s->mode == STREAM_UPSERT ? "upsert" : "ignore";
    struct err said = *e;
    if (strcmp(e->sqlstate, "42501") == 0)
        said = err_make(e->cls,
                        "%.250s; mode: %s needs TEMPORARY on the database, and SELECT, INSERT%s on "
                        "%s: GRANT them",
                        e->text, mode, s->mode == STREAM_UPSERT ? " and UPDATE" : "",
                        stream_label(s, label));
    else if (strcmp(e->sqlstate, "42P10") == 0)
        said = err_make(e->cls,
                        "%.250s; mode: %s needs a unique index on %s of exactly the stream's key",
                        e->text, mode, stream_label(s, label));
    (void)memcpy(said.sqlstate, e->sqlstate, sizeof said.sqlstate);
    return said;
}

static struct err lock(struct stages *st, const struct stream *s, const char *sql)
{
    struct buf table = {0};
    ddl_table(&table, s);
    struct err e = pg_query_prepared(st->pg, sql, PG_PARAMS(buf_cstr(&table)), NULL);
    buf_free(&table);
    return e;
}

static struct err run(struct stages *st, const struct stream *s,
                      void (*ddl)(struct buf *, const struct stream *), PGresult **result)
{
    struct buf sql = {0};
    ddl(&sql, s);
    struct err e = result ? pg_query(st->pg, buf_cstr(&sql), PG_NO_PARAMS, result)
                          : pg_exec(st->pg, buf_cstr(&sql));
    buf_free(&sql);
    return err_is(&e) ? explain(&e, s) : e;
}

struct err stages_make(struct stages *st, const struct partition_list *rows, bool alone)
{
    for (size_t i = 0; i < rows->count; i++) {
        size_t stream = rows->items[i].stream;
        bool is_new = i == 0 || rows->items[i - 1].stream != stream;
        if (is_new && stream_is_staged(&st->streams->streams[stream]))
            add(st, stream);
    }
    for (size_t i = 0; i < st->count; i++) {
        if (alone)
            TRY(lock(st, stream_at(st, i), sql_stage_lock_alone));
        TRY(run(st, stream_at(st, i), ddl_stage_create, NULL));
    }
    return ERR_OK;
}

struct err stage_merge(struct stages *st, size_t stream, uint64_t *changed)
{
    PGresult *result;
    TRY(run(st, &st->streams->streams[stream], ddl_stage_merge, &result));
    *changed = strtoull(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return ERR_OK;
}

struct err stage_empty(struct stages *st, size_t stream)
{
    return run(st, &st->streams->streams[stream], ddl_stage_empty, NULL);
}

/* With another stream, which then is its neighbour. */
static bool shares_table(const struct stages *st, size_t place)
{
    const struct stream *s = stream_at(st, place);
    return (place > 0 && by_table(stream_at(st, place - 1), s) == 0) ||
           (place + 1 < st->count && by_table(stream_at(st, place + 1), s) == 0);
}

struct err stages_merge(struct stages *st, uint64_t *counts, uint64_t *skipped)
{
    for (size_t i = 0; i < st->count; i++) {
        uint64_t *count = &counts[st->made[i]];
        uint64_t changed;
        if (*count == 0) /* all of its segments were duplicates */
            continue;
        TRY(lock(st, stream_at(st, i),
                 shares_table(st, i) ? sql_stage_lock_alone : sql_stage_lock));
        TRY(stage_merge(st, st->made[i], &changed));
        *skipped += *count - changed;
        *count = changed;
    }
    return ERR_OK;
}
