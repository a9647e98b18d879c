/* SPDX-License-Identifier: MIT */
/* Integers and floats. JavaScript packs 2.0 as 2, others 2 as 2.0: where nothing is lost, each
 * stands for the other. */
#include "replay/field.h"

#include <inttypes.h>
#include <math.h>

static bool read_int(const struct field *f, const char *wanted, int64_t *n)
{
    const struct mp_value *v = f->value;
    switch (v->type) {
    case MP_INT:
        *n = v->i;
        return true;
    case MP_UINT:
        if (v->u > INT64_MAX)
            return field_refuse(f, REJECT_RANGE, "%s is wanted, but %" PRIu64 " is out of range",
                                wanted, v->u);
        *n = (int64_t)v->u;
        return true;
    case MP_FLOAT:
        if (!(v->f >= -0x1p63 && v->f < 0x1p63)) /* NaN, too */
            return field_refuse(f, REJECT_RANGE, "%s is wanted, but %g is out of range", wanted,
                                v->f);
        if (v->f != trunc(v->f))
            return field_refuse(f, REJECT_TYPE, "%s is wanted, but %.17g is not whole", wanted,
                                v->f);
        *n = (int64_t)v->f;
        return true;
    default:
        return field_refuse_type(f, wanted);
    }
}

/* int2recv, int4recv, int8recv: the number, big-endian. */
bool field_put_int(const struct field *f, unsigned bytes)
{
    const char *wanted = bytes == 2 ? "smallint" : bytes == 4 ? "integer" : "bigint";
    int64_t most = INT64_MAX >> (64 - 8 * bytes);
    int64_t n = 0;
    if (!read_int(f, wanted, &n))
        return false;
    if (n > most || n < -most - 1)
        return field_refuse(f, REJECT_RANGE, "%s is wanted, but %" PRId64 " is out of range",
                            wanted, n);
    if (bytes == 8) {
        field_put_64(f->out, (uint64_t)n);
    } else if (bytes == 4) {
        field_put_32(f->out, (uint32_t)n);
    } else {
        buf_be32(f->out, 2);
        buf_be16(f->out, (uint16_t)n);
    }
    return true;
}

/* Integers and floats, which must be exact as a double. */
static bool read_double(const struct field *f, const char *wanted, double *number)
{
    const struct mp_value *v = f->value;
    bool exact = true;
    if (v->type == MP_FLOAT) {
        *number = v->f;
    } else if (v->type == MP_UINT) {
        *number = (double)v->u;
        exact = v->u <= UINT64_C(1) << 53 || (*number < 0x1p64 && (uint64_t)*number == v->u);
    } else if (v->type == MP_INT) {
        *number = (double)v->i;
        exact = (int64_t)*number == v->i;
    } else {
        return field_refuse_type(f, wanted);
    }
    return exact || field_refuse(f, REJECT_RANGE, "an integer that %s can't hold exactly", wanted);
}

/* float8recv: IEEE 754, big-endian. */
bool field_put_float8(const struct field *f)
{
    double number = 0;
    uint64_t bits;
    if (!read_double(f, "double precision", &number))
        return false;
    memcpy(&bits, &number, sizeof bits);
    field_put_64(f->out, bits);
    return true;
}

/* float4recv: the same in four bytes. Most floats are made as doubles, so they are rounded. */
bool field_put_float4(const struct field *f)
{
    double number = 0;
    uint32_t bits;
    if (!read_double(f, "real", &number))
        return false;
    float rounded = (float)number;
    if (isinf(rounded) && isfinite(number))
        return field_refuse(f, REJECT_RANGE, "real is wanted, but %g is out of range", number);
    if (f->value->type != MP_FLOAT && (double)rounded != number)
        return field_refuse(f, REJECT_RANGE, "an integer that real can't hold exactly");
    memcpy(&bits, &rounded, sizeof bits);
    field_put_32(f->out, bits);
    return true;
}
