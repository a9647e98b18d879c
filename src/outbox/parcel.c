/* SPDX-License-Identifier: MIT */
#include "outbox/parcel.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#define UNREADY_US TIME_US_PER_S

/* The body that every attempt sends: it is stored before the first of them. What a crash of the
 * server may lose of that is rendered anew, which makes the same bytes of the same event; but for
 * templates, which may be others by then. Waiting for the disk is most of an event's way. */
static struct err render(const struct manifest *set, const struct manifest_sink *sink,
                         struct queue_item *item)
{
    struct body_form form = manifest_sink_form(set, sink);
    struct event event = {.id = item->event_id,
                          .type = item->type,
                          .payload = item->payload,
                          .spool_id = item->spool_id,
                          .created_us = item->created_us};
    if (*item->content_type)
        return ERR_OK;
    struct err e = body_render(&event, &form, &item->body);
    if (err_is(&e)) {
        buf_free(&item->body);
        return e;
    }
    (void)snprintf(item->content_type, sizeof item->content_type, "%s", body_content_type(&form));
    item->is_new_body = true;
    item->must_last = form.format == BODY_TEMPLATE;
    return ERR_OK;
}

struct parcel *parcel_make(struct manifest *set, const struct manifest_sink *sink,
                           struct queue_item *item)
{
    struct parcel *p = mem_calloc(1, sizeof *p);
    p->set = manifest_hold(set);
    p->sink = sink;
    (void)snprintf(p->event_id, sizeof p->event_id, "%s", item->event_id);
    p->attempts = item->attempts;
    p->failure = render(set, sink, item);
    if (item->attempts == 0 && item->age_us < sink->retry_us[0])
        p->early_us = sink->retry_us[0] - (item->age_us > 0 ? item->age_us : 0);
    return p;
}

void parcel_pack(struct parcel *p, struct queue_item *item)
{
    p->body = item->body;
    item->body = (struct buf){0};
    (void)snprintf(p->content_type, sizeof p->content_type, "%s", item->content_type);
    p->attempted_us = time_now();
    if (p->early_us > 0)
        p->failure = err_make(ERR_STOPPED, "the sink's first wait isn't over");
    if (err_is(&p->failure))
        return;
    p->failure = request_make(&p->request, p->sink,
                              &(struct sink_message){.event_id = p->event_id,
                                                     .content_type = p->content_type,
                                                     .body = p->body.data,
                                                     .body_len = p->body.len,
                                                     .now_us = p->attempted_us});
    p->is_unready = err_is(&p->failure);
}

static void log_attempt(const struct parcel *p)
{
    const struct outcome *o = &p->outcome;
    LOG_DEBUG(o->outcome == QUEUE_DELIVERED ? "delivered" : "not delivered",
              LOG_STR("sink", p->sink->name), LOG_STR("event", p->event_id),
              LOG_INT("attempt", p->attempts + 1), LOG_INT("status", o->status),
              LOG_DURATION("took", p->reply.took_us), LOG_STR("error", o->error));
}

void parcel_judge(struct parcel *p, uint32_t random)
{
    outcome_judge(&p->outcome, &(struct outcome_facts){.sink = p->sink,
                                                       .attempts = p->attempts,
                                                       .failure = &p->failure,
                                                       .reply = &p->reply,
                                                       .http = &p->request.http,
                                                       .random = random});
    if (p->outcome.outcome == QUEUE_RELEASED)
        p->outcome.wait_us = p->early_us;
    if (p->is_unready) /* or all that waits for the sink would be tried as fast as we can */
        p->outcome.pause_us = UNREADY_US;
    request_wipe(&p->request);
    log_attempt(p);
}

/* How long the whole schedule is. */
static int64_t patience(const struct manifest_sink *sink)
{
    int64_t sum = 0;
    for (size_t i = 0; i < sink->retry_count; i++)
        sum += sink->retry_us[i];
    return sum;
}

struct queue_result parcel_result(const struct parcel *p)
{
    const struct outcome *o = &p->outcome;
    return (struct queue_result){.sink = p->sink->name,
                                 .event_id = p->event_id,
                                 .outcome = o->outcome,
                                 .status = o->status,
                                 .error = o->outcome == QUEUE_DELIVERED ? NULL : o->error,
                                 .answer = o->answer.len > 0 ? (const char *)o->answer.data : NULL,
                                 .attempted_us = p->attempted_us,
                                 .took_us = p->reply.took_us,
                                 .wait_us = o->wait_us,
                                 .pause_us = o->pause_us,
                                 .patience_us = patience(p->sink)};
}

void parcel_free(struct parcel *p)
{
    request_wipe(&p->request);
    outcome_free(&p->outcome);
    buf_free(&p->body);
    manifest_release(p->set);
    free(p);
}
