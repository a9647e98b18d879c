/* SPDX-License-Identifier: MIT */
/*
 * uuid: RFC 9562 identifiers. Batch ids are version 7: they sort by the time of the claim, and the
 * archive's day folder is read back from them.
 */
#ifndef SPOOLGATE_BASE_UUID_H
#define SPOOLGATE_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_TEXT 37 /* 36 characters and a NUL */

struct uuid {
    uint8_t bytes[16];
};

/* now_us: microseconds since 1970; random: 10 bytes from the kernel (uuid_new fetches them). */
struct uuid uuid_v7(int64_t now_us, const uint8_t random[10]);
struct uuid uuid_new(void);

/* The same by the thousand: the kernel is asked once for UUID_POOL of them. A zeroed pool is empty;
 * one a thread. */
#define UUID_POOL 64
struct uuid_pool {
    uint8_t random[UUID_POOL][10];
    unsigned left;
};
struct uuid uuid_draw(struct uuid_pool *pool);

/* Milliseconds since 1970 that a version 7 id carries. */
int64_t uuid_v7_ms(const struct uuid *id);

const char *uuid_format(const struct uuid *id, char text[UUID_TEXT]); /* returns text, lower case */
bool uuid_parse(const char *text, struct uuid *id);                   /* 8-4-4-4-12, whole string */

#endif
