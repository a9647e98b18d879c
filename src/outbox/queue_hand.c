/* SPDX-License-Identifier: MIT */
/* What people, and maintenance, do to the queue. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "db/queries.h"
#include "outbox/queue.h"

/* What the server says of a value here, it says of what somebody typed. */
static struct err query_by_hand(struct pg *pg, const char *sql, int count,
                                const char *const *params, uint64_t *found)
{
    PGresult *rows;
    *found = 0;
    struct err e = pg_query(pg, sql, count, params, &rows);
    if (e.cls == ERR_ROW)
        e.cls = ERR_USAGE;
    if (err_is(&e))
        return e;
    *found = strtoull(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    return ERR_OK;
}

struct err queue_redrive(struct pg *pg, const struct queue_filter *which, uint64_t *count)
{
    return query_by_hand(pg, sql_queue_redrive,
                         PG_PARAMS(which->sink, which->event_type, which->event_id, which->since,
                                   which->until, which->dlq_id),
                         count);
}

struct err queue_replay(struct pg *pg, const char *sink, const struct queue_filter *which,
                        uint64_t *count)
{
    return query_by_hand(pg, sql_queue_replay,
                         PG_PARAMS(sink, which->event_type, which->event_id, which->since,
                                   which->until, which->gate),
                         count);
}

struct err queue_enable(struct pg *pg, const char *sink, bool *known)
{
    PGresult *rows;
    bool more = true;
    TRY(pg_query(pg, sql_queue_enable, PG_PARAMS(sink), &rows));
    *known = PQntuples(rows) > 0;
    PQclear(rows);
    while (*known && more)
        TRY(queue_wake(pg, sink, &more));
    return pg_query(pg, sql_queue_tell, PG_NO_PARAMS, NULL);
}

struct err queue_disable(struct pg *pg, const char *sink, bool is_declared, bool *known)
{
    PGresult *rows;
    *known = false;
    TRY(pg_query(pg, sql_queue_disable,
                 PG_PARAMS(sink, is_declared ? "true" : "false", QUEUE_BY_HAND), &rows));
    *known = PQntuples(rows) > 0;
    PQclear(rows);
    return ERR_OK;
}

/* Each statement does a bounded number of rows; until it finds none. */
static struct err repeat(struct pg *pg, const char *sql, int count, const char *const *params,
                         uint64_t *total)
{
    uint64_t some;
    *total = 0;
    do {
        PGresult *result;
        TRY(pg_query(pg, sql, count, params, &result));
        some = strtoull(PQcmdTuples(result), NULL, 10);
        PQclear(result);
        *total += some;
    } while (some > 0);
    return ERR_OK;
}

struct err queue_drop(struct pg *pg, const struct queue_filter *which, uint64_t *count)
{
    return repeat(
        pg, sql_queue_drop,
        PG_PARAMS(which->sink, which->event_type, which->since, which->until, which->dlq_ids),
        count);
}

struct err queue_prune(struct pg *pg, const char *spool_id, int64_t before_us,
                       struct queue_pruned *pruned)
{
    char before[TIME_TEXT];
    uint64_t uncounted;
    (void)time_format(before_us, before);
    *pruned = (struct queue_pruned){0};
    TRY(repeat(pg, sql_queue_expire, PG_PARAMS(before, spool_id), &pruned->given_up));
    TRY(repeat(pg, sql_queue_prune_letters, PG_PARAMS(before, spool_id), &uncounted));
    TRY(repeat(pg, sql_queue_prune_deliveries, PG_PARAMS(before, spool_id), &uncounted));
    return repeat(pg, sql_queue_prune_events, PG_PARAMS(before, spool_id), &pruned->events);
}
