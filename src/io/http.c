/* SPDX-License-Identifier: MIT */
#include "io/http.h"

#include "io/http_attempt.h"

struct err http_post(const struct http_request *request, struct http_reply *reply)
{
    struct http_attempt a;
    struct err e = http_attempt_open(&a, request, reply);
    if (!err_is(&e))
        e = http_attempt_finish(&a, curl_easy_perform(a.curl));
    http_attempt_close(&a);
    return e;
}
