/* SPDX-License-Identifier: MIT */
#include "outbox/outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "event/webhook.h"

/* ---- the answer's text ---- */

#define HIDDEN     "[secret]"
#define HIDDEN_MIN 4 /* bytes: less is no secret, and would be found everywhere */

/* Every place of `secret` in text becomes [secret]. */
static void hide_form(struct buf *text, const char *secret, size_t len)
{
    struct buf out = {0};
    const uint8_t *at = text->data;
    size_t left = text->len;
    const uint8_t *found;
    if (len < HIDDEN_MIN)
        return;
    while (left > 0 && (found = memmem(at, left, secret, len))) {
        buf_put(&out, at, (size_t)(found - at));
        buf_str(&out, HIDDEN);
        left -= (size_t)(found - at) + len;
        at = found + len;
    }
    if (out.len == 0) {
        buf_free(&out);
        return;
    }
    buf_put(&out, at, left);
    buf_free(text);
    *text = out;
}

/* As it is, and as JSON may have it: with "\/" for a slash. */
static void hide(struct buf *text, const char *secret, size_t len)
{
    struct buf escaped = {0};
    hide_form(text, secret, len);
    (void)buf_reserve(&escaped, 2 * len + 1); /* growing would leave copies behind */
    for (size_t i = 0; i < len; i++) {
        if (secret[i] == '/')
            buf_byte(&escaped, '\\');
        buf_byte(&escaped, (uint8_t)secret[i]);
    }
    if (escaped.len > len)
        hide_form(text, buf_cstr(&escaped), escaped.len);
    explicit_bzero(escaped.data, escaped.cap);
    buf_free(&escaped);
}

/* A header's value, and without its scheme: "Bearer TOKEN". */
static void hide_header(struct buf *text, const struct header *header)
{
    const char *space = strchr(header->value, ' ');
    hide(text, header->value, strlen(header->value));
    if (space)
        hide(text, space + 1, strlen(space + 1));
}

/* What of a URL comes after the host: whole, and its path and query apart. */
static void hide_target(struct buf *text, const char *url)
{
    const char *host = strstr(url, "://");
    const char *target = host ? host + 3 + strcspn(host + 3, "/?") : "";
    const char *query = strchr(target, '?');
    hide(text, target, strlen(target));
    if (query) {
        hide(text, target, (size_t)(query - target));
        hide(text, query + 1, strlen(query + 1));
    }
}

static void hide_secrets(struct buf *text, const struct http_request *http)
{
    hide_target(text, http->url);
    for (const struct header *h = http->headers; h && h->name; h++)
        if (h->is_secret)
            hide_header(text, h);
}

/* What Postgres takes as text: U+FFFD stands for NUL and for bytes that aren't UTF-8. */
static void write_text(struct buf *out, const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    for (unsigned characters = 0; at < len && characters < QUEUE_ANSWER; characters++) {
        size_t n = utf8_length(bytes + at, len - at);
        if (n > 0 && bytes[at] != '\0')
            buf_put(out, bytes + at, n);
        else
            buf_str(out, "\xef\xbf\xbd");
        at += n > 0 ? n : 1;
    }
}

static void keep_answer(struct outcome *o, const struct outcome_facts *f)
{
    struct buf raw = {0};
    buf_put(&raw, f->reply->body, f->reply->body_len);
    hide_secrets(&raw, f->http);
    write_text(&o->answer, raw.data, raw.len);
    (void)buf_cstr(&o->answer);
    buf_free(&raw);
}

/* ---- the verdict ---- */

static const char *explain(int status)
{
    if (status == 410)
        return ": the listener wants nothing more, so the sink is disabled; see `spoolgate sink "
               "enable`";
    return status >= 300 && status < 400 ? ": redirects aren't followed" : "";
}

static void judge_answer(struct outcome *o, const struct outcome_facts *f)
{
    o->status = f->reply->status;
    keep_answer(o, f);
    switch (webhook_judge(o->status)) {
    case WEBHOOK_DELIVERED:
        o->outcome = QUEUE_DELIVERED;
        return;
    case WEBHOOK_GONE:
        o->outcome = QUEUE_GONE;
        break;
    case WEBHOOK_BUSY:
        o->outcome = QUEUE_FAILED;
        o->pause_us = f->reply->retry_after_us;
        break;
    case WEBHOOK_REFUSED:
        o->outcome = QUEUE_FAILED;
        break;
    }
    if (o->pause_us > OUTCOME_PAUSE_MAX_US)
        o->pause_us = OUTCOME_PAUSE_MAX_US;
    (void)snprintf(o->error, sizeof o->error, "HTTP %d%s", o->status, explain(o->status));
}

static void judge_failure(struct outcome *o, const struct err *failure)
{
    o->outcome = failure->cls == ERR_REMOTE    ? QUEUE_FAILED
                 : failure->cls == ERR_STOPPED ? QUEUE_RELEASED
                                               : QUEUE_UNSENT;
    (void)snprintf(o->error, sizeof o->error, "%s", failure->text);
}

void outcome_judge(struct outcome *o, const struct outcome_facts *f)
{
    const struct manifest_sink *sink = f->sink;
    *o = (struct outcome){0};
    if (err_is(f->failure))
        judge_failure(o, f->failure);
    else
        judge_answer(o, f);
    if (o->outcome == QUEUE_FAILED || o->outcome == QUEUE_UNSENT)
        o->wait_us = webhook_wait_us(sink->retry_us, sink->retry_count, f->attempts + 1,
                                     o->status ? f->reply->retry_after_us : 0, f->random);
}

void outcome_free(struct outcome *o)
{
    buf_free(&o->answer);
}
