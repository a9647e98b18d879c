/* SPDX-License-Identifier: MIT */
#include "outbox/dispatch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/meter.h"
#include "base/time.h"
#include "db/queries.h"
#include "io/newer.h"

void dispatch_init(struct dispatch *d, const struct config *config, struct transfer *transfer)
{
    struct uuid id = uuid_new();
    *d = (struct dispatch){.config = config, .transfer = transfer};
    pg_init(&d->pg);
    d->pg.who = "courier";
    (void)uuid_format(&id, d->claim_id);
}

void dispatch_close(struct dispatch *d)
{
    struct parcel *p;
    while ((p = parcels_take(&d->judged)))
        parcel_free(p);
    sinks_free(&d->sinks);
    pg_close(&d->pg);
}

struct err dispatch_connect(struct dispatch *d)
{
    struct pg_target target = {d->config->database, d->config->schema};
    if (pg_is_open(&d->pg))
        return ERR_OK;
    TRY(pg_open(&d->pg, &target));
    TRY(pg_exec(&d->pg, sql_courier_listen));
    d->owes_wake = true; /* what another has left half done */
    return newer_check(&d->pg);
}

/* The server says that a lock wasn't to be had, but not whose it is. Without numbers that change
 * from time to time: what is the same is told once. */
void dispatch_explain(struct dispatch *d, struct err *e)
{
    PGresult *rows;
    const struct err said = *e;
    if (strcmp(e->sqlstate, "55P03") != 0)
        return;
    pg_rollback(&d->pg);
    struct err other = pg_query(&d->pg, sql_queue_blocker, PG_NO_PARAMS, &rows);
    if (err_is(&other))
        return;
    if (PQntuples(rows) == 1)
        *e = err_make(said.cls,
                      "%s: the oldest transaction that has locked the outbox's tables, or rows of "
                      "them, is of process %s (user %s, application %s); nothing is delivered "
                      "until it ends",
                      said.text, PQgetvalue(rows, 0, 0), PQgetvalue(rows, 0, 1),
                      PQgetvalue(rows, 0, 2));
    PQclear(rows);
}

/* ---- answers ---- */

/* Jitter only: any number will do where the kernel has none. */
static uint32_t random32(void)
{
    uint32_t r;
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
        r = (uint32_t)time_monotonic();
    return r;
}

static void judge(struct dispatch *d, struct parcel *p)
{
    parcel_judge(p, random32());
    sinks_ended(&d->sinks, p->sink->name, p->event_id, &p->outcome);
    parcels_add(&d->judged, p);
}

void dispatch_collect(struct dispatch *d)
{
    struct parcel *p;
    while ((p = transfer_take(d->transfer)))
        judge(d, p);
}

static void count(struct dispatch *d, const struct parcel *p)
{
    enum queue_outcome outcome = p->outcome.outcome;
    if (outcome == QUEUE_RELEASED)
        return;
    bool is_dead = (outcome == QUEUE_FAILED || outcome == QUEUE_UNSENT) && p->outcome.wait_us < 0;
    const char *what = outcome == QUEUE_DELIVERED ? "delivered" : is_dead ? "dead" : "retried";
    d->delivered += outcome == QUEUE_DELIVERED;
    d->failed += outcome != QUEUE_DELIVERED;
    meter_add(METER_DELIVERIES, METER_LABELS(p->sink->name, what), 1);
    if (outcome != QUEUE_UNSENT)
        meter_time(METER_DELIVERY, METER_LABELS(p->sink->name), p->reply.took_us);
}

struct err dispatch_settle(struct dispatch *d)
{
    struct parcel *p;
    size_t n = 0;
    bool more = false;
    if (d->judged.count == 0)
        return d->owes_wake ? queue_wake(&d->pg, NULL, &d->owes_wake) : ERR_OK;
    struct queue_result *results = mem_calloc(d->judged.count, sizeof *results);
    for (p = d->judged.first; n < d->judged.count; p = p->next)
        results[n++] = parcel_result(p);
    struct err e = queue_settle(&d->pg, d->claim_id, results, n, &more);
    d->owes_wake |= more;
    while (!err_is(&e) && (p = parcels_take(&d->judged))) {
        count(d, p);
        parcel_free(p);
    }
    free(results);
    return e;
}

