/* SPDX-License-Identifier: MIT */
#include "daemon/worker.h"

#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/pulse.h"
#include "base/time.h"
#include "daemon/loader.h"
#include "io/thread.h"
#include "schema/migrate.h"

static struct err connect_database(struct worker *w)
{
    struct loader *l = &w->loader;
    TRY(pg_open(&l->pg, &l->target));
    struct manifest *set = manifest_current_get(w->current);
    struct stream_set shipped = manifest_shipped_streams(set);
    struct err e = ERR_OK;
    if (w->migrate)
        e = migrate_up(&l->pg, l->target.schema, &shipped, w->with_knowledge);
    if (!err_is(&e))
        e = migrate_require(&l->pg, &shipped, w->with_knowledge);
    if (!err_is(&e))
        e = kb_context_refresh(w->kb, &l->pg);
    manifest_release(set);
    if (err_is(&e))
        pg_close(&l->pg);
    return e;
}

/* Connected, or told why not and waited. The same reason twice in a row, or of two loaders, is
 * logged once. */
static bool ensure_connected(struct worker *w, unsigned *failures, struct err *last)
{
    if (pg_is_open(&w->loader.pg))
        return true;
    struct err e = connect_database(w);
    if (!err_is(&e)) {
        if (*failures > 0)
            LOG_INFO("database is back", LOG_INT("tries", *failures));
        *failures = 0;
        last->text[0] = '\0';
        (void)board_database(w->board, NULL);
        return true;
    }
    bool is_news = board_database(w->board, e.text);
    if (is_news && strcmp(e.text, last->text) != 0)
        LOG_WARN("database can't be used; segments wait", LOG_STR("error", e.text));
    *last = e;
    (*failures)++;
    board_database_wait(w->board, backoff_us(*failures, (uint32_t)time_monotonic()));
    return false;
}

static int64_t oldest_arrival(const struct job *job)
{
    int64_t oldest_us = job->files[0].arrived_us;
    for (size_t i = 1; i < job->count; i++)
        if (job->files[i].arrived_us < oldest_us)
            oldest_us = job->files[i].arrived_us;
    return oldest_us;
}

static struct err claim(struct worker *w, struct job *job, struct prepared *p)
{
    struct claim *c = &p->claim;
    struct batch_watch watch = batch_watch_start();
    int64_t arrived_us = oldest_arrival(job);
    size_t listed = job->count;
    struct err e = (job->is_ordered ? claim_make_in_order : claim_make)(
        w->loader.spool, &job->id, job->gate, job->reason, job->files, job->count, c);
    board_claimed(w->board, job, &e, err_is(&e) || c->count < listed);
    if (!err_is(&e) && c->count < listed) /* what was left out is judged anew */
        board_wake_scanner(w->board);
    if (err_is(&e) || c->count == 0)
        return e;
    batch_times_add(&p->times, BATCH_WAIT, arrived_us, watch.at_us - arrived_us);
    batch_watch_stop(&watch, &p->times, BATCH_CLAIM);
    LOG_INFO("gate opened", LOG_STR("batch", c->batch), LOG_STR("gate", c->gate),
             LOG_STR("reason", c->reason), LOG_INT("segments", c->count),
             LOG_DURATION("took", p->times.of[BATCH_CLAIM].took_us));
    return ERR_OK;
}

static void end_job(struct worker *w, struct job *job, const struct err *e, bool began)
{
    char id[UUID_TEXT];
    if (err_is(e) && strcmp(e->text, job->stalled) != 0)
        LOG_WARN(job->kind == JOB_MAINTAIN ? "maintenance failed; trying again"
                 : job->kind == JOB_FIT    ? "can't look at the tables; trying again"
                 : began                   ? "batch held; trying again"
                                           : "gate stays shut",
                 LOG_STR("batch", uuid_format(&job->id, id)), LOG_STR("gate", job->gate),
                 LOG_STR("class", err_class_name(e->cls)), LOG_STR("error", e->text));
    board_end(w->board, job, e, began);
}

/* ---- the second thread ---- */

/* The connection is in use while we are here: the database answered a moment ago. Should that have
 * changed, the batch waits in processing/ instead of incoming/. */
static bool prepare_next(void *worker, const atomic_bool *wanted, struct preparer *preparer,
                         struct ahead_batch *b)
{
    struct worker *w = worker;
    struct job *job;
    while ((job = board_take_ahead(w->board, wanted))) {
        struct err e = claim(w, job, &b->prepared);
        if (!err_is(&e) && b->prepared.claim.count > 0)
            break;
        end_job(w, job, &e, true);
        if (err_is(&e))
            return false;
        prepared_clear(&b->prepared); /* the loader was faster; there may be others */
    }
    if (!job)
        return false;
    /* A failure is met again, and told, when the batch is loaded. */
    struct err ignored = prepare_batch(preparer, &b->prepared);
    (void)ignored;
    b->job = job;
    return true;
}

static void retire(void *worker, struct ahead_batch *b)
{
    struct worker *w = worker;
    struct err e = load_retire(w->loader.spool, &b->prepared.claim, &b->outcome.times);
    if (!err_is(&e))
        trail_add(w->trail, &b->outcome);
    end_job(w, b->job, &e, true);
}

