/* SPDX-License-Identifier: MIT */
/*
 * outcome: what became of one attempt, as the outbox records it.
 *
 *     struct outcome o = {0};
 *     outcome_judge(&o, &(struct outcome_facts){.sink = sink, .http = &request.http, ...});
 *     ... o.outcome, o.status, o.error, o.answer, o.wait_us, o.pause_us ...
 *     outcome_free(&o);
 *
 * The answer is what a listener sent: any bytes. What is kept of it is text that Postgres takes,
 * at the most QUEUE_ANSWER characters, and without the request's own secrets: there are listeners
 * that answer with what they were sent, and error pages that name the URL's path.
 */
#ifndef SPOOLGATE_OUTBOX_OUTCOME_H
#define SPOOLGATE_OUTBOX_OUTCOME_H

#include "base/buf.h"
#include "base/err.h"
#include "io/http.h"
#include "manifest/manifest.h"
#include "outbox/queue.h"

#define OUTCOME_PAUSE_MAX_US INT64_C(3600000000) /* of a whole sink, for a Retry-After */

struct outcome_facts {
    const struct manifest_sink *sink;
    unsigned attempts;               /* made before this one */
    const struct err *failure;       /* err_is(): there was no answer, or nothing was sent */
    const struct http_reply *reply;  /* where there was one */
    const struct http_request *http; /* what was sent, where there is a reply */
    uint32_t random;
};

struct outcome {
    enum queue_outcome outcome;
    int status;
    char error[500];   /* "" when delivered */
    struct buf answer; /* NUL-terminated; empty: none */
    int64_t wait_us;   /* as struct queue_result has it */
    int64_t pause_us;
};

void outcome_judge(struct outcome *o, const struct outcome_facts *facts);
void outcome_free(struct outcome *o);

#endif
