/* SPDX-License-Identifier: MIT */
/*
 * bytes: comparing bytes in tests, so that a failure shows both sides.
 *
 *     static const struct row { const char *in; size_t len; } rows[] = {{BYTES("\x93\x01")}};
 *     EXPECT_BYTES(out.data, out.len, want, want_len, "row %zu", i);
 */
#ifndef SPOOLGATE_TESTS_BYTES_H
#define SPOOLGATE_TESTS_BYTES_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A literal with its length: bytes may hold NULs. */
#define BYTES(literal) (literal), sizeof(literal) - 1
#define COUNT(array)   (sizeof(array) / sizeof *(array))

#define BYTES_TEXT     1024

/* Printable ASCII as it is, all else as \xNN; cut short where it is long. */
static inline const char *bytes_show(const void *bytes, size_t len, char text[BYTES_TEXT])
{
    const uint8_t *p = bytes;
    size_t at = 0;
    for (size_t i = 0; i < len && at + 10 < BYTES_TEXT; i++) {
        bool plain = p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\';
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, plain ? "%c" : "\\x%02x", p[i]);
        if (at + 10 >= BYTES_TEXT)
            at += (size_t)snprintf(text + at, BYTES_TEXT - at, "...");
    }
    text[at] = '\0';
    return text;
}

static inline bool bytes_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

#define EXPECT_BYTES(got, got_len, want, want_len, label, ...)                       \
    do {                                                                             \
        char got_text_[BYTES_TEXT];                                                  \
        char want_text_[BYTES_TEXT];                                                 \
        cr_expect(bytes_equal((got), (got_len), (want), (want_len)),                 \
                  label "\nwant: %zu bytes: %s\n got: %zu bytes: %s", ##__VA_ARGS__, \
                  (size_t)(want_len), bytes_show((want), (want_len), want_text_),    \
                  (size_t)(got_len), bytes_show((got), (got_len), got_text_));       \
    } while (0)

/* The same numbers in every run: xorshift64*, from a seed that isn't 0. */
static inline uint64_t bytes_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif
