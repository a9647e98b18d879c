/* SPDX-License-Identifier: MIT */
#include "io/http.h"

#include "base/pulse.h"
#include "io/http_attempt.h"

/* The request has a time-out: whoever waits for its answer isn't stuck. */
static struct err perform(struct http_attempt *a)
{
    pulse_wait();
    CURLcode code = curl_easy_perform(a->curl);
    pulse_go_on();
    return http_attempt_finish(a, code);
}

struct err http_post(const struct http_request *request, struct http_reply *reply)
{
    struct http_attempt a;
    struct err e = http_attempt_open(&a, request, reply);
    if (!err_is(&e))
        e = perform(&a);
    http_attempt_close(&a);
    return e;
}
