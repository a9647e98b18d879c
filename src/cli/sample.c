/* SPDX-License-Identifier: MIT */
#include "cli/sample.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "base/uuid.h"
#include "cli/show.h"
#include "event/body.h"
#include "event/webhook.h"
#include "io/http.h"
#include "outbox/request.h"

enum { EXIT_REFUSED = 76 }; /* sysexits.h's "protocol": the listener doesn't want it */

/* By enum webhook_verdict: for programs, and for people what would become of a real event. */
static const struct {
    const char *word, *meaning;
    int code;
} verdicts[] = {
    [WEBHOOK_DELIVERED] = {"delivered", "the listener has it", 0},
    [WEBHOOK_BUSY] = {"busy", "an event would be tried again", 69},
    [WEBHOOK_REFUSED] = {"refused", "an event would be tried again, and end as a dead letter",
                         EXIT_REFUSED},
    [WEBHOOK_GONE] = {"gone", "an event would disable the sink until `spoolgate sink enable`",
                      EXIT_REFUSED},
};

struct sample {
    char event_id[UUID_TEXT];
    enum event_type type;
    struct buf body, exchange;
    struct http_reply reply;
    struct err failure; /* there was no answer */
};

/* The payload tells listeners what it is, so that nobody is woken up by it. */
static struct err make_payload(enum event_type type, char **payload)
{
    json_t *example = json_loads(event_examples(type)[0], 0, NULL);
    (void)json_object_set_new(example, "test", json_true());
    *payload = json_dumps(example, JSON_COMPACT);
    json_decref(example);
    return *payload ? ERR_OK : err_make(ERR_INTERNAL, "the event's example isn't an object");
}

static struct err render(const struct manifest_sink *sink, struct sample *s,
                         const struct body_form *form)
{
    struct uuid id = uuid_new();
    char *payload;
    TRY(make_payload(s->type, &payload));
    struct event event = {.id = uuid_format(&id, s->event_id),
                          .type = event_names[s->type],
                          .payload = payload,
                          .spool_id = "",
                          .created_us = time_now()};
    struct err e = body_render(&event, form, &s->body);
    free(payload);
    return err_is(&e) ? err_make(e.cls, "sink `%s`: %s", sink->name, e.text) : e;
}

static struct err post(const struct manifest_sink *sink, struct sample *s,
                       const struct body_form *form)
{
    struct sink_request r;
    struct err e = request_make(&r, sink,
                                &(struct sink_message){.event_id = s->event_id,
                                                       .content_type = body_content_type(form),
                                                       .body = s->body.data,
                                                       .body_len = s->body.len,
                                                       .now_us = time_now()});
    if (err_is(&e)) {
        e = err_make(e.cls, "sink `%s`: %s", sink->name, e.text);
    } else {
        r.http.exchange = &s->exchange;
        s->failure = http_post(&r.http, &s->reply);
    }
    request_wipe(&r);
    return e;
}

static void print_json(const struct manifest_sink *sink, struct sample *s, const char *word)
{
    bool is_answered = !err_is(&s->failure);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:f, s:s?, s:o}", "sink", sink->name, "event",
                          event_names[s->type], "event_id", s->event_id, "verdict", word, "status",
                          is_answered ? json_integer(s->reply.status) : json_null(), "took_ms",
                          (double)s->reply.took_us / 1e3, "error",
                          is_answered ? NULL : s->failure.text, "exchange",
                          json_stringn_nocheck((const char *)s->exchange.data, s->exchange.len));
    show_json(o);
    json_decref(o);
}

static void print_text(struct sample *s, const char *meaning)
{
    char took[STR_HUMAN];
    show_lines((const char *)s->exchange.data, s->exchange.len, "");
    (void)putchar('\n');
    if (err_is(&s->failure))
        (void)printf("no answer: %s\n", s->failure.text);
    else
        (void)printf("%d after %s: %s\n", s->reply.status, str_duration(s->reply.took_us, took),
                     meaning);
}

struct err sample_send(const struct manifest *set, const struct manifest_sink *sink,
                       enum event_type type, bool json, int *code)
{
    struct sample s = {.type = type};
    struct body_form form = manifest_sink_form(set, sink);
    struct err e = render(sink, &s, &form);
    if (!err_is(&e))
        e = post(sink, &s, &form);
    if (!err_is(&e)) {
        bool is_answered = !err_is(&s.failure);
        enum webhook_verdict verdict = webhook_judge(s.reply.status);
        if (json)
            print_json(sink, &s, is_answered ? verdicts[verdict].word : "no answer");
        else
            print_text(&s, verdicts[verdict].meaning);
        *code = is_answered ? verdicts[verdict].code : err_exit_code(&s.failure);
    }
    buf_free(&s.body);
    buf_free(&s.exchange);
    return e;
}
