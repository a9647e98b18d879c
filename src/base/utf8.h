/* SPDX-License-Identifier: MIT */
/*
 * utf8: is this text that Postgres accepts? Well-formed UTF-8 as in RFC 3629: no overlong forms, no
 * surrogates, nothing past U+10FFFF. NUL is looked for apart, since a gate may strip it.
 */
#ifndef SPOOLGATE_BASE_UTF8_H
#define SPOOLGATE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character at p (1 to 4), 0 where there is none. len > 0. */
size_t utf8_length(const uint8_t *p, size_t len);

/* Offset of the first byte that is not part of a well-formed character; len when all is well. */
size_t utf8_check(const uint8_t *p, size_t len);

/* Most text is ASCII without NUL: copies it in the pass that makes sure of it. False: there is
 * something else in it, which may be good, too; the bytes in `to` are then of no use. */
bool utf8_copy_plain(uint8_t *to, const uint8_t *p, size_t len);

#endif
