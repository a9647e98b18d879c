/* SPDX-License-Identifier: MIT */
#include "kb/vector.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "base/word.h"

const char *const kb_vector_type_names[] = {"vector", "halfvec", "real", NULL};

/* pg_type's, of real */
enum { OID_FLOAT4 = 700 };

/* --- reading -----------------------------------------------------------------------------------
 */

static bool refuse_length(const struct kb_shape *shape, size_t count,
                          char problem[KB_VECTOR_PROBLEM])
{
    (void)snprintf(problem, KB_VECTOR_PROBLEM, "%zu numbers; vectors of this database have %zu",
                   count, shape->dimensions);
    return false;
}

static bool read_packed(const struct kb_shape *shape, const struct mp_value *v, float *vector,
                        char problem[KB_VECTOR_PROBLEM])
{
    if (v->len % sizeof(float) != 0) {
        (void)snprintf(problem, KB_VECTOR_PROBLEM,
                       "%u bytes, which is no whole number of float32's", v->len);
        return false;
    }
    if (v->len / sizeof(float) != shape->dimensions)
        return refuse_length(shape, v->len / sizeof(float), problem);
    for (size_t i = 0; i < shape->dimensions; i++) {
        uint32_t bits = le32toh(word_load32(v->bytes + i * sizeof bits));
        memcpy(&vector[i], &bits, sizeof bits);
    }
    return true;
}

static bool read_number(struct mp_cursor *at, float *number)
{
    struct mp_value v = {.type = MP_NIL};
    /* A float of 32 bits, which is what most are: mp_read() leaves it to a function. */
    if (at->end - at->p >= 5 && *at->p == 0xca) {
        uint32_t bits = word_be32(at->p + 1);
        memcpy(number, &bits, sizeof bits);
        at->p += 5;
        return true;
    }
    (void)mp_read(at, &v); /* can't fail: a walk was here */
    if (v.type == MP_FLOAT)
        *number = (float)v.f;
    else if (v.type == MP_UINT)
        *number = (float)v.u;
    else if (v.type == MP_INT)
        *number = (float)v.i;
    else
        return false;
    return true;
}

static bool read_array(const struct kb_shape *shape, const struct mp_value *v,
                       const struct mp_cursor *whole, float *vector,
                       char problem[KB_VECTOR_PROBLEM])
{
    struct mp_cursor at = *whole;
    struct mp_value header;
    if (v->len != shape->dimensions)
        return refuse_length(shape, v->len, problem);
    (void)mp_read(&at, &header); /* which v is */
    for (size_t i = 0; i < shape->dimensions; i++)
        if (!read_number(&at, &vector[i])) {
            (void)snprintf(problem, KB_VECTOR_PROBLEM, "element %zu is no number", i + 1);
            return false;
        }
    return true;
}

bool kb_vector_read(const struct kb_shape *shape, const struct mp_value *value,
                    const struct mp_cursor *at, float *vector, char problem[KB_VECTOR_PROBLEM])
{
    bool good = false;
    if (value->type == MP_ARRAY)
        good = read_array(shape, value, at, vector, problem);
    else if (value->type == MP_BIN || value->type == MP_EXT)
        good = read_packed(shape, value, vector, problem);
    else
        (void)snprintf(problem, KB_VECTOR_PROBLEM,
                       "an array of numbers is wanted, or little-endian float32 in bin or ext");
    return good && kb_vector_check(shape, vector, shape->dimensions, problem);
}

/* --- checking ----------------------------------------------------------------------------------
 */

/* IEEE 754's half, rounded to the nearest even. The number's size is below 65520, halfway to where
 * the one after the largest would be. */
static uint16_t half_of(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t size = bits & 0x7fffffff;
    if (size < 0x38800000) /* below 2^-14: subnormal, counts of 2^-24 */
        return (uint16_t)(sign | (uint16_t)rintf(fabsf(number) * 0x1p24F));
    size -= UINT32_C(112) << 23;                                       /* the exponent's bias */
    return (uint16_t)(sign | (size + 0xfff + (size >> 13 & 1)) >> 13); /* carries go up */
}

static bool refuse_number(const float *vector, size_t i, float limit,
                          char problem[KB_VECTOR_PROBLEM])
{
    if (isfinite(vector[i]))
        (void)snprintf(problem, KB_VECTOR_PROBLEM, "element %zu is %g; a halfvec's are below %g",
                       i + 1, (double)vector[i], (double)limit);
    else
        (void)snprintf(problem, KB_VECTOR_PROBLEM,
                       "element %zu is NaN, infinite, or past what float32 holds", i + 1);
    return false;
}

bool kb_vector_check(const struct kb_shape *shape, const float *vector, size_t count,
                     char problem[KB_VECTOR_PROBLEM])
{
    const float limit = shape->type == KB_HALFVEC ? 65520 : INFINITY;
    const float least = shape->type == KB_HALFVEC ? 0x1p-25F : 0; /* it, too, becomes 0 */
    bool is_zero = true;
    if (count != shape->dimensions)
        return refuse_length(shape, count, problem);
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(vector[i]) < limit)) /* NaN, too */
            return refuse_number(vector, i, limit, problem);
        is_zero = is_zero && fabsf(vector[i]) <= least;
    }
    if (is_zero)
        (void)snprintf(problem, KB_VECTOR_PROBLEM, "all %zu numbers are 0%s: it has no direction",
                       count, shape->type == KB_HALFVEC ? " as halves" : "");
    return !is_zero;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static uint8_t *put_float(uint8_t *to, float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    word_put_be32(to, bits);
    return to + sizeof bits;
}

/* vector_recv, halfvec_recv: int16 dimensions, int16 0, the numbers. */
static void put_pgvector(struct buf *out, const struct kb_shape *shape, const float *vector)
{
    size_t dimensions = shape->dimensions;
    size_t size = shape->type == KB_VECTOR ? 4 : 2;
    uint8_t *to = buf_reserve(out, 8 + dimensions * size);
    word_put_be32(to, (uint32_t)(4 + dimensions * size));
    word_put_be32(to + 4, (uint32_t)dimensions << 16);
    to += 8;
    for (size_t i = 0; i < dimensions; i++) {
        if (shape->type == KB_VECTOR) {
            to = put_float(to, vector[i]);
        } else {
            uint16_t half = half_of(vector[i]);
            *to++ = (uint8_t)(half >> 8);
            *to++ = (uint8_t)half;
        }
    }
    out->len += 8 + dimensions * size;
}

/* array_recv: int32 dimensions of the array, int32 "has NULLs", the elements' type; size and index
 * of the first; then the elements as fields. */
static void put_array(struct buf *out, const struct kb_shape *shape, const float *vector)
{
    size_t len = 20 + shape->dimensions * 8;
    const uint32_t head[] = {(uint32_t)len, 1, 0, OID_FLOAT4, (uint32_t)shape->dimensions, 1};
    uint8_t *to = buf_reserve(out, 4 + len);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++, to += 4)
        word_put_be32(to, head[i]);
    for (size_t i = 0; i < shape->dimensions; i++) {
        word_put_be32(to, 4);
        to = put_float(to + 4, vector[i]);
    }
    out->len += 4 + len;
}

void kb_vector_put(struct buf *out, const struct kb_shape *shape, const float *vector)
{
    if (shape->type == KB_REAL)
        put_array(out, shape, vector);
    else
        put_pgvector(out, shape, vector);
}
