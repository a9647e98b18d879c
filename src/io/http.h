/* SPDX-License-Identifier: MIT */
/*
 * http: one POST, from the connection to the answer's first bytes. Blocks.
 *
 *     const struct header headers[] = {{"content-type", "application/json"}, {0}};
 *     struct http_request request = {.url = url, .headers = headers, .body = ..., .body_len = ...};
 *     struct http_reply reply;
 *     TRY(http_post(&request, &reply));
 *     ... reply.status ...
 *
 * (io/http_pool.h has many of them at once.)
 *
 * An answer is an answer, whatever its status: judging it is the caller's. Redirects aren't
 * followed, no proxy is used (the environment's neither), certificates are verified, TLS is 1.2 or
 * newer. What the listener sends is read up to HTTP_REPLY_BYTES, then the connection is closed; the
 * others are kept for the next request to the same listener by a pool, and by http_post for who
 * gives it a place for that (keep). Who wants more of a 2xx answer gives a buffer and a limit
 * (reply_body): then it is an answer only if it came whole and fits. A kept connection that the
 * listener has closed meanwhile is no failure: the request goes out on a new one.
 *
 * The guard: unless a request allows private addresses, each address that its name resolves to is
 * judged when it is connected to (base/address.h), so that no name, however it resolves from one
 * moment to the next, leads to this machine or its network. Requests that allow it never share a
 * connection with those that don't.
 *
 * Errors: ERR_USAGE for a URL or a header that can't be sent; ERR_CONFIG for a ca_file that can't
 * be used; ERR_REMOTE when there was no answer; ERR_STOPPED. They name the listener as
 * scheme://host:port: the rest of a URL may be a secret.
 */
#ifndef SPOOLGATE_IO_HTTP_H
#define SPOOLGATE_IO_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/header.h"

#define HTTP_REPLY_BYTES 4096
#define HTTP_TIMEOUT_US  INT64_C(20000000)

/* Connections from one http_post to the next, of one thread; {0} has none. */
struct http_keep {
    void *curl; /* private, as the rest */
    bool allow_private;
};
void http_keep_close(struct http_keep *keep);

struct http_request {
    const char *url;              /* http or https */
    const struct header *headers; /* ends with {0}; NULL: none */
    const void *body;             /* stays the caller's until the request is done */
    size_t body_len;
    int64_t timeout_us;  /* for all of it; 0: HTTP_TIMEOUT_US */
    bool allow_private;  /* connect to any address */
    const char *ca_file; /* PEM: trusted instead of the system's authorities; NULL: those */

    /* http_post alone: appends the heads of what is sent and received, as text for people, secret
     * headers and the URL's path left out. NULL: nobody looks. */
    struct buf *exchange;

    /* http_post alone: where the connection is kept; NULL: it is closed. */
    struct http_keep *keep;

    /* Where the body of a 2xx answer goes, all of it; NULL: into the reply, as far as there is
     * room. More than reply_limit bytes, or an end before the end, are ERR_REMOTE. */
    struct buf *reply_body;
    size_t reply_limit;

    /* Looked at once a second: true breaks the request off. NULL: nobody does. */
    const atomic_bool *stop;
};

struct http_reply {
    int status;
    int64_t retry_after_us; /* what Retry-After asks for; 0: nothing */
    int64_t took_us;
    size_t body_len;
    char body[HTTP_REPLY_BYTES + 1]; /* NUL-terminated; the listener's bytes, any bytes */
};

struct err http_post(const struct http_request *request, struct http_reply *reply);

/* Would http_post take it? Appends the part that may be shown, scheme://host, and :port where the
 * URL has it. origin may be NULL. */
struct err http_check_url(const char *url, struct buf *origin);

#endif
