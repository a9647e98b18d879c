/* SPDX-License-Identifier: MIT */
/*
 * http_pool: POSTs of io/http.h, many at once on a uv loop (curl's multi interface).
 *
 *     struct http_pool *pool;
 *     TRY(http_pool_open(&pool, &loop));
 *     http_pool_post(pool, &request, done, context);   // done is called once, on the loop
 *     http_pool_close(pool);                           // breaks off what is under way
 *
 * Connections are kept for the next request to the same listener. Requests that allow private
 * addresses never share one with those that don't. All calls are made on the loop's thread.
 *
 * A pool in which nothing is under way keeps no loop alive. Nobody looks at request->exchange here.
 *
 * Errors are those of http_post, and ERR_STOPPED for what a close broke off.
 */
#ifndef SPOOLGATE_IO_HTTP_POOL_H
#define SPOOLGATE_IO_HTTP_POOL_H

#include <uv.h>

#include "io/http.h"

struct http_pool;

/* failure: err_is() or not; reply is filled in where it isn't, and took_us in any case. Neither
 * lives longer than the call. */
typedef void http_done_fn(void *context, const struct err *failure, const struct http_reply *reply);

struct err http_pool_open(struct http_pool **pool, uv_loop_t *loop);
/* done is always called, and never before http_pool_post has returned. Only request->body has to
 * outlive the call. */
void http_pool_post(struct http_pool *pool, const struct http_request *request, http_done_fn *done,
                    void *context);
/* Calls done with ERR_STOPPED for what is under way (it must not post any more), and closes its
 * handles on the loop: run the loop once more until it is empty; the pool is freed on the way. May
 * be called by done. */
void http_pool_close(struct http_pool *pool);

#endif
