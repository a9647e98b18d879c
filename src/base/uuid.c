/* SPDX-License-Identifier: MIT */
#include "base/uuid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/time.h"

struct uuid uuid_v7(int64_t now_us, const uint8_t random[10])
{
    struct uuid id;
    uint64_t ms = (uint64_t)(now_us / 1000);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    memcpy(id.bytes + 6, random, 10);
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

/* Up to 256 bytes come back whole once the kernel's pool is up, and the call waits for that; longer
 * ones may be cut short by a signal. */
static void fill_random(uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(bytes, len, 0);
        if (n < 0 && errno != EINTR)
            abort();
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

struct uuid uuid_new(void)
{
    uint8_t random[10];
    fill_random(random, sizeof random);
    return uuid_v7(time_now(), random);
}

struct uuid uuid_draw(struct uuid_pool *pool)
{
    if (pool->left == 0) {
        fill_random(&pool->random[0][0], sizeof pool->random);
        pool->left = UUID_POOL;
    }
    return uuid_v7(time_now(), pool->random[--pool->left]);
}

int64_t uuid_v7_ms(const struct uuid *id)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->bytes[i];
    return ms;
}

const char *uuid_format(const struct uuid *id, char text[UUID_TEXT])
{
    const uint8_t *b = id->bytes;
    (void)snprintf(text, UUID_TEXT,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
    return text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uuid_parse(const char *text, struct uuid *id)
{
    if (strlen(text) != UUID_TEXT - 1)
        return false;
    for (int i = 0, at = 0; i < 16; i++, at += 2) {
        if (at == 8 || at == 13 || at == 18 || at == 23)
            if (text[at++] != '-')
                return false;
        int high = hex_digit(text[at]);
        int low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0)
            return false;
        id->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
