/* SPDX-License-Identifier: MIT */
#include "outbox/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sql.h"
#include "db/queries.h"
#include "io/newer.h"

#define NUMBER 24

/* ---- arrays as Postgres writes them: one for each column of what is sent ---- */

static void array_next(struct buf *array)
{
    buf_byte(array, array->len == 0 ? '{' : ',');
}

static void array_text(struct buf *array, const char *text)
{
    if (text && array->len == 0)
        buf_byte(array, '{');
    if (text) {
        sql_element(array, text); /* puts the comma itself */
    } else {
        array_next(array);
        buf_str(array, "NULL");
    }
}

static void array_number(struct buf *array, int64_t number)
{
    array_next(array);
    buf_printf(array, "%" PRId64, number);
}

static void array_number_or_null(struct buf *array, bool is_known, int64_t number)
{
    if (is_known)
        array_number(array, number);
    else
        array_text(array, NULL);
}

static void array_bytes(struct buf *array, const struct buf *bytes)
{
    static const char digits[] = "0123456789abcdef";
    array_next(array);
    buf_str(array, "\"\\\\x"); /* the array's syntax takes one of the two */
    uint8_t *to = buf_reserve(array, 2 * bytes->len + 1);
    for (size_t i = 0; i < bytes->len; i++) {
        *to++ = (uint8_t)digits[bytes->data[i] >> 4];
        *to++ = (uint8_t)digits[bytes->data[i] & 15];
    }
    *to = '"';
    array->len += 2 * bytes->len + 1;
}

static const char *array_end(struct buf *array)
{
    if (array->len == 0)
        buf_byte(array, '{');
    buf_byte(array, '}');
    return buf_cstr(array);
}

static const char *number(int64_t v, char text[NUMBER])
{
    (void)snprintf(text, NUMBER, "%" PRId64, v);
    return text;
}

/* ---- transactions ---- */

enum { STATEMENTS_MAX = 4 };

/* All of them in one transaction and one round trip, with the question whether the database is
 * still ours behind them. commit: whether it waits for the disk, "on" or "off"; the session's
 * setting is the operator's. rows: of the last one, the caller's to clear where it succeeds. */
static struct err transact(struct pg *pg, const char *commit, const struct pg_statement *statements,
                           size_t count, PGresult **rows)
{
    static const char begin[] = "BEGIN";
    static const char end[] = "COMMIT";
    struct pg_statement all[STATEMENTS_MAX + 4];
    PGresult *results[STATEMENTS_MAX + 4];
    char known[NEWER_NUMBER];
    all[0] = (struct pg_statement){begin, 0, NULL};
    all[1] = (struct pg_statement){sql_queue_begin, 1, &commit};
    for (size_t i = 0; i < count; i++)
        all[2 + i] = statements[i];
    all[2 + count] = (struct pg_statement){sql_migration_newer, PG_PARAMS(newer_known(known))};
    all[3 + count] = (struct pg_statement){end, 0, NULL};
    struct err e = pg_query_all(pg, all, count + 4, results);
    if (err_is(&e))
        pg_rollback(pg);
    else
        e = newer_judge(results[2 + count]);
    if (!err_is(&e)) {
        *rows = results[1 + count];
        results[1 + count] = NULL;
    }
    for (size_t i = 0; i < count + 4; i++)
        PQclear(results[i]);
    return e;
}

/* ---- claiming ---- */

void queue_batch_free(struct queue_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        buf_free(&b->items[i].body);
    free(b->items);
    PQclear(b->rows);
    *b = (struct queue_batch){0};
}

static struct err read_body(const PGresult *rows, int i, struct queue_item *item)
{
    size_t len;
    const char *type = PQgetvalue(rows, i, 9);
    if (PQgetisnull(rows, i, 9))
        return ERR_OK;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(rows, i, 8), &len);
    if (!bytes || strlen(type) >= sizeof item->content_type) {
        PQfreemem(bytes);
        return err_make(ERR_DATABASE,
                        "event_delivery: the body of event %s for sink %s can't be read; set it to "
                        "NULL, and content_type, too",
                        item->event_id, item->sink);
    }
    buf_put(&item->body, bytes, len);
    PQfreemem(bytes);
    (void)snprintf(item->content_type, sizeof item->content_type, "%s", type);
    return ERR_OK;
}

