/* SPDX-License-Identifier: MIT */
#include "status/view.h"

#include <stdlib.h>

#include "base/jsonw.h"

const char *const view_stall_names[VIEW_STALL_COUNT] = {[VIEW_NOT_STALLED] = "",
                                                        [VIEW_STALLED_BATCH] = "batch",
                                                        [VIEW_STALLED_MISFIT] = "misfit",
                                                        [VIEW_STALLED_CLAIM] = "claim",
                                                        [VIEW_STALLED_ROOM] = "room",
                                                        [VIEW_STALLED_SPOOL] = "spool",
                                                        [VIEW_STALLED_DATABASE] = "database"};

static void text_or_null(struct jsonw *j, const char *key, const char *text)
{
    jsonw_key(j, key);
    jsonw_str(j, *text ? text : NULL);
}

static void time_or_null(struct jsonw *j, const char *key, int64_t us)
{
    jsonw_key(j, key);
    jsonw_time(j, us ? us : INT64_MIN);
}

static void policy_json(struct jsonw *j, const struct gate_policy *policy)
{
    jsonw_object(j);
    jsonw_key(j, "count");
    jsonw_int(j, (int64_t)policy->open_count);
    jsonw_key(j, "bytes");
    jsonw_int(j, (int64_t)policy->open_bytes);
    jsonw_key(j, "age_s");
    jsonw_seconds(j, policy->open_age_us);
    jsonw_key(j, "idle_s");
    jsonw_seconds(j, policy->open_idle_us);
    jsonw_end(j);
}

static void gate_json(struct jsonw *j, const struct view_gate *g)
{
    jsonw_object(j);
    jsonw_key(j, "gate");
    jsonw_str(j, g->name);
    jsonw_key(j, "waiting");
    jsonw_int(j, (int64_t)g->waiting);
    jsonw_key(j, "more");
    jsonw_bool(j, g->more);
    jsonw_key(j, "bytes");
    jsonw_int(j, (int64_t)g->bytes);
    jsonw_key(j, "unsettled");
    jsonw_int(j, (int64_t)g->unsettled);
    jsonw_key(j, "unclaimable");
    jsonw_int(j, (int64_t)g->unclaimable);
    time_or_null(j, "oldest_at", g->oldest_us);
    jsonw_key(j, "held");
    jsonw_bool(j, g->held);
    jsonw_key(j, "stall");
    jsonw_str(j, view_stall_names[g->stall]);
    text_or_null(j, "stalled_reason", g->stalled);
    jsonw_key(j, "opens");
    policy_json(j, &g->policy);
    jsonw_end(j);
}

static void job_json(struct jsonw *j, const struct view_job *job)
{
    char id[UUID_TEXT];
    jsonw_object(j);
    jsonw_key(j, "batch_id");
    jsonw_str(j, uuid_format(&job->id, id));
    text_or_null(j, "gate", job->gate);
    jsonw_key(j, "state");
    jsonw_str(j, job->state);
    time_or_null(j, "since", job->since_us);
    jsonw_key(j, "failures");
    jsonw_int(j, job->failures);
    text_or_null(j, "error", job->error);
    jsonw_end(j);
}

void view_json(const struct view *v, struct buf *json)
{
    struct jsonw j = {.out = json};
    jsonw_object(&j);
    jsonw_key(&j, "started_at");
    jsonw_time(&j, v->started_us);
    jsonw_key(&j, "stopping");
    jsonw_bool(&j, v->stopping);
    text_or_null(&j, "database_error", v->database_error);
    jsonw_key(&j, "gates");
    jsonw_array(&j);
    for (size_t i = 0; i < v->gate_count; i++)
        gate_json(&j, &v->gates[i]);
    jsonw_end(&j);
    jsonw_key(&j, "loading");
    jsonw_array(&j);
    for (size_t i = 0; i < v->job_count; i++)
        job_json(&j, &v->jobs[i]);
    jsonw_end(&j);
    jsonw_end(&j);
}

void view_free(struct view *v)
{
    free(v->gates);
    free(v->jobs);
    *v = (struct view){0};
}
