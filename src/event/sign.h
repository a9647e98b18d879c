/* SPDX-License-Identifier: MIT */
/*
 * sign: the webhook-signature header of Standard Webhooks 1.0 (HMAC-SHA256, symmetric keys).
 *
 *     struct sign_keys keys = {0};
 *     struct err e = sign_keys_add(&keys, getenv("OPS_WEBHOOK_SECRET"));   // "whsec_..."
 *     if (!err_is(&e))
 *         sign_body(&keys, id, timestamp, body.data, body.len, &header);   // "v1,<base64>"
 *     sign_keys_wipe(&keys);                                               // always
 *
 * A text may hold several secrets, separated by white space, while a listener changes from one to
 * the other; the header then has a signature for each. Errors are ERR_CONFIG and never quote a
 * secret.
 */
#ifndef SPOOLGATE_EVENT_SIGN_H
#define SPOOLGATE_EVENT_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SIGN_KEYS      4
#define SIGN_KEY_MIN   24 /* bytes; the specification's bounds */
#define SIGN_KEY_BYTES 64

struct sign_keys {
    size_t count;
    struct {
        size_t len;
        uint8_t bytes[SIGN_KEY_BYTES];
    } key[SIGN_KEYS];
};

/* On an error the keys are as they were before. */
struct err sign_keys_add(struct sign_keys *keys, const char *text);
void sign_keys_wipe(struct sign_keys *keys);

/*
 * Appends the header's value to out. id: the event's, the same on every retry, without a '.';
 * timestamp: seconds since 1970, of this attempt. At least one key.
 */
void sign_body(const struct sign_keys *keys, const char *id, int64_t timestamp, const void *body,
               size_t len, struct buf *out);

#endif
