/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <string.h>

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
        /* Most text is ASCII: eight bytes a step while no high bit is set. */
        uint64_t eight;
        while (len - at >= sizeof eight) {
            memcpy(&eight, p + at, sizeof eight);
            if (eight & UINT64_C(0x8080808080808080))
                break;
            at += sizeof eight;
        }
        if (at == len)
            break;
        size_t n = utf8_length(p + at, len - at);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}
