/* SPDX-License-Identifier: MIT */
#include "cli/sample.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonw.h"
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

static void print_json(const struct manifest_sink *sink, const struct sample *s, const char *word)
{
    bool is_answered = !err_is(&s->failure);
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_object(&j);
    jsonw_key(&j, "sink");
    jsonw_str(&j, sink->name);
    jsonw_key(&j, "event");
    jsonw_str(&j, event_names[s->type]);
    jsonw_key(&j, "event_id");
    jsonw_str(&j, s->event_id);
    jsonw_key(&j, "verdict");
    jsonw_str(&j, word);
    jsonw_key(&j, "status");
    if (is_answered)
        jsonw_int(&j, s->reply.status);
    else
        jsonw_null(&j);
    jsonw_key(&j, "took_ms");
    jsonw_int(&j, s->reply.took_us / TIME_US_PER_MS);
    jsonw_key(&j, "error");
    jsonw_str(&j, is_answered ? NULL : s->failure.text);
    jsonw_key(&j, "body");
    jsonw_strn(&j, s->body.data, s->body.len);
    jsonw_key(&j, "exchange");
    jsonw_strn(&j, s->exchange.data, s->exchange.len);
    jsonw_key(&j, "answer");
    jsonw_strn(&j, s->reply.body, s->reply.body_len);
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

static void print_part(const char *title, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    (void)printf("%s, %zu bytes\n", title, len);
    show_lines(bytes, len, "    ");
    (void)putchar('\n');
}

static void print_text(const struct sample *s, const char *meaning)
{
    char took[STR_HUMAN];
    print_part("the body", s->body.data, s->body.len);
    show_lines((const char *)s->exchange.data, s->exchange.len, "");
    if (s->exchange.len > 0)
        (void)putchar('\n');
    print_part("the answer", s->reply.body, s->reply.body_len);
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