static struct err read_items(struct queue_batch *b)
{
    for (int i = 0; i < PQntuples(b->rows); i++) {
        struct queue_item *item = MEM_PUSH(b->items, b->count, b->cap);
        *item =
            (struct queue_item){.want = strtoull(PQgetvalue(b->rows, i, 0), NULL, 10),
                                .sink = PQgetvalue(b->rows, i, 1),
                                .type = PQgetvalue(b->rows, i, 3),
                                .payload = PQgetvalue(b->rows, i, 4),
                                .spool_id = PQgetvalue(b->rows, i, 5), /* NULL is "" */
                                .created_us = strtoll(PQgetvalue(b->rows, i, 6), NULL, 10),
                                .attempts = (unsigned)strtoul(PQgetvalue(b->rows, i, 7), NULL, 10),
                                .is_probe = *PQgetvalue(b->rows, i, 10) == 't',
                                .age_us = strtoll(PQgetvalue(b->rows, i, 11), NULL, 10)};
        (void)snprintf(item->event_id, sizeof item->event_id, "%s", PQgetvalue(b->rows, i, 2));
        TRY(read_body(b->rows, i, item));
    }
    return ERR_OK;
}

struct err queue_claim(struct pg *pg, const char *claim_id, const struct queue_want *wants,
                       size_t count, struct queue_batch *claimed)
{
    struct buf sinks = {0};
    struct buf rooms = {0};
    struct buf leases = {0};
    char breaker[NUMBER];
    char order[NUMBER];
    for (size_t i = 0; i < count; i++) {
        array_text(&sinks, wants[i].sink);
        array_number(&rooms, wants[i].room);
        array_number(&leases, wants[i].lease_us);
    }
    const char *const params[] = {claim_id,
                                  array_end(&sinks),
                                  array_end(&rooms),
                                  array_end(&leases),
                                  number(QUEUE_BREAKER, breaker),
                                  number(QUEUE_ORDER_S, order)};
    struct err e =
        transact(pg, "off", &(struct pg_statement){sql_queue_claim, 6, params}, 1, &claimed->rows);
    buf_free(&sinks);
    buf_free(&rooms);
    buf_free(&leases);
    if (!err_is(&e))
        e = read_items(claimed);
    if (err_is(&e))
        queue_batch_free(claimed);
    return e;
}

/* ---- bodies ---- */

static void note_kept(const PGresult *rows, struct queue_batch *b)
{
    for (int i = 0; i < PQntuples(rows); i++)
        b->items[strtoull(PQgetvalue(rows, i, 0), NULL, 10)].is_lost = false;
}

struct err queue_store(struct pg *pg, const char *claim_id, struct queue_batch *claimed)
{
    struct buf columns[5] = {0};
    const char *params[6] = {claim_id};
    size_t new_bodies = 0;
    bool must_last = false;
    PGresult *rows;
    for (size_t i = 0; i < claimed->count; i++) {
        struct queue_item *item = &claimed->items[i];
        if (!item->is_new_body)
            continue;
        array_text(&columns[0], item->event_id);
        array_text(&columns[1], item->sink);
        array_bytes(&columns[2], &item->body);
        array_text(&columns[3], item->content_type);
        array_number(&columns[4], (int64_t)i);
        must_last |= item->must_last;
        new_bodies++;
    }
    if (new_bodies == 0)
        return ERR_OK;
    for (size_t i = 0; i < 5; i++)
        params[1 + i] = array_end(&columns[i]);
    struct err e = transact(pg, must_last ? "on" : "off",
                            &(struct pg_statement){sql_queue_store, 6, params}, 1, &rows);
    for (size_t i = 0; i < 5; i++)
        buf_free(&columns[i]);
    if (err_is(&e))
        return e;
    for (size_t i = 0; i < claimed->count; i++)
        claimed->items[i].is_lost = claimed->items[i].is_new_body;
    note_kept(rows, claimed);
    PQclear(rows);
    return ERR_OK;
}

/* ---- settling ---- */

static const char *const outcomes[] = {[QUEUE_DELIVERED] = "delivered",
                                       [QUEUE_FAILED] = "failed",
                                       [QUEUE_UNSENT] = "unsent",
                                       [QUEUE_GONE] = "gone",
                                       [QUEUE_RELEASED] = "released"};

enum settle_column {
    SETTLE_SINK,
    SETTLE_EVENT,
    SETTLE_OUTCOME,
    SETTLE_STATUS,
    SETTLE_ERROR,
    SETTLE_ANSWER,
    SETTLE_ATTEMPTED,
    SETTLE_TOOK,
    SETTLE_WAIT,
    SETTLE_PAUSE,
    SETTLE_PATIENCE,
    SETTLE_COLUMNS
};

