/* SPDX-License-Identifier: MIT */
#include "daemon/worker.h"

#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/time.h"
#include "schema/migrate.h"

static struct err connect_database(struct worker *w)
{
    struct loader *l = &w->loader;
    TRY(pg_open(&l->pg, &l->target));
    struct err e = ERR_OK;
    if (w->migrate)
        e = migrate_up(&l->pg, l->target.schema, l->streams);
    if (!err_is(&e))
        e = migrate_require(&l->pg, l->streams);
    if (err_is(&e))
        pg_close(&l->pg);
    return e;
}

/* Connected, or told why not and waited. The same reason twice in a row is logged once. */
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
        board_database(w->board, NULL, 0);
        return true;
    }
    if (strcmp(e.text, last->text) != 0)
        LOG_WARN("database can't be used; segments wait", LOG_STR("error", e.text));
    *last = e;
    (*failures)++;
    board_database(w->board, e.text, backoff_us(*failures, (uint32_t)time_monotonic()));
    return false;
}

/* A claim begins only on a connection that answers: with the database down, files stay in
 * incoming/. */
static struct err run_claim(struct worker *w, struct job *job, bool *began)
{
    struct claim c;
    struct load_outcome outcome;
    *began = false;
    struct err e = pg_ping(&w->loader.pg);
    if (err_is(&e)) {
        pg_close(&w->loader.pg);
        return e;
    }
    *began = true;
    int64_t start = time_monotonic();
    e = claim_make(w->loader.spool, &job->id, job->gate, job->reason, job->files, job->count, &c);
    board_claimed(w->board, job, &e);
    if (!err_is(&e) && c.count > 0) {
        LOG_INFO("gate opened", LOG_STR("batch", c.batch), LOG_STR("gate", c.gate),
                 LOG_STR("reason", c.reason), LOG_INT("segments", c.count),
                 LOG_DURATION("took", time_monotonic() - start));
        e = load_claim(&w->loader, &c, &outcome);
    }
    claim_free(&c);
    return e;
}

/* What is on disk or due already: nothing has to be claimed for it. */
static struct err run_due(struct worker *w, struct job *job)
{
    struct load_outcome outcome;
    if (job->kind == JOB_MAINTAIN)
        return maintain_run(&w->maintain, &w->loader.pg);
    if (job->kind == JOB_PARK)
        return load_park(&w->loader, &job->id, job->reason, &outcome);
    return load_resume(&w->loader, &job->id, &outcome);
}

static void run_job(struct worker *w, struct job *job)
{
    char id[UUID_TEXT];
    bool began = true;
    struct err e = job->kind == JOB_CLAIM ? run_claim(w, job, &began) : run_due(w, job);
    if (err_is(&e) && strcmp(e.text, job->stalled) != 0)
        LOG_WARN(job->kind == JOB_MAINTAIN ? "maintenance failed; trying again"
                 : began                   ? "batch held; trying again"
                                           : "gate stays shut",
                 LOG_STR("batch", uuid_format(&job->id, id)), LOG_STR("gate", job->gate),
                 LOG_STR("class", err_class_name(e.cls)), LOG_STR("error", e.text));
    board_end(w->board, job, &e, began);
}

void *worker_main(void *worker)
{
    struct worker *w = worker;
    unsigned failures = 0;
    struct err last = ERR_OK;
    while (!board_is_stopping(w->board)) {
        if (!ensure_connected(w, &failures, &last))
            continue;
        struct job *job = board_take(w->board);
        if (job)
            run_job(w, job);
    }
    pg_close(&w->loader.pg);
    board_loader_ended(w->board);
    w->ended(w->context);
    return NULL;
}
