/* SPDX-License-Identifier: MIT */
#include "daemon/view.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/meter.h"

const struct job *board_stalled_job(const struct board *b, const char *gate)
{
    for (const struct job *job = b->jobs; job; job = job->next)
        if (job->failures > 0 && strcmp(job->gate, gate) == 0)
            return job;
    return NULL;
}

/* The nearest to the gate comes first. */
static enum view_stall stall_of(const struct board *b, const struct board_gate *g, const char **why)
{
    const struct job *job = board_stalled_job(b, g->name);
    const struct {
        bool holds;
        const char *why;
    } reasons[VIEW_STALL_COUNT] = {
        [VIEW_STALLED_BATCH] = {job != NULL, job ? job->stalled : ""},
        [VIEW_STALLED_MISFIT] = {*g->misfit, g->misfit},
        [VIEW_STALLED_CLAIM] = {g->claim_failures > 0, g->claim_error},
        [VIEW_STALLED_ROOM] = {*b->room_error && g->waiting > 0, b->room_error},
        [VIEW_STALLED_SPOOL] = {*b->spool_error, b->spool_error},
        [VIEW_STALLED_DATABASE] = {*b->database_error && g->waiting > 0, b->database_error}};
    for (int i = VIEW_NOT_STALLED + 1; i < VIEW_STALL_COUNT; i++)
        if (reasons[i].holds) {
            *why = reasons[i].why;
            return (enum view_stall)i;
        }
    *why = "";
    return VIEW_NOT_STALLED;
}

void board_count_stalls(struct board *b)
{
    const char *why;
    for (size_t i = 0; i < b->gate_count; i++) {
        struct board_gate *g = &b->gates[i];
        enum view_stall stall = stall_of(b, g, &why);
        if (stall == VIEW_STALLED_DATABASE && !b->has_database_answer)
            stall = VIEW_NOT_STALLED; /* the first loader is still on its way */
        if (stall != VIEW_NOT_STALLED && stall != g->stall)
            meter_add(METER_STALLS, METER_LABELS(view_stall_names[stall]), 1);
        g->stall = stall;
    }
}

static void view_gate(const struct board *b, const struct board_gate *g, struct view_gate *out)
{
    const char *why;
    *out = (struct view_gate){.waiting = g->waiting,
                              .bytes = g->bytes,
                              .unsettled = g->unsettled,
                              .unclaimable = g->unclaimable,
                              .more = g->more,
                              .oldest_us = g->waiting > 0 ? g->oldest_us : 0,
                              .policy = g->policy,
                              .held = g->held,
                              .stall = stall_of(b, g, &why)};
    (void)snprintf(out->name, sizeof out->name, "%s", g->name);
    (void)snprintf(out->stalled, sizeof out->stalled, "%s", why);
}

static void view_job(const struct job *job, struct view_job *out)
{
    *out = (struct view_job){.id = job->id,
                             .state = job->running        ? "loading"
                                      : job->failures > 0 ? "held"
                                                          : "queued",
                             .since_us = job->since_us,
                             .failures = job->failures};
    (void)snprintf(out->gate, sizeof out->gate, "%s", job->gate);
    (void)snprintf(out->error, sizeof out->error, "%s", job->failures > 0 ? job->stalled : "");
}

void board_view(struct board *b, struct view *v)
{
    size_t cap = 0;
    (void)pthread_mutex_lock(&b->lock);
    *v = (struct view){.started_us = b->started_us,
                       .scanned_us = b->scanned_us,
                       .stopping = b->stopping,
                       .gates = mem_calloc(b->gate_count + 1, sizeof *v->gates),
                       .gate_count = b->gate_count};
    (void)snprintf(v->database_error, sizeof v->database_error, "%s", b->database_error);
    for (size_t i = 0; i < b->gate_count; i++)
        view_gate(b, &b->gates[i], &v->gates[i]);
    for (const struct job *job = b->jobs; job; job = job->next)
        if (job->kind != JOB_MAINTAIN && job->kind != JOB_FIT)
            view_job(job, MEM_PUSH(v->jobs, v->job_count, cap));
    (void)pthread_mutex_unlock(&b->lock);
}
