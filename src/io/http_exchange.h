/* SPDX-License-Identifier: MIT */
/*
 * http_exchange: what was said between us and a listener, as text for people. Private to io/http.
 *
 *     struct http_exchange x = {.out = &buf, .headers = request->headers};
 *     http_exchange_sent(&x, bytes, len);      // pieces of the request's head, as they are sent
 *     http_exchange_received(&x, line, len);   // a line of the answer's head
 *     http_exchange_note(&x, text, len);       // of the connection
 *     http_exchange_free(&x);
 *
 * Lines start with "> ", "< " and "* ". Left out are the values of secret headers, the URL's path
 * and query (in a redirect's Location, too), and control characters, which become '?'. Without
 * `out` nothing is written.
 */
#ifndef SPOOLGATE_IO_HTTP_EXCHANGE_H
#define SPOOLGATE_IO_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/header.h"

struct http_exchange {
    struct buf *out;
    const struct header *headers; /* the request's; ends with {0}; NULL: none */
    struct buf line;              /* of what is sent, as far as it has come; private */
    bool in_head;                 /* the request line is out; private */
};

void http_exchange_sent(struct http_exchange *x, const char *bytes, size_t len);
void http_exchange_received(struct http_exchange *x, const char *line, size_t len);
void http_exchange_note(struct http_exchange *x, const char *text, size_t len);
/* Appends any bytes as one line of UTF-8: what isn't becomes '?'. */
void http_exchange_clean(struct buf *out, const char *bytes, size_t len);
void http_exchange_free(struct http_exchange *x);

#endif
