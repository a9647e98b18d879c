/* SPDX-License-Identifier: MIT */
#include "io/http_hide.h"

#include <string.h>

#define HIDDEN     "[secret]"
#define HIDDEN_MIN 4 /* bytes: less is no secret, and would be found everywhere */

/* Every place of `secret` in text becomes [secret]. */
static void hide_form(struct buf *text, const char *secret, size_t len)
{
    struct buf out = {0};
    const uint8_t *at = text->data;
    size_t left = text->len;
    const uint8_t *found;
    if (len < HIDDEN_MIN)
        return;
    while (left > 0 && (found = memmem(at, left, secret, len))) {
        buf_put(&out, at, (size_t)(found - at));
        buf_str(&out, HIDDEN);
        left -= (size_t)(found - at) + len;
        at = found + len;
    }
    if (out.len == 0) {
        buf_free(&out);
        return;
    }
    buf_put(&out, at, left);
    buf_free(text);
    *text = out;
}

/* As it is, and as JSON may have it: with "\/" for a slash. */
static void hide(struct buf *text, const char *secret, size_t len)
{
    struct buf escaped = {0};
    hide_form(text, secret, len);
    (void)buf_reserve(&escaped, 2 * len + 1); /* growing would leave copies behind */
    for (size_t i = 0; i < len; i++) {
        if (secret[i] == '/')
            buf_byte(&escaped, '\\');
        buf_byte(&escaped, (uint8_t)secret[i]);
    }
    if (escaped.len > len)
        hide_form(text, buf_cstr(&escaped), escaped.len);
    explicit_bzero(escaped.data, escaped.cap);
    buf_free(&escaped);
}

/* A header's value, and without its scheme: "Bearer TOKEN". */
static void hide_header(struct buf *text, const struct header *header)
{
    const char *space = strchr(header->value, ' ');
    hide(text, header->value, strlen(header->value));
    if (space)
        hide(text, space + 1, strlen(space + 1));
}

/* "v=1&key=TOKEN": a server may repeat the token alone. */
static void hide_values(struct buf *text, const char *query)
{
    for (const char *p = query; *p; p += *p == '&') {
        size_t name = strcspn(p, "=&");
        size_t len = strcspn(p, "&");
        if (name < len)
            hide(text, p + name + 1, len - name - 1);
        p += len;
    }
}

/* What of a URL comes after the host: whole, its path and query apart, and the query's values. */
static void hide_target(struct buf *text, const char *url)
{
    const char *host = strstr(url, "://");
    const char *target = host ? host + 3 + strcspn(host + 3, "/?") : "";
    const char *query = strchr(target, '?');
    hide(text, target, strlen(target));
    if (query) {
        hide(text, target, (size_t)(query - target));
        hide(text, query + 1, strlen(query + 1));
        hide_values(text, query + 1);
    }
}

void http_hide(struct buf *text, const struct http_request *request)
{
    hide_target(text, request->url);
    for (const struct header *h = request->headers; h && h->name; h++)
        if (h->is_secret)
            hide_header(text, h);
}
