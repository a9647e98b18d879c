/* SPDX-License-Identifier: MIT */
#include "replay/upkeep.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/sql.h"
#include "base/time.h"
#include "db/queries.h"
#include "replay/leaves.h"
#include "replay/partition.h"
#include "stream/ddl.h"

/* Counts a failure, unless the connection is gone with it. */
static struct err note(const struct upkeep *u, struct upkeep_result *r, const struct err *e,
                       const char *what)
{
    if (!err_is(e))
        return ERR_OK;
    if (!pg_is_open(u->pg))
        return *e;
    r->left++;
    if (err_is(&r->first))
        return ERR_OK;
    r->first = err_make(e->cls, "%s: %s", what, e->text);
    (void)snprintf(r->first.sqlstate, sizeof r->first.sqlstate, "%s", e->sqlstate);
    return ERR_OK;
}

/* ---- ahead ---- */

static struct err make_ahead(const struct upkeep *u, size_t index, struct upkeep_result *r)
{
    const struct stream *s = &u->streams->streams[index];
    struct period_range period = period_range(s->every, u->now_us);
    struct partition_list wanted = {0};
    char label[STREAM_LABEL];
    char what[STREAM_LABEL + 64];
    size_t made = 0;
    for (uint64_t i = 0; i <= s->ahead; i++) {
        partition_need(&wanted, index, period.from_us);
        period = period_range(s->every, period.to_us);
    }
    struct err e = partition_ensure(u->pg, u->streams, &wanted, &made);
    partition_free(&wanted);
    r->made += made;
    (void)stream_label(s, label);
    if (made > 0)
        LOG_INFO("partitions made ahead", LOG_STR("table", label), LOG_INT("count", made));
    (void)snprintf(what, sizeof what, "partitions of %s can't be made ahead", label);
    return note(u, r, &e, what);
}

/* ---- keep ---- */

static struct err exec_on_leaf(struct pg *pg, const char *sql, const struct stream *s,
                               int64_t from_us, const char *mark, const char *how)
{
    struct buf table = {0};
    struct buf leaf = {0};
    struct buf statement = {0};
    ddl_table(&table, s);
    ddl_leaf_name(&leaf, s, from_us);
    sql_fill(&statement, sql,
             (const struct sql_var[]){{"table", buf_cstr(&table)},
                                      {"leaf", buf_cstr(&leaf)},
                                      {"mark", mark},
                                      {"how", how},
                                      {0}});
    struct err e = pg_exec(pg, buf_cstr(&statement));
    buf_free(&table);
    buf_free(&leaf);
    buf_free(&statement);
    return e;
}

static struct err set_mark(struct pg *pg, const struct stream *s, const struct leaves *l,
                           struct leaf *leaf, bool on)
{
    char mark[LEAF_MARK];
    struct buf literal = {0};
    if (on)
        sql_literal(&literal, leaf_mark(l, leaf->from_us, mark));
    else
        buf_str(&literal, "NULL");
    struct err e = exec_on_leaf(pg, sql_leaf_mark, s, leaf->from_us, buf_cstr(&literal), "");
    if (!err_is(&e))
        leaf->is_marked = on;
    buf_free(&literal);
    return e;
}

/* A mark means "to be dropped once detached". On a partition that is attached it is a failed
 * detach's: were it left there, and its owner detached the partition to keep it, that would be
 * taken for our work. */
static struct err take_back_marks(struct pg *pg, const struct stream *s, struct leaves *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct leaf *leaf = &l->items[i];
        if (leaf->is_ours && leaf->is_marked && leaf->state == LEAF_ATTACHED)
            TRY(set_mark(pg, s, l, leaf, false));
    }
    return ERR_OK;
}

static struct err detach_in_turn(struct pg *pg, const struct stream *s, const struct leaves *l,
                                 struct leaf *leaf)
{
    const char *how = leaf->state == LEAF_PENDING ? "FINALIZE"
                      : l->has_default            ? ""
                                                  : "CONCURRENTLY";
    if (leaf->state == LEAF_ATTACHED && !s->keep_detached)
        TRY(set_mark(pg, s, l, leaf, true));
    return exec_on_leaf(pg, sql_leaf_detach, s, leaf->from_us, "", how);
}

