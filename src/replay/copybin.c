/* SPDX-License-Identifier: MIT */
#include "replay/copybin.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"

/* What a stream's time column is judged by. */
struct copybin_times {
    struct field_window window;
    struct period_range period; /* that of the last row */
};

/* ---- around rows ---- */

/* As far as it goes. */
static int64_t add_clamped(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static struct field_window window_of(const struct stream *s, int64_t now_us)
{
    struct field_window w = {.from_us = add_clamped(now_us, -s->window_past_us),
                             .to_us = add_clamped(now_us, s->window_ahead_us),
                             .keep_from_us = stream_keep_from(s, now_us),
                             .keep_us = s->keep_us,
                             .is_needed = s->every != PERIOD_NONE};
    /* A date is inside when any of its instants is. */
    if (s->time_column != STREAM_NO_COLUMN && s->columns[s->time_column].type == COLUMN_DATE &&
        w.from_us > INT64_MIN + TIME_US_PER_DAY)
        w.from_us = time_day(w.from_us) * TIME_US_PER_DAY;
    return w;
}

void copybin_open(struct copybin *e, const struct stream_set *streams, const struct uuid *batch,
                  int64_t now_us, enum nul_rule nul)
{
    *e = (struct copybin){.streams = streams, .batch = *batch, .now_us = now_us, .nul = nul};
    match_open(&e->match, streams);
    e->times = mem_calloc(streams->count, sizeof *e->times);
    for (size_t i = 0; i < streams->count; i++)
        e->times[i].window = window_of(&streams->streams[i], now_us);
}

void copybin_close(struct copybin *e)
{
    match_close(&e->match);
    jsonb_order_free(&e->order);
    free(e->times);
    *e = (struct copybin){0};
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
    field_put_bytes(out, bytes, len);
}

void copybin_int8(struct buf *out, int64_t v)
{
    field_put_64(out, (uint64_t)v);
}

void copybin_uuid(struct buf *out, const struct uuid *id)
{
    uint8_t *at = buf_reserve(out, 4 + sizeof id->bytes);
    word_put_be32(at, sizeof id->bytes);
    memcpy(at + 4, id->bytes, sizeof id->bytes);
    out->len += 4 + sizeof id->bytes;
}

/* ---- fields ---- */

static const struct mp_value nothing = {.type = MP_NIL};

/* The instant of a stated value, which is a field already. */
static int64_t time_of_field(const struct column *c)
{
    const uint8_t *bytes = c->fallback.field + 4;
    return c->type == COLUMN_DATE ? (int32_t)word_be32(bytes) * TIME_US_PER_DAY + TIME_PG_EPOCH_US
                                  : (int64_t)word_be64(bytes) + TIME_PG_EPOCH_US;
}

/* The fallback, a missing key's or the constant; else NULL. */
static bool put_stated(struct field *f)
{
    const struct column *c = f->column;
    bool has_time = f->window && c->fallback.field_len > 4; /* it is there, and isn't NULL */
    if ((c->required && !c->fallback.text) || (f->window && f->window->is_needed && !has_time))
        return field_refuse(f, REJECT_MISSING, "the key is missing");
    if (c->fallback.text)
        buf_put(f->out, c->fallback.field, c->fallback.field_len);
    else
        buf_be32(f->out, UINT32_MAX);
    f->value = &nothing;
    f->time_us = has_time ? time_of_field(c) : INT64_MIN;
    return !has_time || field_check_time(f, f->time_us);
}

static FIELD_APART bool put_rest(const struct copybin *e, struct field *f)
{
    const struct mp_value map = {.type = MP_MAP};
    const struct mp_cursor at = {e->match.rest.data, e->match.rest.data + e->match.rest.len};
    f->value = &map;
    f->at = &at;
    return field_put(f);
}

static bool put_key(const struct copybin *e, struct field *f, size_t index)
{
    const struct frame_pair *pair = match_pair(&e->match, index);
    if (!pair)
        return put_stated(f);
    if (f->column->type == COLUMN_TEXT && field_put_plain(f->out, &pair->value))
        return true; /* most are */
    f->value = &pair->value;
    f->at = &pair->at;
    return field_put(f);
}

/* Columns that no key of the frame fills. */
static bool put_made(const struct copybin *e, const struct frame *frame, struct field *f)
{
    switch (f->column->source) {
    case COLUMN_FROM_REST:
        return put_rest(e, f);
    case COLUMN_FROM_CONSTANT:
        return put_stated(f);
    case COLUMN_FROM_BATCH:
        copybin_uuid(f->out, &e->batch);
        return true;
    case COLUMN_FROM_SEGMENT:
        assert(e->segment);
        copybin_text(f->out, e->segment, strlen(e->segment));
        return true;
    case COLUMN_FROM_FRAME:
        copybin_int8(f->out, (int64_t)frame->index);
        return true;
    default:
        return field_refuse(f, REJECT_OTHER, "a column of a source that doesn't exist");
    }
}

/* Most columns are of keys. */
static inline __attribute__((always_inline)) bool
put_column(const struct copybin *e, const struct frame *frame, struct field *f, size_t index)
{
    return f->column->source == COLUMN_FROM_KEY ? put_key(e, f, index) : put_made(e, frame, f);
}

/* ---- rows ---- */

static bool put_time_column(const struct copybin *e, const struct frame *frame, struct field *f,
                            struct copybin_row *row)
{
    f->window = &e->times[row->stream].window;
    bool good = put_column(e, frame, f, e->streams->streams[row->stream].time_column);
    f->window = NULL;
    row->time_us = f->time_us;
    return good;
}

static bool put_row(struct copybin *e, const struct frame *frame, struct buf *out,
                    struct copybin_row *row, struct reject *reject)
{
    const struct stream *s = &e->streams->streams[row->stream];
    struct copybin_times *times = &e->times[row->stream];
    struct field f = {.out = out,
                      .nul = e->nul,
                      .order = &e->order,
                      .numbers_nulled = &row->numbers_nulled,
                      .reject = reject};
    buf_be16(out, (uint16_t)s->column_count);
    for (size_t i = 0; i < s->column_count; i++) {
        f.column = &s->columns[i];
        if (!(i == s->time_column ? put_time_column(e, frame, &f, row)
                                  : put_column(e, frame, &f, i)))
            return false;
    }
    if (s->every == PERIOD_NONE)
        return true;
    if (row->time_us < times->period.from_us || row->time_us >= times->period.to_us)
        times->period = period_range(s->every, row->time_us);
    row->period_us = times->period.from_us;
    return true;
}

/* The frame's stream isn't there, or isn't for this gate. */
static FIELD_APART bool refuse_kind(const struct frame *frame, const struct stream *s,
                                    struct reject *reject)
{
    char text[FIELD_SHOWN];
    if (!frame->kind)
        return field_reject(reject, REJECT_KIND, "kind",
                            "the frame has no `kind`, or one that is not a string");
    if (!s)
        return field_reject(reject, REJECT_KIND, "kind", "no stream takes frames of kind \"%s\"",
                            field_show(frame->kind, frame->kind_len, text));
    return field_reject(reject, REJECT_KIND, "kind", "the gate does not take stream %s", s->name);
}

bool copybin_encode(struct copybin *e, const struct frame *frame, struct buf *rows,
                    struct copybin_row *row, struct reject *reject)
{
    *row = (struct copybin_row){.time_us = INT64_MIN};
    if (!match_stream(&e->match, frame, &row->stream)) {
        row->stream = COPYBIN_ELSEWHERE;
        if (e->elsewhere && e->elsewhere(frame))
            return false;
        row->stream = 0;
        return refuse_kind(frame, NULL, reject);
    }
    if (e->allowed && !e->allowed[row->stream])
        return refuse_kind(frame, &e->streams->streams[row->stream], reject);
    if (!match_columns(&e->match, frame, row->stream, &row->keys_ignored))
        return field_reject(reject, REJECT_TYPE, "", "not a map");
    struct buf *out = &rows[row->stream];
    size_t start = out->len;
    if (!put_row(e, frame, out, row, reject)) {
        out->len = start;
        return false;
    }
    row->len = out->len - start;
    return true;
}

bool copybin_is_elsewhere(struct copybin *e, const struct frame *frame)
{
    size_t stream;
    return e->elsewhere && !match_stream(&e->match, frame, &stream) && e->elsewhere(frame);
}

bool copybin_value(struct buf *out, const struct column *c, const void *msgpack, size_t len,
                   struct reject *reject)
{
    static const struct frame_limits limits = {.frame_bytes = UINT64_MAX,
                                               .string_bytes = UINT64_MAX,
                                               .keys = UINT64_MAX,
                                               .depth = FRAME_DEPTH_MAX};
    struct jsonb_order order = {0};
    uint32_t numbers_nulled = 0;
    struct mp_value v;
    const struct mp_cursor whole = {msgpack, (const uint8_t *)msgpack + len};
    struct mp_cursor at = whole;
    struct field f = {.out = out,
                      .column = c,
                      .value = &v,
                      .at = &whole,
                      .order = &order,
                      .numbers_nulled = &numbers_nulled,
                      .reject = reject};
    size_t start = out->len;
    if (mp_take(&at, &v, 0, &limits) != MP_OK || at.p != at.end)
        return field_refuse(&f, REJECT_OTHER, "not one msgpack value");
    if (v.type == MP_NIL) {
        buf_be32(out, UINT32_MAX);
        return true;
    }
    bool good = field_put(&f);
    jsonb_order_free(&order);
    if (!good)
        out->len = start;
    return good;
}
