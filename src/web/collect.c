/* SPDX-License-Identifier: MIT */
#include "web/collect.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/meter.h"
#include "base/time.h"
#include "db/queries.h"
#include "io/pg.h"
#include "io/thread.h"
#include "spool/room.h"
#include "status/facts.h"
#include "status/rows.h"
#include "web/latch.h"

#define SHARE    20                   /* of the time at least, the database has rest of us */
#define SLOW_US  INT64_C(15000000)    /* between two counts of the knowledge base */
#define HUNG_US  INT64_C(25000000)    /* longer than statements may take: nobody answers */
#define CHECK_US (TIME_US_PER_S / 10) /* a cancelled connect doesn't end at once */

enum { ALL = FACTS_RECENT | FACTS_SINKS | FACTS_REJECTS | FACTS_PARTITIONS | FACTS_KNOWLEDGE };

/* One request's receipts. Whoever is done with it last frees it. */
struct job {
    struct receipts_query query;
    json_t *rows;
    struct err e;
    bool is_done, is_left;
};

struct collect {
    const struct web_source *source;
    pthread_t thread;
    struct pg pg;    /* the thread's */
    bool was_lost;   /* the thread's: the last connection ended by a failure */
    int64_t fast_us; /* the thread's: monotonic, not before */
    int64_t slow_us; /* the same, of the knowledge base */

    struct latch latch;
    bool stopping, is_over;
    bool wanted;
    unsigned waiters;
    uint64_t rounds;        /* counts the looks */
    int64_t asking_us;      /* monotonic: since when the thread asks; 0: it doesn't */
    int64_t not_before_us;  /* monotonic: a look wouldn't find anything newer */
    int64_t looked_us;      /* monotonic: the end of the last one; 0: none yet */
    struct job *job;        /* wanted, or under way */
    int64_t rests_until_us; /* monotonic: the server can't be reached, and isn't tried before */
    struct err away;        /* why it can't */
    struct collect_known known;
};

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- the thread ---- */

static struct err be_connected(struct collect *c)
{
    const struct config *config = c->source->config;
    if (pg_is_open(&c->pg))
        return ERR_OK;
    TRY(pg_open(&c->pg, &(struct pg_target){config->database, config->schema}));
    meter_add(METER_RECONNECTS, METER_LABELS("status"), c->was_lost);
    c->was_lost = false;
    return ERR_OK;
}

/* The connection may have been lost since the last look: that is no failure of this one. */
static struct err begin(struct collect *c)
{
    bool was_open = pg_is_open(&c->pg);
    TRY(be_connected(c));
    struct err e = pg_exec(&c->pg, sql_status_begin);
    if (err_is(&e) && was_open && !pg_is_open(&c->pg)) {
        c->was_lost = true;
        TRY(be_connected(c));
        e = pg_exec(&c->pg, sql_status_begin);
    }
    return e;
}

static void end(struct collect *c, const struct err *e)
{
    pg_rollback(&c->pg); /* nothing was written */
    if (err_is(e) && !pg_is_open(&c->pg))
        c->was_lost = true;
}

static struct err ask(struct collect *c, unsigned parts, json_t *facts)
{
    const struct facts_question question = {.spool_id = c->source->spool->id, .parts = parts};
    struct manifest *set = manifest_current_get(c->source->current);
    struct err e = begin(c);
    if (!err_is(&e))
        e = facts_ask(&c->pg, set, &question, facts);
    end(c, &e);
    manifest_release(set);
    return e;
}

/* Those that are due, into `facts`. *is_up: the server answered, though perhaps not in time. */
static struct err look(struct collect *c, json_t *facts, bool *is_up)
{
    int64_t start = time_monotonic();
    struct err e = ERR_OK;
    if (start >= c->fast_us) {
        e = ask(c, ALL & ~FACTS_KNOWLEDGE, facts);
        int64_t took = time_monotonic() - start;
        c->fast_us = time_monotonic() +
                     (err_is(&e) ? COLLECT_RETRY_US : max(COLLECT_PAGE_US, took * SHARE) - took);
        *is_up = !err_is(&e);
    }
    start = time_monotonic();
    if (!err_is(&e) && c->source->config->knowledge.is_on && start >= c->slow_us) {
        e = ask(c, FACTS_KNOWLEDGE, facts);
        c->slow_us = time_monotonic() + max(SLOW_US, (time_monotonic() - start) * SHARE);
        *is_up = *is_up && pg_is_open(&c->pg);
    }
    return e;
}

