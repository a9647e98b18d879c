/* SPDX-License-Identifier: MIT */
#include "outbox/outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "event/webhook.h"
#include "io/http_hide.h"

/* ---- the answer's text ---- */

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
    http_hide(&raw, f->http);
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
