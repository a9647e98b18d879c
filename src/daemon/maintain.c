/* SPDX-License-Identifier: MIT */
#include "daemon/maintain.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "db/queries.h"
#include "outbox/queue.h"
#include "replay/leaves.h"
#include "spool/retired.h"
#include "spool/scan.h"
#include "stream/ddl.h"

/* ---- pruning ---- */

static struct prune_rules rules_for(int64_t keep_us, uint64_t keep_bytes)
{
    return (struct prune_rules){.before_us = keep_us > 0 ? time_now() - keep_us : INT64_MIN,
                                .keep_bytes = keep_bytes};
}

static struct err prune_spool(const struct maintain *m, const struct keep_rules *k,
                              struct prune_result *result)
{
    struct prune_rules archive = rules_for(k->archive_us, k->archive_bytes);
    struct prune_rules failed = rules_for(k->failed_us, k->failed_bytes);
    if (k->archive_us || k->archive_bytes)
        TRY(prune_archive(m->spool, &archive, result));
    if (k->failed_us || k->failed_bytes)
        TRY(prune_failed(m->spool, &failed, result));
    return ERR_OK;
}

/* Statements of a bounded number of rows each, until one finds none. */
static struct err delete_some(struct pg *pg, const char *sql, int count, const char *const *params,
                              uint64_t *deleted)
{
    uint64_t some;
    do {
        PGresult *result;
        TRY(pg_query(pg, sql, count, params, &result));
        some = strtoull(PQcmdTuples(result), NULL, 10);
        PQclear(result);
        *deleted += some;
    } while (some > 0);
    return ERR_OK;
}

static struct err prune_rejects(const struct maintain *m, const struct keep_rules *k, struct pg *pg,
                                uint64_t *deleted)
{
    char before[TIME_TEXT];
    if (k->rejects_us == 0)
        return ERR_OK;
    (void)time_format(time_now() - k->rejects_us, before);
    return delete_some(pg, sql_reject_prune, PG_PARAMS(before, m->spool->id), deleted);
}

static void add_batch(const struct uuid *id, struct buf *array)
{
    char text[UUID_TEXT];
    buf_printf(array, "%s%s", array->len > 1 ? "," : "", uuid_format(id, text));
}

static struct err add_in_hand(const struct spool *s, struct buf *array)
{
    struct uuid *ids;
    size_t count;
    TRY(scan_batches(s->processing, &ids, &count));
    for (size_t i = 0; i < count; i++)
        add_batch(&ids[i], array);
    free(ids);
    return ERR_OK;
}

static struct err add_failed(const struct spool *s, struct buf *array)
{
    struct retired failed;
    TRY(retired_list(s, "failed", &failed));
    for (size_t i = 0; i < failed.count; i++)
        add_batch(&failed.items[i].id, array);
    retired_free(&failed);
    return ERR_OK;
}

/* Batches that wait in failed/ for a retry: `retry` finds them by their receipts. And batches that
 * are loaded, and not retired yet: without its receipt such a one is a claim that nobody opened,
 * goes back to incoming/ and, where the ledger has no say (`dedupe: off`), is loaded once more. */
static struct err batches_that_need_receipts(const struct spool *s, struct buf *array)
{
    buf_byte(array, '{');
    TRY(add_in_hand(s, array));
    TRY(add_failed(s, array)); /* in this order: a batch moves from the one to the other */
    buf_byte(array, '}');
    return ERR_OK;
}

static struct err prune_receipts(const struct maintain *m, const struct keep_rules *k,
                                 struct pg *pg, uint64_t *deleted)
{
    char before[TIME_TEXT];
    struct buf kept = {0};
    if (k->receipts_us == 0)
        return ERR_OK;
    (void)time_format(time_now() - k->receipts_us, before);
    struct err e = batches_that_need_receipts(m->spool, &kept);
    if (!err_is(&e))
        e = delete_some(pg, sql_receipt_prune, PG_PARAMS(before, m->spool->id, buf_cstr(&kept)),
                        deleted);
    buf_free(&kept);
    return e;
}

static struct err prune_events(const struct maintain *m, const struct keep_rules *k, struct pg *pg,
                               struct queue_pruned *pruned)
{
    int64_t keep_us = k->events_us;
    return keep_us > 0 ? queue_prune(pg, m->spool->id, time_now() - keep_us, pruned) : ERR_OK;
}

/* ---- partitions ---- */

static void tell_odd(void *context, const char *table, const char *reason)
{
    oddities_report(context, "partition", table, reason);
}

