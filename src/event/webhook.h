/* SPDX-License-Identifier: MIT */
/*
 * webhook: Standard Webhooks 1.0, but for the sending: the headers of an attempt, what an answer
 * means, and when to try again. Pure.
 *
 *     struct webhook_headers headers;
 *     webhook_make_headers(&headers, &(struct webhook_attempt){.id = ..., ...});
 *     ... POST with headers.list ...
 *     webhook_free_headers(&headers);
 *     switch (webhook_judge(reply.status)) ...
 */
#ifndef SPOOLGATE_EVENT_WEBHOOK_H
#define SPOOLGATE_EVENT_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/header.h"
#include "event/sign.h"

struct webhook_attempt {
    const char *id;           /* the event's, the same on every attempt */
    int64_t now_us;           /* wall clock, of this attempt */
    const char *content_type; /* of the body */
    const void *body;
    size_t body_len;
    const struct sign_keys *keys; /* none, or NULL: no signature */
    const struct header *extra;   /* the sink's own; ends with {0}; NULL: none */
};

struct webhook_headers {
    struct header *list; /* ends with {0}: content-type (unless extra has one), webhook-id,
                            webhook-timestamp, webhook-signature, and extra */
    struct buf text;     /* private: what they point to */
};

/* extra's texts are not copied. */
void webhook_make_headers(struct webhook_headers *headers, const struct webhook_attempt *attempt);
void webhook_free_headers(struct webhook_headers *headers);

enum webhook_verdict {
    WEBHOOK_DELIVERED, /* 2xx */
    WEBHOOK_BUSY,      /* 429 or 5xx: later may do */
    WEBHOOK_REFUSED,   /* any other, redirects too */
    WEBHOOK_GONE,      /* 410: it wants nothing more */
};
enum webhook_verdict webhook_judge(int status);

/*
 * How long to wait before the next attempt, in microseconds; -1: there is none left.
 *
 * schedule: the waits before each attempt, the first included (manifest_sink.retry_us); failed: the
 * attempts that were made, 1 after the first; retry_after_us: what the listener asked for, 0:
 * nothing; the longer one counts, up to WEBHOOK_RETRY_AFTER_MAX_US. random: any 32 bits; up to a
 * tenth is added, so that many waiters don't come back together.
 */
#define WEBHOOK_RETRY_AFTER_MAX_US (INT64_C(7) * 86400 * 1000000)
int64_t webhook_wait_us(const int64_t *schedule, size_t count, unsigned failed,
                        int64_t retry_after_us, uint32_t random);

#endif