static void wake_second_thread(void *worker)
{
    struct worker *w = worker;
    board_wake_loaders(w->board);
}

/* ---- the loader's own ---- */

/* A claim begins only on a connection that answers: with the database down, files stay in
 * incoming/. */
static struct err claim_when_up(struct worker *w, struct job *job, struct prepared *p, bool *began)
{
    struct err e = pg_ping(&w->loader.pg);
    *began = !err_is(&e);
    if (!*began) {
        pg_close(&w->loader.pg);
        return e;
    }
    return claim(w, job, p);
}

static struct err ask_fit(struct worker *w)
{
    struct manifest *set = manifest_current_get(w->current);
    struct err e = fit_ask(w->fit, &w->loader.pg, set);
    manifest_release(set);
    if (!err_is(&e))
        board_wake_scanner(w->board);
    return e;
}

/* Tables may have been changed since the batch was claimed. */
static struct err require_fit(struct worker *w, const char *gate)
{
    struct manifest *set = manifest_current_get(w->current);
    const bool *allowed = manifest_gate_terms(set, gate).allowed;
    struct err e = fit_require(w->fit, &w->loader.pg, set, allowed);
    manifest_release(set);
    return e;
}

/* again: a part of it was done; batches that wait come before the next part. */
static struct err maintain(struct worker *w, bool *again)
{
    struct maintain_result done;
    struct manifest *set = manifest_current_get(w->current);
    struct err e = maintain_run(w->maintain, set, &w->loader.pg, &done);
    manifest_release(set);
    *again = done.partitions.more;
    return e;
}

static struct err park_or_resume(struct worker *w, const struct job *job,
                                 struct load_outcome *outcome)
{
    char batch[UUID_TEXT];
    *outcome = (struct load_outcome){0};
    if (job->kind == JOB_PARK)
        return load_park(&w->loader, &job->id, job->reason, outcome);
    struct err e = require_fit(w, job->gate);
    if (!err_is(&e))
        return load_resume(&w->loader, &job->id, outcome);
    load_note_stall(&w->loader, uuid_format(&job->id, batch), &e);
    return e;
}

/* What is on disk or due already: nothing has to be claimed for it. */
static struct err run_due(struct worker *w, struct job *job, bool *again)
{
    struct load_outcome outcome;
    if (job->kind == JOB_MAINTAIN)
        return maintain(w, again);
    if (job->kind == JOB_FIT)
        return ask_fit(w);
    TRY(park_or_resume(w, job, &outcome));
    if (outcome.settled) {
        batch_times_add(&outcome.times, BATCH_QUEUE, job->due_us, job->since_us - job->due_us);
        trail_add(w->trail, &outcome);
    }
    return ERR_OK;
}

static struct err load_batch(struct worker *w, struct ahead_batch *b)
{
    struct prepared *p = &b->prepared;
    struct err e = load_claim(&w->loader, p, &b->outcome);
    if (!err_is(&e))
        summaries_note(w->summaries, p->terms.streams, &p->batch.partitions);
    board_weigh(w->board, p);
    return e;
}

/* b: the job's batch, when the second thread has claimed it already, else an empty one. */
static void run_job(struct worker *w, struct job *job, struct ahead_batch *b)
{
    struct prepared *p = &b->prepared;
    bool began = true;
    bool again = false;
    struct err e = ERR_OK;
    if (job->kind == JOB_CLAIM)
        e = claim_when_up(w, job, p, &began);
    else if (p->claim.count == 0)
        e = run_due(w, job, &again);
    if (!err_is(&e) && p->claim.count > 0) {
        ahead_start(&w->ahead);
        e = load_batch(w, b);
        if (!err_is(&e)) { /* the job ends when it is retired */
            b->job = job;
            b->is_loaded = true;
            return;
        }
    }
    end_job(w, job, &e, began);
    if (again)
        board_post_upkeep(w->board, JOB_MAINTAIN);
}

/* The job whose batch is prepared, or else one from the board; NULL when the daemon stops. What is
 * prepared is still loaded then, unless in a hurry. */
static struct job *next_job(struct worker *w, struct ahead_batch **b)
{
    unsigned failures = 0;
    struct err last = ERR_OK;
    *b = ahead_finish(&w->ahead);
    struct job *job = *b ? (*b)->job : NULL;
    if (!*b)
        *b = ahead_spare(&w->ahead);
    while (!ensure_connected(w, &failures, &last))
        if (board_is_stopping(w->board))
            return NULL;
    if (job)
        return atomic_load(&w->board->give_up) ? NULL : job;
    return board_take(w->board);
}

void *worker_main(void *worker)
{
    struct worker *w = worker;
    struct job *job;
    struct ahead_batch *b;
    thread_begin("loader", PULSE_LIMIT_US);
    w->ahead.next = prepare_next;
    w->ahead.wake = wake_second_thread;
    w->ahead.retire = retire;
    w->ahead.context = w;
    struct err e = ahead_open(&w->ahead, &w->loader.preparer);
    if (err_is(&e))
        LOG_WARN("batches are not prepared ahead", LOG_STR("error", e.text));
    while ((job = next_job(w, &b)))
        run_job(w, job, b);
    ahead_close(&w->ahead);
    loader_close(&w->loader);
    thread_end();
    board_loader_ended(w->board);
    w->ended(w->context);
    return NULL;
}
