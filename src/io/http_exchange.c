/* SPDX-License-Identifier: MIT */
#include "io/http_exchange.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define LINE_BYTES 65536 /* of a line that we send; the rest isn't shown */

/* U+0080 to U+009F: a terminal may take them for the start of a command, too. */
static bool is_control(const uint8_t *p, size_t len)
{
    return *p < 0x20 || *p == 0x7f || (len == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

void http_exchange_clean(struct buf *out, const char *bytes, size_t len)
{
    const uint8_t *p = (const uint8_t *)bytes;
    while (len > 0) {
        size_t n = utf8_length(p, len);
        if (n == 0 || is_control(p, n))
            buf_byte(out, '?');
        else
            buf_put(out, p, n);
        n += n == 0;
        p += n;
        len -= n;
    }
}

static size_t without_break(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    return len;
}

static bool is_named(const char *line, size_t name_len, const char *name)
{
    return strlen(name) == name_len && strncasecmp(line, name, name_len) == 0;
}

/* Authorization is secret even where the caller didn't say so: curl makes it of a URL's password.
 */
static bool is_secret(const struct http_exchange *x, const char *line, size_t name_len)
{
    for (const struct header *h = x->headers; h && h->name; h++)
        if (h->is_secret && is_named(line, name_len, h->name))
            return true;
    return is_named(line, name_len, "authorization");
}

/* "POST /a/secret?b HTTP/1.1": the path can't hold a space. */
static void write_request_line(struct buf *out, const char *line, size_t len)
{
    const char *path = memchr(line, ' ', len);
    const char *version = memrchr(line, ' ', len);
    http_exchange_clean(out, line, path ? (size_t)(path - line) : 0);
    buf_str(out, " /...");
    if (path && version > path)
        http_exchange_clean(out, version, (size_t)(line + len - version));
}

static void write_sent(struct http_exchange *x, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    buf_str(x->out, "> ");
    if (!x->in_head)
        write_request_line(x->out, line, len);
    else if (colon && is_secret(x, line, (size_t)(colon - line)))
        buf_printf(x->out, "%.*s: (secret)", (int)(colon - line), line);
    else
        http_exchange_clean(x->out, line, len);
    buf_byte(x->out, '\n');
}

void http_exchange_sent(struct http_exchange *x, const char *bytes, size_t len)
{
    for (size_t i = 0; x->out && i < len; i++) {
        if (bytes[i] != '\n') {
            if (x->line.len < LINE_BYTES)
                buf_byte(&x->line, (uint8_t)bytes[i]);
            continue;
        }
        const char *line = buf_cstr(&x->line);
        size_t line_len = without_break(line, x->line.len);
        if (line_len > 0)
            write_sent(x, line, line_len);
        x->in_head = line_len > 0;
        buf_clear(&x->line);
    }
}

/* Where a redirect leads to: it is often our own path on another host. */
static void write_location(struct buf *out, const char *value, size_t len)
{
    const char *end = value + len;
    const char *host = memmem(value, len, "://", 3);
    host = host ? host + 3 : end;
    const char *path = host;
    while (path < end && !strchr("/?#\\", *path))
        path++;
    if (host < path && !memchr(host, '@', (size_t)(path - host)))
        http_exchange_clean(out, value, (size_t)(path - value));
    buf_str(out, "/...");
}

void http_exchange_received(struct http_exchange *x, const char *line, size_t len)
{
    static const char location[] = "location";
    len = without_break(line, len);
    if (!x->out || len == 0)
        return;
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : 0;
    buf_str(x->out, "< ");
    if (colon && is_named(line, name_len, location)) {
        http_exchange_clean(x->out, line, name_len);
        buf_str(x->out, ": ");
        size_t skip = strspn(colon + 1, " \t");
        write_location(x->out, colon + 1 + skip, len - name_len - 1 - skip);
    } else {
        http_exchange_clean(x->out, line, len);
    }
    buf_byte(x->out, '\n');
}

void http_exchange_note(struct http_exchange *x, const char *text, size_t len)
{
    if (!x->out)
        return;
    buf_str(x->out, "* ");
    http_exchange_clean(x->out, text, without_break(text, len));
    buf_byte(x->out, '\n');
}

void http_exchange_free(struct http_exchange *x)
{
    buf_free(&x->line);
}
