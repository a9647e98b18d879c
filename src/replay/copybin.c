/* SPDX-License-Identifier: MIT */
#include "replay/copybin.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/word.h"
#include "replay/mptime.h"

void copybin_open(struct copybin *e, const struct stream_set *streams, const struct uuid *batch,
                  int64_t now_us, enum nul_rule nul)
{
    *e = (struct copybin){.streams = streams, .batch = *batch, .now_us = now_us, .nul = nul};
    match_open(&e->match, streams);
    e->periods = mem_calloc(streams->count, sizeof *e->periods);
}

void copybin_close(struct copybin *e)
{
    match_close(&e->match);
    jsonb_order_free(&e->order);
    free(e->periods);
    *e = (struct copybin){0};
}

static bool refuse(struct reject *reject, const char *column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Always false, so that callers can return it. Names and texts of producers are cut to fit. */
static bool refuse(struct reject *reject, const char *column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reject->reason, sizeof reject->reason, format, args);
    va_end(args);
    (void)snprintf(reject->column, sizeof reject->column, "%s", column);
    reject->sqlstate[0] = '\0';
    return false;
}

/* A producer's text inside a reason: printable ASCII, short, and so fit for logs and the database.
 */
static const char *shown(const void *bytes, size_t len, char out[48])
{
    const uint8_t *p = bytes;
    size_t n = len < 40 ? len : 40;
    for (size_t i = 0; i < n; i++)
        out[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
    (void)strcpy(out + n, n < len ? "..." : "");
    return out;
}

static const char *value_name(const struct mp_value *v)
{
    static const char *const names[] = {
        [MP_NIL] = "nil",        [MP_BOOL] = "a boolean",   [MP_UINT] = "an integer",
        [MP_INT] = "an integer", [MP_FLOAT] = "a float",    [MP_STR] = "a string",
        [MP_BIN] = "binary",     [MP_EXT] = "an extension", [MP_ARRAY] = "an array",
        [MP_MAP] = "a map"};
    return names[v->type];
}

static bool wrong_type(struct reject *reject, const struct column *c, const struct mp_value *v)
{
    char name[COLUMN_TYPE_NAME];
    return refuse(reject, c->name, "%s is wanted, but it is %s", column_type_name(c, name),
                  value_name(v));
}

void copybin_header(struct buf *out)
{
    buf_put(out, "PGCOPY\n\377\r\n\0", 11); /* signature */
    buf_be32(out, 0);                       /* flags */
    buf_be32(out, 0);                       /* length of the header's extension */
}

void copybin_trailer(struct buf *out)
{
    buf_be16(out, 0xffff);
}

void copybin_text(struct buf *out, const void *bytes, size_t len)
{
    buf_be32(out, (uint32_t)len);
    buf_put(out, bytes, len);
}

/* Every eight-byte type: its length, then its bits. */
static void put_64(struct buf *out, uint64_t bits)
{
    uint8_t *at = buf_reserve(out, 12);
    word_put_be32(at, 8);
    word_put_be64(at + 4, bits);
    out->len += 12;
}

void copybin_int8(struct buf *out, int64_t v)
{
    put_64(out, (uint64_t)v);
}

void copybin_uuid(struct buf *out, const struct uuid *id)
{
    uint8_t *at = buf_reserve(out, 4 + sizeof id->bytes);
    word_put_be32(at, sizeof id->bytes);
    memcpy(at + 4, id->bytes, sizeof id->bytes);
    out->len += 4 + sizeof id->bytes;
}

static void put_text_without_nul(struct buf *out, const struct mp_value *v)
{
    size_t start = out->len;
    buf_be32(out, 0); /* the length, once it is known */
    for (uint32_t i = 0; i < v->len; i++)
        if (v->bytes[i] != '\0')
            buf_byte(out, v->bytes[i]);
    word_put_be32(out->data + start, (uint32_t)(out->len - start - 4));
}

/* Text that isn't plain: with NULs, past ASCII, or no text at all. */
static bool put_odd_text(const struct copybin *e, struct buf *out, const struct column *c,
                         const struct mp_value *v, struct reject *reject)
{
    bool has_nul = memchr(v->bytes, '\0', v->len) != NULL;
    if (has_nul && e->nul == NUL_REJECT)
        return refuse(reject, c->name, "a NUL character, which Postgres text can't hold");
    size_t good = utf8_check(v->bytes, v->len);
    if (good != v->len)
        return refuse(reject, c->name, "not UTF-8 at byte %zu of the value", good);
    if (has_nul)
        put_text_without_nul(out, v);
    else
        copybin_text(out, v->bytes, v->len);
    return true;
}

static bool put_text(const struct copybin *e, struct buf *out, const struct column *c,
                     const struct mp_value *v, struct reject *reject)
{
    if (v->type != MP_STR)
        return wrong_type(reject, c, v);
    uint8_t *at = buf_reserve(out, 4 + (size_t)v->len);
    if (!utf8_copy_plain(at + 4, v->bytes, v->len))
        return put_odd_text(e, out, c, v, reject);
    word_put_be32(at, v->len);
    out->len += 4 + (size_t)v->len;
    return true;
}

static bool put_float8(struct buf *out, const struct column *c, const struct mp_value *v,
                       struct reject *reject)
{
    double number;
    bool exact = true;
    if (v->type == MP_FLOAT) {
        number = v->f;
    } else if (v->type == MP_UINT) {
        number = (double)v->u;
        exact = v->u <= UINT64_C(1) << 53 || (number < 0x1p64 && (uint64_t)number == v->u);
    } else if (v->type == MP_INT) {
        number = (double)v->i;
        exact = (int64_t)number == v->i;
    } else {
        return wrong_type(reject, c, v);
    }
    if (!exact)
        return refuse(reject, c->name, "an integer that double precision can't hold exactly");
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_64(out, bits);
    return true;
}

static bool put_jsonb(struct copybin *e, struct buf *out, const struct column *c,
                      struct mp_cursor at, uint32_t *numbers_nulled, struct reject *reject)
{
    size_t start = out->len;
    uint8_t *head = buf_reserve(out, 5);
    head[4] = 1; /* jsonb's binary version; before it the length, once it is known */
    out->len += 5;
    const char *problem = jsonb_append(out, &at, &e->order, numbers_nulled);
    if (problem)
        return refuse(reject, c->name, "%s", problem);
    word_put_be32(out->data + start, (uint32_t)(out->len - start - 4));
    return true;
}

/* A bare number: the unit's count, whole or not. */
static bool number_time(const struct column *c, const struct mp_value *v, int64_t *us)
{
    int64_t unit = c->unit_ns ? c->unit_ns / 1000 : TIME_US_PER_S;
    if (v->type == MP_FLOAT) {
        double product = v->f * (double)unit;
        if (!(fabs(product) < 9.2e18)) /* NaN and Inf too */
            return false;
        *us = llround(product);
        return true;
    }
    int64_t count = v->type == MP_INT ? v->i : (int64_t)v->u;
    if (v->type == MP_UINT && v->u > INT64_MAX)
        return false;
    return !__builtin_mul_overflow(count, unit, us);
}

static bool inside_window(const struct copybin *e, const struct stream *s, int64_t us)
{
    return us >= e->now_us - s->window_past_us && us <= e->now_us + s->window_ahead_us;
}

/* The usual mistake: milliseconds (or finer) where the stream counts seconds. Read from the number
 * itself: counted in the stream's unit, nanoseconds are past what microseconds can hold. */
static const char *window_hint(const struct copybin *e, const struct stream *s,
                               const struct mp_value *v)
{
    static const struct {
        double us;
        const char *hint;
    } units[] = {{1000, "; it looks like milliseconds"},
                 {1, "; it looks like microseconds"},
                 {0.001, "; it looks like nanoseconds"}};
    if (v->type != MP_UINT && v->type != MP_FLOAT)
        return "";
    double count = v->type == MP_UINT ? (double)v->u : v->f;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double us = count * units[i].us;
        if (fabs(us) < 9e18 && inside_window(e, s, (int64_t)us))
            return units[i].hint;
    }
    return "";
}

