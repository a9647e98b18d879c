/* SPDX-License-Identifier: MIT */
#include "outbox/request.h"

#include <stdlib.h>

#include "base/mem.h"
#include "manifest/secret.h"

/* "env OPS_TOKEN" */
static void write_place(const struct manifest_secret *secret, struct buf *out)
{
    static const char *const words[] = {[SECRET_NONE] = "nowhere",
                                        [SECRET_INLINE] = "in the manifest",
                                        [SECRET_ENV] = "env ",
                                        [SECRET_FILE] = "file ",
                                        [SECRET_CREDENTIAL] = "credential "};
    buf_str(out, words[secret->from]);
    if (secret->from > SECRET_INLINE)
        buf_str(out, secret->value);
}

/* What is wrong with a value that was read. */
static struct err blame(const char *what, const struct manifest_secret *secret,
                        const struct err *why)
{
    struct buf place = {0};
    write_place(secret, &place);
    struct err e = err_make(ERR_CONFIG, "%s (%s): %s", what, buf_cstr(&place), why->text);
    buf_free(&place);
    return e;
}

static struct err read_url(struct sink_request *r, const struct manifest_sink *sink)
{
    TRY(secret_read(&sink->url, &r->url));
    struct err e = http_check_url(buf_cstr(&r->url), NULL);
    return err_is(&e) ? blame("url", &sink->url, &e) : ERR_OK;
}

/* `scheme`: what comes before the secret in the header's value. */
static struct err add_header(struct sink_request *r, const char *name, const char *scheme,
                             const struct manifest_secret *secret)
{
    struct buf *value = &r->values[r->extra_count];
    struct header *header = &r->extra[r->extra_count++];
    buf_str(value, scheme);
    TRY(secret_read(secret, value));
    *header = (struct header){.name = name, .value = buf_cstr(value), .is_secret = true};
    struct err e = header_check(header->name, header->value);
    return err_is(&e) ? blame(name, secret, &e) : ERR_OK;
}

static struct err add_headers(struct sink_request *r, const struct manifest_sink *sink)
{
    size_t most = sink->header_count + 1; /* and bearer's */
    r->values = mem_calloc(most, sizeof *r->values);
    r->extra = mem_calloc(most + 1, sizeof *r->extra);
    if (sink->bearer.from != SECRET_NONE)
        TRY(add_header(r, "authorization", "Bearer ", &sink->bearer));
    for (size_t i = 0; i < sink->header_count; i++)
        TRY(add_header(r, sink->headers[i].name, "", &sink->headers[i].value));
    return ERR_OK;
}

static struct err read_keys(const struct manifest_sink *sink, struct sign_keys *keys)
{
    struct err e = ERR_OK;
    for (size_t i = 0; i < sink->secret_count && !err_is(&e); i++) {
        struct buf text = {0};
        e = secret_read(&sink->secrets[i], &text);
        if (!err_is(&e)) {
            e = sign_keys_add(keys, buf_cstr(&text));
            if (err_is(&e))
                e = blame("secret", &sink->secrets[i], &e);
        }
        secret_wipe(&text);
    }
    return e;
}

struct err request_make(struct sink_request *r, const struct manifest_sink *sink,
                        const struct sink_message *message)
{
    struct sign_keys keys = {0};
    *r = (struct sink_request){0};
    struct err e = read_url(r, sink);
    if (!err_is(&e))
        e = add_headers(r, sink);
    if (!err_is(&e))
        e = read_keys(sink, &keys);
    if (!err_is(&e)) {
        webhook_make_headers(&r->headers,
                             &(struct webhook_attempt){.id = message->event_id,
                                                       .now_us = message->now_us,
                                                       .content_type = message->content_type,
                                                       .body = message->body,
                                                       .body_len = message->body_len,
                                                       .keys = &keys,
                                                       .extra = r->extra});
        r->http = (struct http_request){.url = buf_cstr(&r->url),
                                        .headers = r->headers.list,
                                        .body = message->body,
                                        .body_len = message->body_len,
                                        .timeout_us = sink->timeout_us,
                                        .allow_private = sink->allow_private,
                                        .ca_file = sink->ca_file};
    }
    sign_keys_wipe(&keys);
    return e;
}

void request_wipe(struct sink_request *r)
{
    secret_wipe(&r->url);
    for (size_t i = 0; i < r->extra_count; i++)
        secret_wipe(&r->values[i]);
    free(r->values);
    free(r->extra);
    webhook_free_headers(&r->headers);
    *r = (struct sink_request){0};
}

void request_target(const struct manifest_sink *sink, struct buf *out)
{
    if (sink->url.from == SECRET_INLINE) {
        struct err e = http_check_url(sink->url.value, out);
        if (err_is(&e))
            buf_str(out, "(a URL that can't be used)");
        return;
    }
    buf_byte(out, '(');
    write_place(&sink->url, out);
    buf_byte(out, ')');
}
