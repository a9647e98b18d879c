/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "base/word.h"

size_t utf8_length(const uint8_t *p, size_t len)
{
    uint8_t lead = p[0];
    size_t n = lead < 0x80   ? 1
               : lead < 0xc2 ? 0
               : lead < 0xe0 ? 2
               : lead < 0xf0 ? 3
               : lead < 0xf5 ? 4
                             : 0;
    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((lead == 0xe0 && p[1] < 0xa0) || (lead == 0xed && p[1] > 0x9f) ||
        (lead == 0xf0 && p[1] < 0x90) || (lead == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

size_t utf8_check(const uint8_t *p, size_t len)
{
    size_t at = 0;
    while (at < len) {
        /* Most text is ASCII: eight bytes a step while no high bit is set, then the rest. */
        while (len - at >= 8 && !(word_load64(p + at) & WORD_HIGHS))
            at += 8;
        while (at < len && p[at] < 0x80)
            at++;
        if (at == len)
            break;
        size_t n = utf8_length(p + at, len - at);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

/* High bits, of which one at least is set where a byte is NUL or past ASCII, and none else: the
 * subtraction borrows only from a NUL. */
static uint64_t not_plain(uint64_t word)
{
    return (word | (word - WORD_ONES)) & WORD_HIGHS;
}

bool utf8_copy_plain(uint8_t *to, const uint8_t *p, size_t len)
{
    uint64_t odd = 0;
    for (; len > 8; len -= 8, p += 8, to += 8) {
        uint64_t word = word_load64(p);
        odd |= not_plain(word);
        memcpy(to, &word, sizeof word);
    }
    if (len > 0) {
        odd |= not_plain(word_gather(p, len));
        word_copy(to, p, len);
    }
    return odd == 0;
}
