/* SPDX-License-Identifier: MIT */
/*
 * field: one msgpack value as one field of COPY BINARY, by the type of its column. Pure.
 *
 *     struct field f = {.out = &row, .column = c, .value = &v, .at = &whole, .nul = NUL_REJECT,
 *                       .order = &order, .numbers_nulled = &nulled, .reject = &reject};
 *     if (!field_put(&f))
 *         ... reject says what is wanted and what it is; out may hold a part ...
 *
 * A field is an int32 length and the type's binary form, as the server's *_recv function of the
 * type reads it; each is named where the form is written. The value must be a whole one that a walk
 * went over before (the reader's, or mp_take()), and not nil.
 *
 * Memory: a field is at most some twelve times as long as the value (an array of one-byte numbers);
 * lengths are those of bytes that are there, never just announced.
 */
#ifndef SPOOLGATE_REPLAY_FIELD_H
#define SPOOLGATE_REPLAY_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "base/word.h"
#include "frame/msgpack.h"
#include "replay/jsonb.h"
#include "replay/rules.h"
#include "stream/stream.h"

/* What is wrong with a frame: the label `reason` of the metrics (docs/MONITORING.md). */
enum reject_why {
    REJECT_OTHER, /* all that isn't named below; of the knowledge base, nearly all */
    REJECT_KIND,  /* no stream takes it */
    REJECT_TYPE,
    REJECT_MISSING, /* a key that is required */
    REJECT_RANGE,   /* a number, or a length */
    REJECT_TIME,    /* no time, or one outside the stream's window */
    REJECT_TEXT,    /* NUL, not UTF-8, a map key that JSON has no text for */
    REJECT_SERVER,  /* the server refused the row */
    REJECT_WHY_COUNT
};

struct reject {
    enum reject_why why;
    char column[64]; /* "" where it is the frame as a whole */
    char reason[200];
    char sqlstate[6]; /* where the server refused the row; "" where we did */
};

/* The times that a stream takes. */
struct field_window {
    int64_t from_us, to_us; /* both belong to it */
    int64_t keep_from_us;   /* rows before this are past what the stream keeps */
    int64_t keep_us;        /* how long that is */
    bool is_needed;         /* rows without a time have no partition */
};

struct field {
    struct buf *out;
    const struct column *column;
    const struct mp_value *value;
    const struct mp_cursor *at; /* all of the value: jsonb and arrays are read from here */
    enum nul_rule nul;          /* of text and text[]; jsonb rejects NUL whatever the rule */
    struct jsonb_order *order;
    uint32_t *numbers_nulled;          /* counts NaN and Inf inside jsonb */
    const struct field_window *window; /* of the stream's time column; NULL for others */
    struct reject *reject;
    uint32_t element; /* of an array, 1 the first; 0: the value itself */
    int64_t time_us;  /* out: the instant of a timestamptz, the start of a date */
};

bool field_put(struct field *f);

/* Is the time one that the stream takes? True where the field has no window. */
bool field_check_time(const struct field *f, int64_t us);

/* What is rarely called stays out of the hot functions: its locals would cost them a stack check,
 * and registers to be saved. */
#define FIELD_APART __attribute__((noinline))

/* --- for the files that field_put() calls ------------------------------------------------------
 */

/* Always false, so that callers can return it. Names and texts are cut to fit. Cold: the branches
 * that lead there are laid out apart from the fields that are well. */
bool field_reject(struct reject *reject, enum reject_why why, const char *column,
                  const char *format, ...) __attribute__((cold, format(printf, 4, 5)));
/* The same about this field, or this element of it. */
bool field_refuse(const struct field *f, enum reject_why why, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));
/* "WANTED is wanted, but it is a map" */
bool field_refuse_type(const struct field *f, const char *wanted) __attribute__((cold));

/* A producer's text inside a reason: printable ASCII, short, and so fit for logs and the database.
 */
#define FIELD_SHOWN 48
const char *field_show(const void *bytes, size_t len, char out[FIELD_SHOWN]);

bool field_put_text(const struct field *f);
bool field_put_int(const struct field *f, unsigned bytes); /* 2, 4 or 8 */
bool field_put_float4(const struct field *f);
bool field_put_float8(const struct field *f);
bool field_put_numeric(const struct field *f);
bool field_put_timestamptz(struct field *f);
bool field_put_date(struct field *f);
bool field_put_interval(const struct field *f);
bool field_put_uuid(const struct field *f);
bool field_put_bytea(const struct field *f);
bool field_put_inet(const struct field *f);
bool field_put_text_array(const struct field *f);
bool field_put_int8_array(const struct field *f);
bool field_put_float8_array(const struct field *f);
bool field_put_vector(const struct field *f);
bool field_put_halfvec(const struct field *f);

/* Fields whose bytes are there. */
static inline void field_put_64(struct buf *out, uint64_t bits)
{
    uint8_t *at = buf_reserve(out, 12);
    word_put_be32(at, 8);
    word_put_be64(at + 4, bits);
    out->len += 12;
}

static inline void field_put_32(struct buf *out, uint32_t bits)
{
    uint8_t *at = buf_reserve(out, 8);
    word_put_be32(at, 4);
    word_put_be32(at + 4, bits);
    out->len += 8;
}

static inline void field_put_bytes(struct buf *out, const void *bytes, size_t len)
{
    buf_be32(out, (uint32_t)len);
    buf_put(out, bytes, len);
}

/* Text of ASCII without NUL, which most text is; false: it is something else, and nothing was put.
 */
static inline bool field_put_plain(struct buf *out, const struct mp_value *v)
{
    if (v->type != MP_STR)
        return false;
    uint8_t *at = buf_reserve(out, 4 + (size_t)v->len);
    if (!utf8_copy_plain(at + 4, v->bytes, v->len))
        return false;
    word_put_be32(at, v->len);
    out->len += 4 + (size_t)v->len;
    return true;
}

/* A field whose length is known only once its bytes are written: the length's place, and its
 * value. */
static inline size_t field_begin(struct buf *out)
{
    (void)buf_reserve(out, 4);
    out->len += 4;
    return out->len - 4;
}

static inline void field_end(struct buf *out, size_t begun)
{
    word_put_be32(out->data + begun, (uint32_t)(out->len - begun - 4));
}

#endif