/* ---- claims ---- */

/* Too late to end before the lease does: somebody else may have it by then. */
static bool is_late(int64_t claimed_us)
{
    return time_monotonic() - claimed_us > SINKS_LEASE_US / 2;
}

/* Nothing leaves before its body is stored, and nothing at all when that fails. */
static struct err store(struct dispatch *d, struct queue_batch *claimed, int64_t claimed_us)
{
    TRY(queue_store(&d->pg, d->claim_id, claimed));
    return is_late(claimed_us) ? err_make(ERR_STOPPED, "the database was too slow") : ERR_OK;
}

static struct err send_all(struct dispatch *d, struct manifest *set, const struct queue_want *wants,
                           struct queue_batch *claimed, int64_t claimed_us)
{
    struct parcel **parcels = mem_calloc(claimed->count, sizeof(struct parcel *));
    for (size_t i = 0; i < claimed->count; i++) {
        struct queue_item *item = &claimed->items[i];
        parcels[i] = parcel_make(set, manifest_sink(set, wants[item->want].sink), item);
        sinks_began(&d->sinks, parcels[i]->sink->name, item->is_probe);
    }
    struct err e = store(d, claimed, claimed_us);
    for (size_t i = 0; i < claimed->count; i++) {
        struct parcel *p = parcels[i];
        if (err_is(&e))
            p->failure = err_make(ERR_STOPPED, "%s", e.text);
        else if (claimed->items[i].is_lost)
            p->failure = err_make(ERR_STOPPED, "the claim has lapsed, and another has it");
        else
            parcel_pack(p, &claimed->items[i]);
        if (err_is(&p->failure))
            judge(d, p);
        else
            transfer_send(d->transfer, p);
    }
    free(parcels);
    return e.cls == ERR_STOPPED ? ERR_OK : e;
}

/* Did a sink get all that it asked for? Then more may wait for it. */
static bool is_filled(const struct queue_want *wants, size_t count,
                      const struct queue_batch *claimed)
{
    for (size_t i = 0; i < count; i++) {
        unsigned got = 0;
        for (size_t k = 0; k < claimed->count; k++)
            got += claimed->items[k].want == i;
        if (got == wants[i].room)
            return true;
    }
    return false;
}

static struct err claim_once(struct dispatch *d, struct manifest *set, struct queue_want *wants,
                             bool *found, bool *more)
{
    struct queue_batch claimed = {0};
    int64_t now = time_monotonic();
    size_t n = sinks_wants(&d->sinks, set, set->config->deliveries, wants);
    *more = false;
    if (n == 0)
        return ERR_OK;
    struct err e = queue_claim(&d->pg, d->claim_id, wants, n, &claimed);
    if (!err_is(&e) && claimed.count > 0) {
        *found = true;
        *more = is_filled(wants, n, &claimed);
        e = send_all(d, set, wants, &claimed, now);
    }
    queue_batch_free(&claimed);
    return e;
}

struct err dispatch_claim(struct dispatch *d, struct manifest *set, bool *found)
{
    struct queue_want *wants = mem_calloc(set->sink_count, sizeof *wants);
    struct err e = ERR_OK;
    *found = false;
    /* What couldn't be sent has given its room back: it is settled before more is claimed. */
    for (bool more = true; more && d->judged.count == 0 && !err_is(&e);)
        e = claim_once(d, set, wants, found, &more);
    free(wants);
    return e;
}

struct err dispatch_next(struct dispatch *d, const struct manifest *set, int64_t *wait_us)
{
    struct queue_want *wants = mem_calloc(set->sink_count, sizeof *wants);
    struct err e = ERR_OK;
    size_t n = sinks_wants(&d->sinks, set, set->config->deliveries, wants);
    *wait_us = INT64_MAX;
    if (n > 0)
        e = queue_next_due(&d->pg, wants, n, wait_us);
    free(wants);
    return e;
}
