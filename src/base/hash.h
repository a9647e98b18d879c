/* SPDX-License-Identifier: MIT */
/*
 * hash: SHA-256 of a stream of bytes (OpenSSL libcrypto does the work).
 *
 *     struct hash h;
 *     hash_start(&h);
 *     hash_update(&h, bytes, len);
 *     hash_finish(&h, digest);          // also frees; hash_abort() frees without a digest
 */
#ifndef SPOOLGATE_BASE_HASH_H
#define SPOOLGATE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BYTES 32
#define HASH_HEX   65 /* 64 digits and a NUL */

struct hash {
    struct evp_md_ctx_st *context;
};

void hash_start(struct hash *h);
void hash_update(struct hash *h, const void *bytes, size_t len);
void hash_finish(struct hash *h, uint8_t digest[HASH_BYTES]);
void hash_abort(struct hash *h);

const char *hash_hex(const uint8_t digest[HASH_BYTES], char hex[HASH_HEX]); /* returns hex */

/* all in one */
void hash_bytes(const void *bytes, size_t len, uint8_t digest[HASH_BYTES]);
void hash_bytes_hex(const void *bytes, size_t len, char hex[HASH_HEX]);

#endif