static bool read_time(const struct copybin *e, const struct stream *s, const struct column *c,
                      const struct mp_value *v, int64_t *us, struct reject *reject)
{
    char text[48];
    switch (v->type) {
    case MP_UINT:
    case MP_INT:
    case MP_FLOAT:
        if (!number_time(c, v, us))
            return refuse(reject, c->name, "a number that is no time%s", window_hint(e, s, v));
        return true;
    case MP_STR:
        if (!time_parse((const char *)v->bytes, v->len, us))
            return refuse(reject, c->name, "not an RFC 3339 time with an offset: \"%s\"",
                          shown(v->bytes, v->len, text));
        return true;
    case MP_EXT:
        if (!mptime_ext(v, us))
            return refuse(reject, c->name, "extension type %d of %u bytes is no time", v->ext,
                          v->len);
        return true;
    default:
        return wrong_type(reject, c, v);
    }
}

static bool put_time(struct copybin *e, const struct stream *s, struct buf *out,
                     const struct column *c, const struct mp_value *v, int64_t *us,
                     struct reject *reject)
{
    char text[TIME_TEXT];
    if (!read_time(e, s, c, v, us, reject))
        return false;
    if (!inside_window(e, s, *us)) {
        bool printable = *us > INT64_C(-60000000000000000) && *us < INT64_C(250000000000000000);
        return refuse(reject, c->name, "%s is outside the stream's window of times%s",
                      printable ? time_format(*us, text) : "the time", window_hint(e, s, v));
    }
    put_64(out, (uint64_t)(*us - TIME_PG_EPOCH_US));
    return true;
}