/* Under the lock, behind each question. */
static void note_connection(struct collect *c, const struct err *e)
{
    bool is_away = err_is(e) && !pg_is_open(&c->pg);
    c->rests_until_us = is_away ? time_monotonic() + COLLECT_RETRY_US : 0;
    c->away = is_away ? *e : ERR_OK;
}

/* Under the lock, which it gives up meanwhile. What others read never changes, and references to
 * it are counted under the lock alone: jansson's own counting leaves out half of what that takes
 * among threads. */
static void look_once(struct collect *c)
{
    json_t *found = json_object();
    bool is_up = c->known.is_up;
    c->asking_us = time_monotonic();
    latch_unlock(&c->latch);
    unsigned used = room_used_percent(c->source->spool);
    struct err e = look(c, found, &is_up);
    latch_lock(&c->latch);
    json_t *facts = json_copy(c->known.facts);
    (void)json_object_update(facts, found);
    json_decref(found);
    note_connection(c, &e);
    json_decref(c->known.facts);
    c->known.facts = facts;
    c->known.spool_used = used;
    c->known.is_up = is_up;
    if (!err_is(&e))
        c->known.asked_us = time_now();
    (void)snprintf(c->known.error, sizeof c->known.error, "%s", err_is(&e) ? e.text : "");
    c->looked_us = time_monotonic();
    c->not_before_us = c->fast_us;
    c->asking_us = 0;
    c->rounds++;
}

static struct err ask_receipts(struct collect *c, const struct receipts_query *q, json_t **rows)
{
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%u", q->limit);
    struct err e = begin(c);
    if (!err_is(&e))
        e = rows_query(&c->pg, sql_status_receipts,
                       PG_PARAMS(limit, c->source->spool->id, *q->gate ? q->gate : NULL,
                                 *q->before ? q->before : NULL),
                       rows);
    end(c, &e);
    return e;
}

static void free_job(struct job *job)
{
    json_decref(job->rows);
    free(job);
}

/* Under the lock, which it gives up meanwhile. */
static void do_job(struct collect *c)
{
    struct job *job = c->job;
    if (!job->is_left) {
        c->asking_us = time_monotonic();
        latch_unlock(&c->latch);
        job->e = ask_receipts(c, &job->query, &job->rows);
        latch_lock(&c->latch);
        note_connection(c, &job->e);
        c->asking_us = 0;
    }
    c->job = NULL;
    job->is_done = true;
    if (job->is_left)
        free_job(job);
}

/* Under the lock. False: it is over. */
static bool wait_for_work(struct collect *c)
{
    int64_t idle_us = time_monotonic() + COLLECT_IDLE_US;
    while (!c->stopping && !c->wanted && !c->job) {
        if (!pg_is_open(&c->pg))
            (void)latch_wait(&c->latch, LATCH_FOR_EVER);
        else if (!latch_wait(&c->latch, idle_us))
            pg_close(&c->pg);
    }
    return !c->stopping;
}

static void *collect_main(void *collect)
{
    struct collect *c = collect;
    latch_lock(&c->latch);
    while (wait_for_work(c)) {
        if (c->wanted)
            look_once(c);
        c->wanted = false;
        latch_tell(&c->latch);
        if (c->job && !c->stopping)
            do_job(c);
        latch_tell(&c->latch);
    }
    latch_unlock(&c->latch);
    pg_close(&c->pg);
    latch_lock(&c->latch);
    c->is_over = true;
    latch_tell(&c->latch);
    latch_unlock(&c->latch);
    return NULL;
}

