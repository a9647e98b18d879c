/* SPDX-License-Identifier: MIT */
/*
 * http_attempt: one POST as a curl handle: what io/http and io/http_pool share. Private to them.
 *
 *     struct http_attempt a;
 *     struct err e = http_attempt_open(&a, &request, &reply);
 *     if (!err_is(&e))
 *         e = http_attempt_finish(&a, curl_easy_perform(a.curl));   // or by a multi handle
 *     http_attempt_close(&a);                                        // always
 *
 * An attempt stays where it was opened: curl has its address. request is not needed after the
 * opening, but for its body, and its headers where it has an exchange.
 */
#ifndef SPOOLGATE_IO_HTTP_ATTEMPT_H
#define SPOOLGATE_IO_HTTP_ATTEMPT_H

#include <curl/curl.h>

#include "base/address.h"
#include "io/http.h"
#include "io/http_exchange.h"

struct http_attempt {
    CURL *curl;
    struct http_keep *keep; /* where curl came from, and goes to; NULL: nowhere */
    CURLU *url;
    struct curl_slist *headers;
    struct http_reply *reply;
    struct buf *body; /* the caller's, where it wants all of a 2xx answer */
    size_t limit;     /* of body */
    bool is_too_long; /* the body is */
    const atomic_bool *stop;
    struct http_exchange exchange;
    int64_t start_us; /* monotonic */
    char why[CURL_ERROR_SIZE];

    /* what came */
    size_t header_bytes;
    bool has_answer; /* all of the final answer's headers are here */

    /* the guard */
    bool allow_private;
    bool was_allowed;           /* at least one of the addresses */
    char refused[ADDRESS_TEXT]; /* the first one that wasn't; "": none */
};

/* Errors are http_post's; reply is zeroed in any case. */
struct err http_attempt_open(struct http_attempt *a, const struct http_request *request,
                             struct http_reply *reply);
/* What came of it: fills in the reply, or says why there is none. code: what curl says. */
struct err http_attempt_finish(struct http_attempt *a, CURLcode code);
void http_attempt_close(struct http_attempt *a);

#endif