static bool put_absent(struct buf *out, const struct column *c, struct reject *reject)
{
    if (c->fallback.text)
        buf_put(out, c->fallback.field, c->fallback.field_len);
    else if (c->required)
        return refuse(reject, c->name, "the key is missing");
    else
        buf_be32(out, UINT32_MAX);
    return true;
}

static bool put_field(struct copybin *e, const struct stream *s, size_t index, struct buf *out,
                      struct copybin_row *row, struct reject *reject)
{
    const struct column *c = &s->columns[index];
    const struct frame_pair *field = e->match.fields[index].pair;
    int64_t us = 0;
    if (c->source == COLUMN_FROM_BATCH) {
        copybin_uuid(out, &e->batch);
        return true;
    }
    if (!field)
        return put_absent(out, c, reject);
    switch (c->type) {
    case COLUMN_TEXT:
        return put_text(e, out, c, &field->value, reject);
    case COLUMN_FLOAT8:
        return put_float8(out, c, &field->value, reject);
    case COLUMN_JSONB:
        return put_jsonb(e, out, c, field->at, &row->numbers_nulled, reject);
    case COLUMN_TIMESTAMPTZ:
        if (!put_time(e, s, out, c, &field->value, &us, reject))
            return false;
        if (index == s->time_column)
            row->time_us = us;
        return true;
    default: /* uuid comes from the batch */
        return wrong_type(reject, c, &field->value);
    }
}

bool copybin_encode(struct copybin *e, const struct frame *frame, struct buf *rows,
                    struct copybin_row *row, struct reject *reject)
{
    char text[48];
    *row = (struct copybin_row){.time_us = INT64_MIN};
    if (!match_stream(&e->match, frame, &row->stream))
        return frame->kind
                   ? refuse(reject, "kind", "no stream takes frames of kind \"%s\"",
                            shown(frame->kind, frame->kind_len, text))
                   : refuse(reject, "kind", "the frame has no `kind`, or one that is not a string");
    if (!match_columns(&e->match, frame, row->stream, &row->keys_ignored))
        return refuse(reject, "", "not a map");

    const struct stream *s = &e->streams->streams[row->stream];
    struct buf *out = &rows[row->stream];
    size_t start = out->len;
    buf_be16(out, (uint16_t)s->column_count);
    for (size_t i = 0; i < s->column_count; i++)
        if (!put_field(e, s, i, out, row, reject)) {
            out->len = start;
            return false;
        }
    row->len = out->len - start;
    if (s->every != PERIOD_NONE) {
        struct period_range *period = &e->periods[row->stream];
        if (row->time_us < period->from_us || row->time_us >= period->to_us)
            *period = period_range(s->every, row->time_us);
        row->period_us = period->from_us;
    }
    return true;
}
