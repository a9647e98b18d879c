/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "db/queries.h"
#include "schema/plan.h"

/* Between two attempts the tables' users have the time that they queued for behind the last. */
enum { ATTEMPTS = 4, PAUSE_MS = 1000, TURN_MS = 100, TURNS_S = 60 };

static void pause_ms(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static struct err begin(struct pg *pg)
{
    TRY(pg_exec(pg, "BEGIN"));
    TRY(pg_exec(pg, sql_migration_lock));
    return pg_exec(pg, sql_plan_timeout);
}

static struct err step_failed(const struct plan *plan, const struct plan_step *step,
                              const struct err *cause)
{
    const char *stream = plan->streams->streams[step->stream].name;
    struct err e;
    if (strcmp(cause->sqlstate, "23505") == 0)
        e = err_make(ERR_ROW,
                     "stream %s: rows of the table share their key, so that it can't be unique: "
                     "remove all but one of each, or choose another `key`; %s",
                     stream, cause->text);
    else if (step->kind == PLAN_SET_NOT_NULL && strcmp(cause->sqlstate, "23502") == 0)
        e = err_make(ERR_ROW,
                     "stream %s: rows of the table have no value in a column that is `required`: "
                     "fill them in (UPDATE), or don't say `required`; nothing of this stream was "
                     "changed; %s",
                     stream, cause->text);
    else
        e = err_make(cause->cls, "stream %s, %s: %s", stream, plan_kind_name(step->kind),
                     cause->text);
    memcpy(e.sqlstate, cause->sqlstate, sizeof e.sqlstate);
    return e;
}

static struct err run_steps(struct pg *pg, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        struct err e = step->is_alone ? ERR_OK : pg_exec(pg, step->sql);
        if (err_is(&e))
            return step_failed(plan, step, &e);
    }
    return pg_commit(pg);
}

static void set_state(struct plan *plan, bool is_alone, enum plan_state state)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].is_alone == is_alone)
            plan->steps[i].state = state;
}

/* Finds the stream's steps under the lock, and runs those that can be in a transaction. */
static struct err run_together(struct pg *pg, size_t stream, unsigned allow, struct plan *found)
{
    plan_free(found);
    struct err e = begin(pg);
    if (!err_is(&e))
        e = plan_add_stream(pg, found, stream);
    if (!err_is(&e) && !plan_is_refused(found, stream, allow)) {
        e = run_steps(pg, found);
        if (!err_is(&e)) {
            set_state(found, false, PLAN_DONE);
            return ERR_OK;
        }
    }
    pg_rollback(pg);
    return e;
}

/* A lock that didn't come in time, or two that waited for each other. */
static bool is_about_locks(const struct err *e)
{
    return strcmp(e->sqlstate, "55P03") == 0 || strcmp(e->sqlstate, "40P01") == 0;
}

static struct err run_patiently(struct pg *pg, size_t stream, unsigned allow, struct plan *found)
{
    struct err e = run_together(pg, stream, allow, found);
    for (int attempt = 1; is_about_locks(&e) && attempt < ATTEMPTS; attempt++) {
        pause_ms(PAUSE_MS);
        e = run_together(pg, stream, allow, found);
    }
    if (!is_about_locks(&e))
        return e;
    return err_make(ERR_BUSY,
                    "stream %s: its table is in use by other transactions, and a lock on it didn't "
                    "come within %d attempts of a second; nothing of this stream was changed. See "
                    "pg_stat_activity for the oldest xact_start, and try again",
                    found->streams->streams[stream].name, ATTEMPTS);
}

static struct err run_alone(struct pg *pg, struct plan *found)
{
    for (size_t i = 0; i < found->count; i++) {
        struct plan_step *step = &found->steps[i];
        if (!step->is_alone)
            continue;
        struct err e = pg_exec(pg, step->sql);
        if (err_is(&e)) {
            struct err undone = step->undo && pg_is_open(pg) ? pg_exec(pg, step->undo) : ERR_OK;
            (void)undone; /* what is left is found by the next plan */
            return step_failed(found, step, &e);
        }
        step->state = PLAN_DONE;
    }
    return ERR_OK;
}

static void refuse(struct plan *plan, unsigned allow)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!plan_is_allowed(&plan->steps[i], allow))
            plan->steps[i].state = PLAN_REFUSED;
}

/* Moves one plan's steps to the end of another. */
static void move_steps(struct plan *to, struct plan *from)
{
    for (size_t i = 0; i < from->count; i++)
        *MEM_PUSH(to->steps, to->count, to->cap) = from->steps[i];
    from->count = 0;
    plan_free(from);
}

static struct err apply_stream(struct pg *pg, size_t stream, unsigned allow, struct plan *done)
{
    struct plan found = {.streams = done->streams, .schema = done->schema};
    struct err e = run_patiently(pg, stream, allow, &found);
    if (!err_is(&e) && !plan_is_refused(&found, stream, allow))
        e = run_alone(pg, &found);
    refuse(&found, allow);
    move_steps(done, &found);
    return e;
}

static struct err take_turn(struct pg *pg)
{
    int64_t end = time_monotonic() + TURNS_S * TIME_US_PER_S;
    PGresult *rows;
    do {
        TRY(pg_query(pg, sql_plan_lock, PG_NO_PARAMS, &rows));
        bool is_ours = strcmp(PQgetvalue(rows, 0, 0), "t") == 0;
        PQclear(rows);
        if (is_ours)
            return ERR_OK;
        pause_ms(TURN_MS);
    } while (time_monotonic() < end);
    return err_make(ERR_BUSY,
                    "another `spoolgate apply` has been at work for %d s; try again when "
                    "it is done",
                    TURNS_S);
}

/* A connection that is gone has given its turn back. */
static struct err end_turn(struct pg *pg)
{
    return pg_is_open(pg) ? pg_query(pg, sql_plan_unlock, PG_NO_PARAMS, NULL) : ERR_OK;
}

static bool has_steps(const struct plan *plan, size_t stream)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].stream == stream)
            return true;
    return false;
}

struct err plan_apply(struct pg *pg, struct plan *plan, unsigned allow)
{
    struct plan done = {.streams = plan->streams, .schema = plan->schema};
    TRY(take_turn(pg));
    struct err e = ERR_OK;
    for (size_t i = 0; i < plan->streams->count && !err_is(&e); i++)
        if (has_steps(plan, i))
            e = apply_stream(pg, i, allow, &done);
    struct err last = end_turn(pg);
    plan_free(plan);
    *plan = done;
    return err_is(&e) ? e : last;
}
