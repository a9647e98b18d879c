/* SPDX-License-Identifier: MIT */
/*
 * http_hide: what a listener answers may repeat the secrets that it was sent.
 *
 *     buf_put(&text, reply.body, reply.body_len);
 *     http_hide(&text, &request);            // before anybody sees it
 *
 * Every place of a secret header's value (with and without its scheme), and of what stands behind
 * the host in the URL (whole, path and query apart, and each value in the query), becomes [secret].
 * Less than four bytes are no secret.
 */
#ifndef SPOOLGATE_IO_HTTP_HIDE_H
#define SPOOLGATE_IO_HTTP_HIDE_H

#include "base/buf.h"
#include "io/http.h"

void http_hide(struct buf *text, const struct http_request *request);

#endif