/* ---- those who want to know ---- */

void collect_look(struct collect *c, int64_t max_age_us, struct collect_known *known)
{
    int64_t now = time_monotonic();
    int64_t until = now + COLLECT_WAIT_US;
    latch_lock(&c->latch);
    bool is_old = !c->known.is_up || now - c->looked_us > max_age_us;
    if (is_old && now >= c->not_before_us) {
        c->wanted = true;
        latch_tell(&c->latch);
        uint64_t round = c->rounds;
        if (c->waiters < COLLECT_WAITERS) {
            c->waiters++;
            while (!c->stopping && c->rounds == round && latch_wait(&c->latch, until)) {
            }
            c->waiters--;
        }
    }
    *known = c->known;
    (void)json_incref(known->facts);
    if (c->asking_us > 0 && time_monotonic() - c->asking_us > HUNG_US) {
        known->is_up = false;
        (void)snprintf(known->error, sizeof known->error, "database: no answer for %" PRId64 " s",
                       (time_monotonic() - c->asking_us) / TIME_US_PER_S);
    }
    latch_unlock(&c->latch);
}

void collect_forget(struct collect *c, struct collect_known *known)
{
    latch_lock(&c->latch);
    json_decref(known->facts);
    latch_unlock(&c->latch);
    known->facts = NULL;
}

struct err collect_receipts(struct collect *c, const struct receipts_query *query, json_t **rows)
{
    int64_t until = time_monotonic() + COLLECT_RECEIPTS_US;
    *rows = NULL;
    latch_lock(&c->latch);
    if (c->job || c->stopping) {
        latch_unlock(&c->latch);
        return err_make(ERR_BUSY, "somebody else's receipts are being looked up; try again");
    }
    if (time_monotonic() < c->rests_until_us) {
        struct err away = c->away;
        latch_unlock(&c->latch);
        return away;
    }
    struct job *job = mem_calloc(1, sizeof *job);
    job->query = *query;
    c->job = job;
    latch_tell(&c->latch);
    while (!job->is_done && !c->stopping && latch_wait(&c->latch, until)) {
    }
    struct err e = err_make(ERR_DATABASE, "the database doesn't answer in time; try again");
    if (job->is_done) {
        e = job->e;
        *rows = job->rows;
        job->rows = NULL;
        free_job(job);
    } else {
        job->is_left = true;
    }
    latch_unlock(&c->latch);
    return e;
}

/* ---- its life ---- */

struct err collect_start(struct collect **collect, const struct web_source *source)
{
    struct collect *c = mem_calloc(1, sizeof *c);
    c->source = source;
    c->known.facts = facts_none(ALL);
    pg_init(&c->pg);
    latch_open(&c->latch);
    struct err e = thread_start(&c->thread, collect_main, c);
    *collect = err_is(&e) ? NULL : c;
    if (err_is(&e)) {
        json_decref(c->known.facts);
        free(c);
    }
    return e;
}

/* Only what is under way: a server that hangs doesn't answer that, either. */
static void cancel(struct collect *c)
{
    latch_lock(&c->latch);
    bool is_asking = c->asking_us > 0;
    latch_unlock(&c->latch);
    if (is_asking)
        pg_cancel(&c->pg);
}

void collect_end(struct collect *c)
{
    latch_lock(&c->latch);
    c->stopping = true;
    latch_tell(&c->latch);
    latch_unlock(&c->latch);
    cancel(c);
}

void collect_stop(struct collect *c)
{
    if (!c)
        return;
    collect_end(c);
    latch_lock(&c->latch);
    /* A statement that had only just begun missed it. */
    while (!c->is_over) {
        if (latch_wait(&c->latch, time_monotonic() + CHECK_US))
            continue;
        latch_unlock(&c->latch);
        cancel(c);
        latch_lock(&c->latch);
    }
    latch_unlock(&c->latch);
    (void)pthread_join(c->thread, NULL);
    if (c->job)
        free_job(c->job);
    json_decref(c->known.facts);
    latch_close(&c->latch);
    free(c);
}
