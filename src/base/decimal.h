/* SPDX-License-Identifier: MIT */
/*
 * decimal: numbers as text, in the form that JSON and Postgres's numeric both take.
 *
 *     uint8_t *at = buf_reserve(out, DECIMAL_BYTES);
 *     out->len += (size_t)(decimal_double(at, 0.1) - at);          // 0.1
 *
 * Each writes at most DECIMAL_BYTES bytes, without a NUL, and returns where the text ends. Doubles
 * come out in the fewest digits that read back as the same double, and of those in the ones nearest
 * to it; written out from 0.0001 on and below 1e+15 (or 1e+17, where no digit would be a filler),
 * else as 1e-05 and 1e+15. Not through printf: no locale, no allocation, and a tenth of the time.
 */
#ifndef SPOOLGATE_BASE_DECIMAL_H
#define SPOOLGATE_BASE_DECIMAL_H

#include <stdint.h>

#define DECIMAL_BYTES 24 /* -1.7976931348623157e+308 */

uint8_t *decimal_uint(uint8_t *to, uint64_t v);
uint8_t *decimal_int(uint8_t *to, int64_t v);
uint8_t *decimal_double(uint8_t *to, double v); /* finite */

#endif