static struct err detach(struct pg *pg, const struct stream *s, const struct leaves *l,
                         struct leaf *leaf)
{
    struct err e;
    if (leaf->state == LEAF_PENDING || !l->has_default) {
        e = detach_in_turn(pg, s, l, leaf);
    } else {
        e = pg_exec(pg, sql_leaf_detach_begin);
        if (!err_is(&e))
            e = detach_in_turn(pg, s, l, leaf);
        if (!err_is(&e))
            e = pg_commit(pg);
        if (err_is(&e))
            pg_rollback(pg);
    }
    if (!err_is(&e))
        leaf->state = LEAF_LEFT;
    return e;
}

/* Under its lock: between the list and here, the name may have become another table's. */
static struct err check_left(struct pg *pg, const struct stream *s, const struct leaves *l,
                             const struct leaf *leaf)
{
    char mark[LEAF_MARK];
    struct buf name = {0};
    PGresult *rows;
    ddl_leaf_name(&name, s, leaf->from_us);
    struct err e =
        pg_query(pg, sql_leaf_is_left,
                 PG_PARAMS(buf_cstr(&name), leaf->oid, leaf_mark(l, leaf->from_us, mark)), &rows);
    buf_free(&name);
    if (err_is(&e))
        return e;
    if (strcmp(PQgetvalue(rows, 0, 0), "t") != 0)
        e = err_make(ERR_DATABASE, "it is not the table any more that was detached");
    PQclear(rows);
    return e;
}

static struct err drop(struct pg *pg, const struct stream *s, const struct leaves *l,
                       const struct leaf *leaf)
{
    struct err e = exec_on_leaf(pg, sql_leaf_drop_begin, s, leaf->from_us, "", "");
    if (!err_is(&e))
        e = check_left(pg, s, l, leaf);
    if (!err_is(&e))
        e = exec_on_leaf(pg, sql_leaf_drop, s, leaf->from_us, "", "");
    if (!err_is(&e))
        e = pg_commit(pg);
    if (err_is(&e))
        pg_rollback(pg);
    return e;
}

/* A partition without our mark whose detaching was broken off is somebody's who wants to have it:
 * only the detaching is finished, since it keeps all others from being detached. Where detached
 * partitions are to be kept by now, none is dropped. */
static struct err let_go(const struct upkeep *u, const struct stream *s, const struct leaves *l,
                         struct leaf *leaf, struct upkeep_result *r)
{
    if (s->keep_detached && leaf->is_marked)
        TRY(set_mark(u->pg, s, l, leaf, false));
    if (leaf->state != LEAF_LEFT)
        TRY(detach(u->pg, s, l, leaf));
    if (leaf->is_marked)
        TRY(drop(u->pg, s, l, leaf));
    r->dropped += leaf->is_marked;
    r->detached += !leaf->is_marked;
    LOG_INFO(leaf->is_marked ? "partition past keep dropped" : "partition past keep detached",
             LOG_STR("partition", leaf->name), LOG_STR("stream", s->name));
    return ERR_OK;
}

/* Half let go, but by what `keep` says now it should be there. */
static struct err take_back(const struct upkeep *u, const struct stream *s, const struct leaves *l,
                            struct leaf *leaf)
{
    struct partition_list wanted = {0};
    size_t made = 0;
    if (leaf->state == LEAF_PENDING)
        TRY(detach(u->pg, s, l, leaf));
    partition_need(&wanted, (size_t)(s - u->streams->streams), leaf->from_us);
    struct err e = partition_ensure(u->pg, u->streams, &wanted, &made);
    partition_free(&wanted);
    if (err_is(&e) || made == 0) /* by our own clock, which is ahead, it is past keep */
        return e;
    LOG_INFO("partition taken back: keep is longer now", LOG_STR("partition", leaf->name),
             LOG_STR("stream", s->name));
    return set_mark(u->pg, s, l, leaf, false);
}

