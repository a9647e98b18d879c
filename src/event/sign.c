/* SPDX-License-Identifier: MIT */
#include "event/sign.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX     "whsec_"
#define MAC_BYTES  32
#define MAC_BASE64 45 /* 44 characters and a NUL */
#define KEY_BASE64 88 /* characters for SIGN_KEY_BYTES; they could hold two more */

/*
 * Returns the bytes written (at most len * 3 / 4), 0 where the text isn't base64. Padding may be
 * missing. (EVP_DecodeBlock takes '=' anywhere, as zero bits: a mistyped secret would become
 * another one, and be noticed by the listener only.)
 */
static size_t decode_base64(const char *text, size_t len, uint8_t *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t digits = len;
    while (digits > 0 && text[digits - 1] == '=')
        digits--;
    if (digits % 4 == 1 || len - digits > 2 || (digits < len && len % 4 != 0))
        return 0;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    for (size_t i = 0; i < digits; i++) {
        const char *digit = memchr(alphabet, text[i], sizeof alphabet - 1);
        if (!digit)
            return 0;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (uint8_t)(bits >> held);
        }
    }
    return n;
}

static struct err add_key(struct sign_keys *keys, const char *text, size_t len)
{
    size_t prefix = strlen(PREFIX);
    if (len < prefix || memcmp(text, PREFIX, prefix) != 0)
        return err_make(ERR_CONFIG, "a webhook secret is " PREFIX " and base64: this one starts "
                                    "otherwise");
    if (keys->count == SIGN_KEYS)
        return err_make(ERR_CONFIG, "more than %d webhook secrets for one listener", SIGN_KEYS);
    uint8_t bytes[KEY_BASE64 * 3 / 4];
    bool too_long = len - prefix > KEY_BASE64;
    size_t n = too_long ? 0 : decode_base64(text + prefix, len - prefix, bytes);
    bool good = n >= SIGN_KEY_MIN && n <= SIGN_KEY_BYTES;
    if (good) {
        memcpy(keys->key[keys->count].bytes, bytes, n);
        keys->key[keys->count++].len = n;
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    if (good)
        return ERR_OK;
    if (n == 0 && !too_long && len > prefix)
        return err_make(ERR_CONFIG, "a webhook secret is " PREFIX " and base64: this one goes on "
                                    "with something else");
    return err_make(ERR_CONFIG,
                    "a webhook secret holds %d to %d bytes: this one is too %s; this makes a good "
                    "one: echo \"" PREFIX "$(openssl rand -base64 32)\"",
                    SIGN_KEY_MIN, SIGN_KEY_BYTES, n < SIGN_KEY_MIN && !too_long ? "short" : "long");
}

struct err sign_keys_add(struct sign_keys *keys, const char *text)
{
    static const char spaces[] = " \t\r\n";
    size_t before = keys->count;
    for (text += strspn(text, spaces); *text; text += strspn(text, spaces)) {
        size_t len = strcspn(text, spaces);
        struct err e = add_key(keys, text, len);
        if (err_is(&e)) {
            OPENSSL_cleanse(&keys->key[before], (keys->count - before) * sizeof keys->key[0]);
            keys->count = before;
            return e;
        }
        text += len;
    }
    if (keys->count == before)
        return err_make(ERR_CONFIG, "the webhook secret is empty");
    return ERR_OK;
}

void sign_keys_wipe(struct sign_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof *keys);
}

void sign_body(const struct sign_keys *keys, const char *id, int64_t timestamp, const void *body,
               size_t len, struct buf *out)
{
    struct buf content = {0};
    assert(keys->count > 0 && !strchr(id, '.'));
    buf_printf(&content, "%s.%" PRId64 ".", id, timestamp);
    buf_put(&content, body, len);
    for (size_t i = 0; i < keys->count; i++) {
        uint8_t mac[MAC_BYTES];
        uint8_t text[MAC_BASE64];
        /* Fails only when libcrypto's own set-up is broken: nothing to return to. */
        if (!HMAC(EVP_sha256(), keys->key[i].bytes, (int)keys->key[i].len, content.data,
                  content.len, mac, NULL)) {
            (void)fputs("spoolgate: libcrypto can't compute HMAC-SHA256\n", stderr);
            abort();
        }
        (void)EVP_EncodeBlock(text, mac, MAC_BYTES);
        buf_printf(out, "%sv1,%s", i > 0 ? " " : "", (const char *)text);
    }
    buf_free(&content);
}
