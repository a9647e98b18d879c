/* SPDX-License-Identifier: MIT */
/*
 * word: bytes, eight at a time.
 *
 * Big-endian numbers at any address, and short texts looked at or copied by a few loads rather than
 * a byte or a call of libc at a time: what a frame holds is rarely longer than two words. No
 * function reads or writes a byte outside the range that it is given.
 */
#ifndef SPOOLGATE_BASE_WORD_H
#define SPOOLGATE_BASE_WORD_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_ONES  UINT64_C(0x0101010101010101)
#define WORD_HIGHS UINT64_C(0x8080808080808080)

static inline uint16_t word_load16(const void *p)
{
    uint16_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline uint32_t word_load32(const void *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline uint64_t word_load64(const void *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline uint16_t word_be16(const uint8_t *p)
{
    return be16toh(word_load16(p));
}

static inline uint32_t word_be32(const uint8_t *p)
{
    return be32toh(word_load32(p));
}

static inline uint64_t word_be64(const uint8_t *p)
{
    return be64toh(word_load64(p));
}

static inline void word_put_be32(uint8_t *to, uint32_t v)
{
    v = htobe32(v);
    memcpy(to, &v, sizeof v);
}

static inline void word_put_be64(uint8_t *to, uint64_t v)
{
    v = htobe64(v);
    memcpy(to, &v, sizeof v);
}

/* One to eight bytes as a word in which each of them stands at least once, and nothing else: for
 * asking whether any of them is of some sort. */
static inline uint64_t word_gather(const uint8_t *p, size_t len)
{
    if (len >= 4)
        return word_load32(p) | (uint64_t)word_load32(p + len - 4) << 32;
    return p[0] * (WORD_ONES << 16) | (uint64_t)p[len / 2] << 8 | p[len - 1];
}

/* The first eight bytes of a text as a number: of texts of one length, the one that memcmp() puts
 * first has the smaller number, or both have the same. Up to eight bytes they are all that there is
 * to compare. */
static inline uint64_t word_rank(const uint8_t *p, size_t len)
{
    if (len >= 8)
        return word_be64(p);
    if (len >= 4)
        return (uint64_t)word_be32(p) << 32 | word_be32(p + len - 4);
    return len == 0 ? 0 : (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
}

/* One to eight bytes. */
static inline void word_copy(uint8_t *to, const uint8_t *p, size_t len)
{
    if (len >= 4) {
        uint32_t first = word_load32(p);
        uint32_t last = word_load32(p + len - 4);
        memcpy(to, &first, sizeof first);
        memcpy(to + len - 4, &last, sizeof last);
    } else {
        to[0] = p[0];
        to[len / 2] = p[len / 2];
        to[len - 1] = p[len - 1];
    }
}

/* The same bytes? Any length; made for short ones. */
static inline bool word_same(const void *a, const void *b, size_t len)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    if (len >= 8) {
        for (size_t at = 0; at + 8 < len; at += 8)
            if (word_load64(p + at) != word_load64(q + at))
                return false;
        return word_load64(p + len - 8) == word_load64(q + len - 8);
    }
    return len == 0 || word_gather(p, len) == word_gather(q, len);
}

#endif