static void tell_odd(const struct upkeep *u, const struct stream *s, const struct leaf *leaf)
{
    char reason[160];
    if (!u->odd || leaf->state == LEAF_LEFT)
        return;
    (void)snprintf(reason, sizeof reason,
                   "a partition past keep, but not one that was made for a %s of stream %.64s",
                   period_name(s->every), s->name);
    u->odd(u->context, leaf->name, reason);
}

static struct err visit_leaf(const struct upkeep *u, const struct stream *s, const struct leaves *l,
                             struct leaf *leaf, bool is_past, struct upkeep_result *r)
{
    if (is_past && leaf->is_ours)
        return let_go(u, s, l, leaf, r);
    if (is_past)
        tell_odd(u, s, leaf);
    else if (leaf->is_ours && leaf->is_marked)
        return take_back(u, s, l, leaf);
    return ERR_OK;
}

/* After a failed detach the table's other partitions have to wait: the server allows one pending at
 * a time, and who reads the table is likely to read them, too. */
static struct err visit_leaves(const struct upkeep *u, const struct stream *s, struct leaves *l,
                               struct upkeep_result *r)
{
    char what[STREAM_LEAF_NAME + 64];
    int64_t keep_from = stream_keep_from(s, u->now_us < l->now_us ? u->now_us : l->now_us);
    TRY(leaves_list(u->pg, s, l));
    TRY(take_back_marks(u->pg, s, l));
    for (size_t i = 0; i < l->count && !r->more; i++) {
        struct leaf *leaf = &l->items[i];
        struct err e = visit_leaf(u, s, l, leaf, leaf->to_us <= keep_from, r);
        (void)snprintf(what, sizeof what, "partition %s stays as it is for now", leaf->name);
        TRY(note(u, r, &e, what));
        if (err_is(&e) && leaf->state != LEAF_LEFT) {
            TRY(leaves_list(u->pg, s, l));
            return take_back_marks(u->pg, s, l);
        }
        r->more = u->limit > 0 && r->dropped + r->detached >= u->limit;
    }
    return ERR_OK;
}

static struct err lock_table(struct pg *pg, const struct leaves *l, bool *locked)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_upkeep_lock, PG_PARAMS(l->oid), &rows));
    *locked = strcmp(PQgetvalue(rows, 0, 0), "t") == 0;
    PQclear(rows);
    return ERR_OK;
}

static struct err visit_locked(const struct upkeep *u, const struct stream *s, struct leaves *l,
                               struct upkeep_result *r)
{
    bool locked;
    TRY(lock_table(u->pg, l, &locked));
    if (!locked) {
        r->skipped++;
        return ERR_OK;
    }
    struct err e = visit_leaves(u, s, l, r);
    struct err unlocked = pg_query(u->pg, sql_upkeep_unlock, PG_PARAMS(l->oid), NULL);
    return err_is(&e) ? e : unlocked;
}

static struct err keep_stream(const struct upkeep *u, const struct stream *s,
                              struct upkeep_result *r)
{
    struct leaves l;
    char what[128];
    struct err e = leaves_find(u->pg, s, &l);
    if (!err_is(&e))
        e = visit_locked(u, s, &l, r);
    leaves_free(&l);
    (void)snprintf(what, sizeof what, "upkeep of stream %.64s", s->name);
    return note(u, r, &e, what);
}

/* ---- the pass ---- */

static struct err visit_streams(const struct upkeep *u, struct upkeep_result *r)
{
    for (size_t i = 0; i < u->streams->count && !r->more; i++) {
        const struct stream *s = &u->streams->streams[i];
        if (s->every == PERIOD_NONE || s->is_foreign)
            continue;
        if (s->ahead > 0)
            TRY(make_ahead(u, i, r));
        TRY(keep_stream(u, s, r));
    }
    return ERR_OK;
}

struct err upkeep_run(const struct upkeep *u, struct upkeep_result *result)
{
    *result = (struct upkeep_result){0};
    TRY(pg_exec(u->pg, sql_upkeep_begin));
    struct err e = visit_streams(u, result);
    struct err ended = pg_exec(u->pg, sql_upkeep_end);
    return err_is(&e) ? e : ended;
}
