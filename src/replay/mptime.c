/* SPDX-License-Identifier: MIT */
#include "replay/mptime.h"

#include <math.h>

#include "base/time.h"
#include "base/word.h"

/* Far past Postgres's own range (294276 AD), and far from overflow in microseconds. */
#define SECONDS_MAX INT64_C(9000000000000)

bool mptime_ext(const struct mp_value *v, int64_t *us)
{
    int64_t seconds;
    uint32_t nanoseconds = 0;
    if (v->type != MP_EXT)
        return false;
    if (v->ext == -1 && v->len == 4) {
        seconds = word_be32(v->bytes);
    } else if (v->ext == -1 && v->len == 8) {
        uint64_t both = word_be64(v->bytes);
        nanoseconds = (uint32_t)(both >> 34);
        seconds = (int64_t)(both & ((UINT64_C(1) << 34) - 1));
    } else if (v->ext == -1 && v->len == 12) {
        nanoseconds = word_be32(v->bytes);
        seconds = (int64_t)word_be64(v->bytes + 4);
    } else if (v->ext == 0 && v->len == 8) {
        seconds = word_be32(v->bytes);
        nanoseconds = word_be32(v->bytes + 4);
    } else {
        return false;
    }
    if (nanoseconds > 999999999 || seconds > SECONDS_MAX || seconds < -SECONDS_MAX)
        return false;
    *us = seconds * TIME_US_PER_S + nanoseconds / 1000;
    return true;
}

/* Whole microseconds or not: a unit of nanoseconds is a thousandth of one. */
static bool count_float(double count, int64_t unit_ns, int64_t *us)
{
    int64_t unit_us = unit_ns / 1000;
    double product = unit_us == 0 ? floor(count * (double)unit_ns / 1000) : count * (double)unit_us;
    if (!(fabs(product) < 9.2e18)) /* NaN and Inf too */
        return false;
    *us = llround(product);
    return true;
}

bool mptime_number(const struct mp_value *v, int64_t unit_ns, int64_t *us)
{
    unit_ns = unit_ns ? unit_ns : TIME_US_PER_S * 1000;
    if (v->type == MP_FLOAT)
        return count_float(v->f, unit_ns, us);
    if ((v->type != MP_UINT && v->type != MP_INT) || (v->type == MP_UINT && v->u > INT64_MAX))
        return false;
    int64_t count = v->type == MP_INT ? v->i : (int64_t)v->u;
    if (unit_ns >= 1000)
        return !__builtin_mul_overflow(count, unit_ns / 1000, us);
    if (__builtin_mul_overflow(count, unit_ns, us))
        return false;
    *us = *us / 1000 - (*us % 1000 < 0);
    return true;
}
