/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/backoff.h"
#include "base/str.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "event/webhook.h"
#include "io/http.h"
#include "notifier.h"

#define PATIENCE (300 * TIME_US_PER_S) /* a longer Retry-After ends the run */
#define EXCERPT  200

static struct err post(const struct options *o, const struct message *m, const char *id,
                       struct http_reply *reply)
{
    struct webhook_headers headers;
    webhook_make_headers(&headers, &(struct webhook_attempt){.id = id,
                                                             .now_us = time_now(),
                                                             .content_type = m->type,
                                                             .body = m->body.data,
                                                             .body_len = m->body.len,
                                                             .keys = &o->keys,
                                                             .extra = o->headers});
    struct err e = http_post(&(struct http_request){.url = o->url,
                                                    .headers = headers.list,
                                                    .body = m->body.data,
                                                    .body_len = m->body.len,
                                                    .timeout_us = o->timeout_us,
                                                    /* whoever typed the URL means it */
                                                    .allow_private = true,
                                                    .ca_file = o->ca},
                             reply);
    webhook_free_headers(&headers);
    return e;
}

/* The listener's first words, as UTF-8. (err_make makes them one line.) */
static const char *excerpt(const struct http_reply *reply, char out[EXCERPT])
{
    size_t n = 0;
    for (size_t i = 0; i < reply->body_len && n < EXCERPT - 5;) {
        const uint8_t *p = (const uint8_t *)reply->body + i;
        size_t len = *p ? utf8_length(p, reply->body_len - i) : 0;
        if (len > 0)
            memcpy(out + n, p, len);
        else
            out[n] = '?';
        i += len > 0 ? len : 1;
        n += len > 0 ? len : 1;
    }
    out[n] = '\0';
    return out;
}

static void wait_for(int64_t us)
{
    struct timespec left = {.tv_sec = us / TIME_US_PER_S, .tv_nsec = us % TIME_US_PER_S * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* ERR_OK: delivered. again: the listener may think otherwise later. */
static struct err judge(const struct http_reply *reply, const char *origin, bool *again)
{
    char took[STR_HUMAN];
    char words[EXCERPT];
    enum webhook_verdict verdict = webhook_judge(reply->status);
    *again = verdict == WEBHOOK_BUSY;
    if (verdict == WEBHOOK_DELIVERED)
        return ERR_OK;
    return err_make(ERR_REMOTE, "%s answered %d in %s%s%s", origin, reply->status,
                    str_duration(reply->took_us, took), reply->body_len > 0 ? ": " : "",
                    excerpt(reply, words));
}

static int deliver(const struct options *o, const struct message *m, const char *origin)
{
    char id[UUID_TEXT];
    char text[STR_HUMAN];
    struct uuid uuid = uuid_new();
    (void)uuid_format(&uuid, id);
    for (unsigned n = 1;; n++) {
        struct http_reply reply;
        struct err e = post(o, m, id, &reply);
        bool answered = !err_is(&e);
        bool again = e.cls == ERR_REMOTE;
        if (answered)
            e = judge(&reply, origin, &again);
        if (!err_is(&e)) {
            (void)printf("delivered %s to %s: %d in %s, try %u\n", id, origin, reply.status,
                         str_duration(reply.took_us, text), n);
            return 0;
        }
        int code = notifier_report(&e);
        if (!again)
            return answered ? EXIT_REFUSED : code;
        if (n > o->retry)
            return code;
        int64_t wait = backoff_us(n, arc4random());
        wait = reply.retry_after_us > wait ? reply.retry_after_us : wait;
        if (wait > PATIENCE) {
            (void)fprintf(stderr, "notifier: it wants to be left alone for %s: giving up\n",
                          str_duration(wait, text));
            return code;
        }
        (void)fprintf(stderr, "notifier: try %u of %u in %s\n", n + 1, o->retry + 1,
                      str_duration(wait, text));
        wait_for(wait);
    }
}

int message_deliver(const struct options *o, const struct message *m)
{
    struct buf origin = {0};
    struct err e = http_check_url(o->url, &origin);
    int code = err_is(&e) ? notifier_report(&e) : deliver(o, m, buf_cstr(&origin));
    buf_free(&origin);
    return code;
}
