/* SPDX-License-Identifier: MIT */
/* Arrays of one dimension, and pgvector's vectors. */
#include "replay/field.h"

#include <math.h>

/* Postgres takes fields of up to 1 GiB; an element is 12 bytes long, or was as long in the frame.
 */
enum { ELEMENTS_MAX = 64 * 1024 * 1024 };

/* pg_type's */
enum { OID_INT8 = 20, OID_TEXT = 25, OID_FLOAT8 = 701 };

static bool put_elements(const struct field *f, bool (*put)(const struct field *), bool *has_null)
{
    struct mp_value v = {.type = MP_NIL};
    struct mp_cursor at = *f->at;
    uint32_t count = f->value->len;
    struct field e = *f;
    e.value = &v;
    (void)mp_read(&at, &v); /* the header, which f->value is */
    for (e.element = 1; e.element <= count; e.element++) {
        if (mp_read(&at, &v) != MP_OK)
            return field_refuse(&e, REJECT_OTHER,
                                "the value ends early"); /* can't happen: a walk was here */
        if (v.type == MP_NIL) {
            buf_be32(f->out, UINT32_MAX);
            *has_null = true;
        } else if (!put(&e)) {
            return false;
        }
    }
    return true;
}

/* array_recv: int32 dimensions, int32 "has NULLs", the elements' oid; for the dimension int32 size
 * and int32 index of the first; then the elements as fields. '{}' has no dimension. */
static bool put_array(const struct field *f, const char *wanted, uint32_t oid,
                      bool (*put)(const struct field *))
{
    bool has_null = false;
    if (f->value->type != MP_ARRAY)
        return field_refuse_type(f, wanted);
    if (f->value->len > ELEMENTS_MAX)
        return field_refuse(f, REJECT_RANGE, "an array of %u elements; %d is the most",
                            f->value->len, ELEMENTS_MAX);
    size_t begun = field_begin(f->out);
    buf_be32(f->out, f->value->len > 0);
    buf_be32(f->out, 0);
    buf_be32(f->out, oid);
    if (f->value->len > 0) {
        buf_be32(f->out, f->value->len);
        buf_be32(f->out, 1);
        if (!put_elements(f, put, &has_null))
            return false;
        word_put_be32(f->out->data + begun + 8, has_null);
    }
    field_end(f->out, begun);
    return true;
}

static bool put_int8(const struct field *f)
{
    return field_put_int(f, 8);
}

bool field_put_text_array(const struct field *f)
{
    return put_array(f, "text[]", OID_TEXT, field_put_text);
}

bool field_put_int8_array(const struct field *f)
{
    return put_array(f, "bigint[]", OID_INT8, put_int8);
}

bool field_put_float8_array(const struct field *f)
{
    return put_array(f, "double precision[]", OID_FLOAT8, field_put_float8);
}

/* --- vectors -----------------------------------------------------------------------------------
 */

static bool put_single(uint8_t *to, double number)
{
    float rounded = (float)number;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    word_put_be32(to, bits);
    return !isinf(rounded);
}

/* IEEE 754's half, rounded once, to the nearest even; false past its largest, 65504. */
static bool put_half(uint8_t *to, double number)
{
    double size = fabs(number);
    int exponent;
    unsigned bits;
    if (size >= 65520) /* halfway to where the next one would be */
        return false;
    if (size < 0x1p-14) {
        bits = (unsigned)rint(size * 0x1p24); /* subnormal: counts of the smallest */
    } else {
        double fraction = rint(ldexp(frexp(size, &exponent), 11)); /* 1024 to 2048 */
        bits = ((unsigned)(exponent + 14) << 10) + (unsigned)fraction - 1024;
    }
    bits |= signbit(number) ? 0x8000 : 0;
    to[0] = (uint8_t)(bits >> 8);
    to[1] = (uint8_t)bits;
    return true;
}

static double unpack_single(const uint8_t *p)
{
    uint32_t bits = le32toh(word_load32(p));
    float single;
    memcpy(&single, &bits, sizeof single);
    return (double)single;
}

/* Any number; what a vector can't hold of it is rounded away. */
static bool read_number(const struct field *f, struct mp_cursor *at, double *number)
{
    struct mp_value v = {.type = MP_NIL};
    struct field element = *f;
    element.value = &v;
    if (mp_read(at, &v) != MP_OK)
        return field_refuse(f, REJECT_OTHER, "the value ends early"); /* as above */
    if (v.type != MP_FLOAT && v.type != MP_UINT && v.type != MP_INT)
        return field_refuse_type(&element, "a number");
    *number = v.type == MP_FLOAT ? v.f : v.type == MP_UINT ? (double)v.u : (double)v.i;
    return true;
}

/* Is it as long as the column wants it? */
static bool check_dimensions(const struct field *f)
{
    char name[COLUMN_TYPE_NAME];
    const struct mp_value *v = f->value;
    uint32_t wanted = f->column->dimensions;
    (void)column_type_name(f->column, name);
    switch (v->type) {
    case MP_ARRAY:
        return v->len == wanted ||
               field_refuse(f, REJECT_TYPE, "%s is wanted, but it has %u numbers", name, v->len);
    case MP_BIN:
    case MP_EXT:
        return v->len == wanted * sizeof(float) ||
               field_refuse(f, REJECT_TYPE,
                            "%s is wanted, which is %zu bytes of float32, but it has %u", name,
                            wanted * sizeof(float), v->len);
    default:
        return field_refuse_type(f, name);
    }
}

/* vector_recv, halfvec_recv: int16 dimensions, int16 0, the numbers as float4 or as halves. */
static bool put_vector(const struct field *f, size_t size, bool (*put)(uint8_t *to, double number))
{
    char name[COLUMN_TYPE_NAME];
    struct mp_value header;
    struct mp_cursor at = *f->at;
    uint32_t dimensions = f->column->dimensions;
    bool is_packed = f->value->type != MP_ARRAY;
    struct field e = *f;
    if (!check_dimensions(f))
        return false;
    (void)mp_read(&at, &header); /* which f->value is */
    size_t begun = field_begin(f->out);
    buf_be16(f->out, (uint16_t)dimensions);
    buf_be16(f->out, 0);
    uint8_t *to = buf_reserve(f->out, dimensions * size);
    for (e.element = 1; e.element <= dimensions; e.element++, to += size) {
        double number = 0;
        if (is_packed)
            number = unpack_single(f->value->bytes + (e.element - 1) * sizeof(float));
        else if (!read_number(&e, &at, &number))
            return false;
        if (!isfinite(number))
            return field_refuse(&e, REJECT_RANGE, "a vector holds no NaN or Infinity");
        if (!put(to, number))
            return field_refuse(&e, REJECT_RANGE, "%g is out of the range of %s", number,
                                column_type_name(f->column, name));
    }
    f->out->len += dimensions * size;
    field_end(f->out, begun);
    return true;
}

bool field_put_vector(const struct field *f)
{
    return put_vector(f, sizeof(float), put_single);
}

bool field_put_halfvec(const struct field *f)
{
    return put_vector(f, 2, put_half);
}
