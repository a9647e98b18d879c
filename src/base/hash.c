/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* libcrypto fails here only when memory or its own set-up is broken: nothing to return to. */
static void must(int ok)
{
    if (ok != 1) {
        (void)fputs("spoolgate: libcrypto can't compute SHA-256\n", stderr);
        abort();
    }
}

/* Looked up once: EVP_sha256() would have libcrypto do it for every hash, behind a lock that all
 * threads share, which costs more than to hash a short text. */
static EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256 != NULL);
}

void hash_start(struct hash *h)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch_sha256);
    h->context = EVP_MD_CTX_new();
    must(h->context != NULL);
    must(EVP_DigestInit_ex(h->context, sha256, NULL));
}

void hash_update(struct hash *h, const void *bytes, size_t len)
{
    must(EVP_DigestUpdate(h->context, bytes, len));
}

void hash_finish(struct hash *h, uint8_t digest[HASH_BYTES])
{
    must(EVP_DigestFinal_ex(h->context, digest, NULL));
    hash_abort(h);
}

void hash_abort(struct hash *h)
{
    EVP_MD_CTX_free(h->context);
    h->context = NULL;
}

const char *hash_hex(const uint8_t digest[HASH_BYTES], char hex[HASH_HEX])
{
    for (int i = 0; i < HASH_BYTES; i++)
        (void)snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    return hex;
}

void hash_bytes(const void *bytes, size_t len, uint8_t digest[HASH_BYTES])
{
    struct hash h;
    hash_start(&h);
    hash_update(&h, bytes, len);
    hash_finish(&h, digest);
}

void hash_bytes_hex(const void *bytes, size_t len, char hex[HASH_HEX])
{
    uint8_t digest[HASH_BYTES];
    hash_bytes(bytes, len, digest);
    (void)hash_hex(digest, hex);
}