static void add_result(struct buf columns[SETTLE_COLUMNS], const struct queue_result *r)
{
    array_text(&columns[SETTLE_SINK], r->sink);
    array_text(&columns[SETTLE_EVENT], r->event_id);
    array_text(&columns[SETTLE_OUTCOME], outcomes[r->outcome]);
    array_number_or_null(&columns[SETTLE_STATUS], r->status != 0, r->status);
    array_text(&columns[SETTLE_ERROR], r->error);
    array_text(&columns[SETTLE_ANSWER], r->answer);
    array_number(&columns[SETTLE_ATTEMPTED], r->attempted_us);
    array_number(&columns[SETTLE_TOOK], r->took_us);
    array_number_or_null(&columns[SETTLE_WAIT], r->wait_us >= 0, r->wait_us);
    array_number(&columns[SETTLE_PAUSE], r->pause_us);
    array_number(&columns[SETTLE_PATIENCE], r->patience_us);
}

/* Rows are sinks of which there is more to wake. */
static struct err settle(struct pg *pg, const char *claim_id, const char *const c[SETTLE_COLUMNS],
                         PGresult **rows)
{
    char piece[NUMBER];
    char answer[NUMBER];
    char breaker[NUMBER];
    char min[NUMBER];
    char max[NUMBER];
    char silence[NUMBER];
    const char *const results[] = {claim_id,
                                   c[SETTLE_SINK],
                                   c[SETTLE_EVENT],
                                   c[SETTLE_OUTCOME],
                                   c[SETTLE_STATUS],
                                   c[SETTLE_ERROR],
                                   c[SETTLE_ANSWER],
                                   number(QUEUE_ANSWER, answer),
                                   c[SETTLE_ATTEMPTED],
                                   c[SETTLE_TOOK],
                                   c[SETTLE_WAIT],
                                   c[SETTLE_PAUSE],
                                   number(QUEUE_BREAKER, breaker),
                                   number(QUEUE_BREAKER_MIN_S, min),
                                   number(QUEUE_BREAKER_MAX_S, max),
                                   number(QUEUE_SILENCE_S, silence)};
    const char *const sinks[] = {c[SETTLE_SINK]};
    const char *const failed[] = {c[SETTLE_SINK], c[SETTLE_OUTCOME], c[SETTLE_PATIENCE], breaker};
    const char *const wakes[] = {c[SETTLE_SINK], number(QUEUE_PIECE, piece)};
    const struct pg_statement statements[] = {{sql_queue_sink, 1, sinks},
                                              {sql_queue_settle, 16, results},
                                              {sql_queue_give_up, 4, failed},
                                              {sql_queue_wake, 2, wakes}};
    return transact(pg, "off", statements, 4, rows);
}

static void read_more(PGresult *rows, bool *more)
{
    *more = PQntuples(rows) > 0;
    PQclear(rows);
}

struct err queue_settle(struct pg *pg, const char *claim_id, const struct queue_result *results,
                        size_t count, bool *more)
{
    PGresult *rows;
    struct buf columns[SETTLE_COLUMNS] = {0};
    const char *texts[SETTLE_COLUMNS];
    *more = false;
    if (count == 0)
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        add_result(columns, &results[i]);
    for (size_t i = 0; i < SETTLE_COLUMNS; i++)
        texts[i] = array_end(&columns[i]);
    struct err e = settle(pg, claim_id, texts, &rows);
    for (size_t i = 0; i < SETTLE_COLUMNS; i++)
        buf_free(&columns[i]);
    if (!err_is(&e))
        read_more(rows, more);
    return e;
}

struct err queue_wake(struct pg *pg, const char *sink, bool *more)
{
    struct buf sinks = {0};
    char piece[NUMBER];
    PGresult *rows;
    *more = false;
    if (sink)
        array_text(&sinks, sink);
    const char *const params[] = {sink ? array_end(&sinks) : NULL, number(QUEUE_PIECE, piece)};
    struct err e = transact(pg, "off", &(struct pg_statement){sql_queue_wake, 2, params}, 1, &rows);
    buf_free(&sinks);
    if (!err_is(&e))
        read_more(rows, more);
    return e;
}

/* ---- waiting ---- */

struct err queue_next_due(struct pg *pg, const struct queue_want *wants, size_t count,
                          int64_t *wait_us)
{
    struct buf sinks = {0};
    struct buf rooms = {0};
    char order[NUMBER];
    PGresult *rows;
    *wait_us = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        array_text(&sinks, wants[i].sink);
        array_number(&rooms, wants[i].room);
    }
    const char *const params[] = {array_end(&sinks), array_end(&rooms),
                                  number(QUEUE_ORDER_S, order)};
    struct err e =
        transact(pg, "off", &(struct pg_statement){sql_queue_next_due, 3, params}, 1, &rows);
    buf_free(&sinks);
    buf_free(&rooms);
    if (err_is(&e))
        return e;
    if (PQntuples(rows) == 1 && !PQgetisnull(rows, 0, 0))
        *wait_us = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    return ERR_OK;
}
