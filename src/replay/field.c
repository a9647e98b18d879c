/* SPDX-License-Identifier: MIT */
#include "replay/field.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* --- rejects -----------------------------------------------------------------------------------
 */

static void say(struct reject *reject, enum reject_why why, const char *column, uint32_t element,
                const char *format, va_list args)
{
    int at = 0;
    if (element > 0)
        at = snprintf(reject->reason, sizeof reject->reason, "element %u: ", element);
    (void)vsnprintf(reject->reason + at, sizeof reject->reason - (size_t)at, format, args);
    (void)snprintf(reject->column, sizeof reject->column, "%s", column);
    reject->sqlstate[0] = '\0';
    reject->why = why;
}

bool field_reject(struct reject *reject, enum reject_why why, const char *column,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(reject, why, column, 0, format, args);
    va_end(args);
    return false;
}

bool field_refuse(const struct field *f, enum reject_why why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(f->reject, why, f->column->name, f->element, format, args);
    va_end(args);
    return false;
}

bool field_refuse_type(const struct field *f, const char *wanted)
{
    static const char *const names[] = {
        [MP_NIL] = "nil",        [MP_BOOL] = "a boolean",   [MP_UINT] = "an integer",
        [MP_INT] = "an integer", [MP_FLOAT] = "a float",    [MP_STR] = "a string",
        [MP_BIN] = "binary",     [MP_EXT] = "an extension", [MP_ARRAY] = "an array",
        [MP_MAP] = "a map"};
    return field_refuse(f, REJECT_TYPE, "%s is wanted, but it is %s", wanted,
                        names[f->value->type]);
}

const char *field_show(const void *bytes, size_t len, char out[FIELD_SHOWN])
{
    const uint8_t *p = bytes;
    size_t n = len < 40 ? len : 40;
    for (size_t i = 0; i < n; i++)
        out[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
    (void)strcpy(out + n, n < len ? "..." : "");
    return out;
}

/* Plain text is what most fields are: what others need stays out of its way, registers to be saved
 * included. */
#define APART __attribute__((noinline))

/* --- text, jsonb, bool -------------------------------------------------------------------------
 */

static void put_without_nul(struct buf *out, const struct mp_value *v)
{
    size_t begun = field_begin(out);
    for (uint32_t i = 0; i < v->len; i++)
        if (v->bytes[i] != '\0')
            buf_byte(out, v->bytes[i]);
    field_end(out, begun);
}

/* Text that isn't plain: with NULs, past ASCII, or no text at all. */
static APART bool put_odd_text(const struct field *f)
{
    const struct mp_value *v = f->value;
    bool has_nul = memchr(v->bytes, '\0', v->len) != NULL;
    if (has_nul && f->nul == NUL_REJECT)
        return field_refuse(f, REJECT_TEXT, "a NUL character, which Postgres text can't hold");
    size_t good = utf8_check(v->bytes, v->len);
    if (good != v->len)
        return field_refuse(f, REJECT_TEXT, "not UTF-8 at byte %zu of the value", good);
    if (has_nul)
        put_without_nul(f->out, v);
    else
        field_put_bytes(f->out, v->bytes, v->len);
    return true;
}

/* textrecv: the bytes. */
bool field_put_text(const struct field *f)
{
    if (f->value->type != MP_STR)
        return field_refuse_type(f, "text");
    return field_put_plain(f->out, f->value) || put_odd_text(f);
}

/* jsonb_recv: the form's version, which is 1, then JSON text. */
static APART bool put_jsonb(const struct field *f)
{
    struct mp_cursor at = *f->at;
    size_t begun = f->out->len;
    uint8_t *head = buf_reserve(f->out, 5);
    head[4] = 1;
    f->out->len += 5;
    const char *problem = jsonb_append(f->out, &at, f->order, f->numbers_nulled);
    if (problem)
        return field_refuse(f, REJECT_TEXT, "%s", problem);
    field_end(f->out, begun);
    return true;
}

/* boolrecv: one byte. */
static bool put_bool(const struct field *f)
{
    if (f->value->type != MP_BOOL)
        return field_refuse_type(f, "boolean");
    const uint8_t byte = f->value->boolean;
    field_put_bytes(f->out, &byte, 1);
    return true;
}

/* --- all types ---------------------------------------------------------------------------------
 */

bool field_put(struct field *f)
{
    switch (f->column->type) {
    case COLUMN_TEXT:
        return field_put_text(f);
    case COLUMN_JSONB:
        return put_jsonb(f);
    case COLUMN_BOOL:
        return put_bool(f);
    case COLUMN_INT2:
        return field_put_int(f, 2);
    case COLUMN_INT4:
        return field_put_int(f, 4);
    case COLUMN_INT8:
        return field_put_int(f, 8);
    case COLUMN_FLOAT4:
        return field_put_float4(f);
    case COLUMN_FLOAT8:
        return field_put_float8(f);
    case COLUMN_NUMERIC:
        return field_put_numeric(f);
    case COLUMN_TIMESTAMPTZ:
        return field_put_timestamptz(f);
    case COLUMN_DATE:
        return field_put_date(f);
    case COLUMN_INTERVAL:
        return field_put_interval(f);
    case COLUMN_UUID:
        return field_put_uuid(f);
    case COLUMN_BYTEA:
        return field_put_bytea(f);
    case COLUMN_INET:
        return field_put_inet(f);
    case COLUMN_TEXT_ARRAY:
        return field_put_text_array(f);
    case COLUMN_INT8_ARRAY:
        return field_put_int8_array(f);
    case COLUMN_FLOAT8_ARRAY:
        return field_put_float8_array(f);
    case COLUMN_VECTOR:
        return field_put_vector(f);
    case COLUMN_HALFVEC:
        return field_put_halfvec(f);
    default:
        return field_refuse(f, REJECT_OTHER, "a column of a type that doesn't exist");
    }
}
