/* SPDX-License-Identifier: MIT */
/*
 * request: one attempt to deliver a body to a sink, ready to be sent: the URL, and the headers with
 * the secrets and the signature in them.
 *
 *     struct sink_request r;
 *     struct err e = request_make(&r, sink, &(struct sink_message){.event_id = ..., ...});
 *     if (!err_is(&e))
 *         e = http_post(&r.http, &reply);
 *     request_wipe(&r);                     // always, also after a failure
 *
 * Secrets are read anew for each attempt, so that one that is replaced counts from then on. The
 * keys that sign are gone when request_make returns; request_wipe overwrites the rest.
 *
 * r points to the sink's manifest and to the message's body and texts, which must outlive it. It
 * may be moved.
 *
 * Errors are ERR_CONFIG, and ours to mend, not the listener's: a secret that can't be read, or a
 * URL, header or key that can't be used. They say which and where it should have been, never what
 * it is.
 */
#ifndef SPOOLGATE_OUTBOX_REQUEST_H
#define SPOOLGATE_OUTBOX_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/header.h"
#include "event/webhook.h"
#include "io/http.h"
#include "manifest/manifest.h"

struct sink_message {
    const char *event_id;
    const char *content_type;
    const void *body;
    size_t body_len;
    int64_t now_us; /* wall clock: the signature's time */
};

struct sink_request {
    struct http_request http;

    /* private: what http points to */
    struct buf url;
    struct header *extra;
    struct buf *values; /* the secret ones of extra's, extra_count of them */
    size_t extra_count;
    struct webhook_headers headers;
};

struct err request_make(struct sink_request *r, const struct manifest_sink *sink,
                        const struct sink_message *message);
void request_wipe(struct sink_request *r);

/* Where a sink's events go, for people: "https://example.org", or "(env OPS_URL)" where the URL is
 * a secret. */
void request_target(const struct manifest_sink *sink, struct buf *out);

#endif
