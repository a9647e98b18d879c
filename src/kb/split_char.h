/* SPDX-License-Identifier: MIT */
/*
 * split_char: characters as the splitter sees them: what kind one is, and which of them belong
 * together. Texts must be valid UTF-8.
 *
 *     size_t n;
 *     uint32_t c = split_char(p, &n);              // p[0 .. n) is the character c
 *     n = split_cluster(p, end - p);               // p[0 .. n) is what a reader calls one
 */
#ifndef SPOOLGATE_KB_SPLIT_CHAR_H
#define SPOOLGATE_KB_SPLIT_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split_kind {
    SPLIT_SPACE,
    SPLIT_LETTER, /* Latin */
    SPLIT_DIGIT,
    SPLIT_PUNCTUATION,
    SPLIT_IDEOGRAPH, /* Chinese and Japanese: a word may end after each */
    SPLIT_SYLLABLE,  /* Korean, and scripts that are written without spaces between words */
    SPLIT_EMOJI,
    SPLIT_MARK,  /* belongs to the character before it */
    SPLIT_OTHER, /* letters of other alphabets */
};

static inline uint32_t split_char(const uint8_t *p, size_t *len)
{
    uint32_t c = p[0];
    if (c < 0x80) {
        *len = 1;
        return c;
    }
    if (c < 0xe0) {
        *len = 2;
        return (c & 0x1f) << 6 | (p[1] & 0x3f);
    }
    if (c < 0xf0) {
        *len = 3;
        return (c & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    }
    *len = 4;
    return (c & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 |
           (p[3] & 0x3f);
}

extern const uint8_t split_ascii_kinds[128];
enum split_kind split_kind_beyond(uint32_t c);

static inline enum split_kind split_kind(uint32_t c)
{
    return c < 0x80 ? (enum split_kind)split_ascii_kinds[c] : split_kind_beyond(c);
}

size_t split_cluster_beyond(const uint8_t *p, size_t len);

/* Bytes of the character at p with all that joins it: marks, variation selectors, what a joiner
 * joins, the second of a pair of regional indicators, the parts of a Korean syllable; CR LF. A
 * simpler rule than Unicode's, which never cuts where that one doesn't. len > 0. */
static inline size_t split_cluster(const uint8_t *p, size_t len)
{
    if (p[0] < 0x80 && p[0] != '\r' && (len == 1 || p[1] < 0x80))
        return 1;
    return split_cluster_beyond(p, len);
}

enum split_ending {
    SPLIT_GOES_ON,
    SPLIT_ENDS_BEFORE_SPACE, /* . ! ? and their like */
    SPLIT_ENDS,              /* those of Chinese and Japanese, which no space follows */
};
/* Does a sentence end with it? */
enum split_ending split_ending(uint32_t c);
/* Closing quotes and brackets, which belong to the sentence before them. */
bool split_closes(uint32_t c);
/* Beside an ideograph: what never begins a line, and what never ends one. */
bool split_stays_behind(uint32_t c);
bool split_opens(uint32_t c);

#endif