static struct err keep_up(struct maintain *m, const struct stream_set *streams, struct pg *pg,
                          struct upkeep_result *result)
{
    struct upkeep u = {.pg = pg,
                       .streams = streams,
                       .now_us = time_now(),
                       .limit = m->limit,
                       .odd = tell_odd,
                       .context = &m->oddities};
    TRY(upkeep_run(&u, result));
    const struct err *first = &result->first;
    if (err_is(first) && strcmp(first->text, m->told) != 0)
        LOG_WARN("partitions wait for the next maintenance", LOG_INT("count", result->left),
                 LOG_STR("class", err_class_name(first->cls)), LOG_STR("error", first->text));
    (void)strcpy(m->told, first->text);
    return ERR_OK;
}

/* ---- summaries ---- */

static struct err summarize_table(struct pg *pg, const char *table, uint64_t *ranges)
{
    PGresult *rows;
    TRY(pg_query_prepared(pg, sql_leaf_summarize, PG_PARAMS(table), &rows));
    *ranges += strtoull(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    return ERR_OK;
}

/* One that is locked doesn't keep us from the others. */
static struct err summarize_leaves(struct pg *pg, const struct stream *s, const struct leaves *l,
                                   uint64_t *ranges)
{
    struct buf name = {0};
    struct err first = ERR_OK;
    for (size_t i = 0; i < l->count && pg_is_open(pg); i++) {
        const struct leaf *leaf = &l->items[i];
        if (!leaf->is_ours || leaf->state != LEAF_ATTACHED)
            continue;
        buf_clear(&name);
        ddl_leaf_name(&name, s, leaf->from_us);
        struct err e = summarize_table(pg, buf_cstr(&name), ranges);
        if (!err_is(&first))
            first = e;
    }
    buf_free(&name);
    return first;
}

static struct err summarize_stream(struct pg *pg, const struct stream *s, uint64_t *ranges)
{
    struct leaves l;
    if (s->every != PERIOD_NONE) {
        struct err e = leaves_find(pg, s, &l);
        if (!err_is(&e))
            e = leaves_list(pg, s, &l);
        if (!err_is(&e))
            e = summarize_leaves(pg, s, &l, ranges);
        leaves_free(&l);
        return e;
    }
    struct buf table = {0};
    ddl_table(&table, s);
    struct err e = summarize_table(pg, buf_cstr(&table), ranges);
    buf_free(&table);
    return e;
}

struct err maintain_summarize(const struct stream_set *streams, struct pg *pg, uint64_t *ranges)
{
    struct err first = ERR_OK;
    *ranges = 0;
    TRY(pg_exec(pg, "SET lock_timeout = '1s'")); /* a VACUUM summarises, too */
    for (size_t i = 0; i < streams->count && pg_is_open(pg); i++) {
        const struct stream *s = &streams->streams[i];
        struct err e = s->is_foreign ? ERR_OK : summarize_stream(pg, s, ranges);
        if (!err_is(&first))
            first = e;
    }
    return first;
}

/* ---- the pass ---- */

static struct err prune_all(const struct maintain *m, const struct keep_rules *k, struct pg *pg,
                            struct maintain_result *r)
{
    int64_t start = time_monotonic();
    struct err e = prune_spool(m, k, &r->files);
    if (!err_is(&e))
        e = prune_rejects(m, k, pg, &r->rejects);
    if (!err_is(&e))
        e = prune_receipts(m, k, pg, &r->receipts);
    if (!err_is(&e))
        e = prune_events(m, k, pg, &r->events);
    if (r->files.batches + r->receipts + r->rejects + r->events.events > 0)
        LOG_INFO("pruned", LOG_INT("batches", r->files.batches), LOG_INT("bytes", r->files.bytes),
                 LOG_INT("receipts", r->receipts), LOG_INT("rejects", r->rejects),
                 LOG_INT("events", r->events.events),
                 LOG_DURATION("took", time_monotonic() - start));
    if (r->events.given_up > 0)
        LOG_WARN("deliveries given up: undelivered for as long as events are kept; see "
                 "`spoolgate dlq list`",
                 LOG_INT("count", r->events.given_up));
    return e;
}

/* Looking through the archive is for the run that has nothing else left to do. */
struct err maintain_run(struct maintain *m, const struct manifest *set, struct pg *pg,
                        struct maintain_result *result)
{
    *result = (struct maintain_result){0};
    TRY(keep_up(m, &set->streams, pg, &result->partitions));
    return result->partitions.more ? ERR_OK : prune_all(m, &set->config->keep, pg, result);
}

void maintain_close(struct maintain *m)
{
    oddities_free(&m->oddities);
}
