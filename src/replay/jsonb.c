/* SPDX-License-Identifier: MIT */
#include "replay/jsonb.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "base/jsonw.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/word.h"
#include "replay/mptime.h"

enum { ORDER_KEPT = 64 * 1024, SORTED_BY_HAND = 16 };

static const char cut_short[] = "the value ends early"; /* can't happen: mp_skip went over it */

/* What one value's encoding carries along. */
struct writer {
    struct buf *out;
    struct jsonb_order *order;
    uint32_t *numbers_nulled;
};

/* A key and its value in the text of an object. Bytes of keys are compared as they were sent, not
 * as they are escaped. */
struct member {
    const uint8_t *key; /* NULL: a scalar's text, which is in `out`, from `start` + 1 on */
    size_t key_len;
    uint64_t key_rank; /* word_rank() of it: most comparisons end here */
    size_t start, end; /* of "key":value in out, without the comma */
};

static const char *append_value(struct writer *w, struct mp_cursor *c);

/* --- scalars -----------------------------------------------------------------------------------
 */

static void append_base64(struct buf *out, const uint8_t *bytes, uint32_t len)
{
    buf_byte(out, '"');
    /* EVP_EncodeBlock takes an int; 3 MiB a step keeps it exact and the padding at the end. */
    enum { STEP = 3 << 20 };
    while (len > 0) {
        uint32_t n = len < STEP ? len : STEP;
        uint8_t *at = buf_reserve(out, ((size_t)n + 2) / 3 * 4 + 1);
        out->len += (size_t)EVP_EncodeBlock(at, bytes, (int)n);
        bytes += n;
        len -= n;
    }
    buf_byte(out, '"');
}

static const char *append_text(struct buf *out, const struct mp_value *v)
{
    if (jsonw_quote_plain(out, v->bytes, v->len))
        return NULL;
    if (memchr(v->bytes, '\0', v->len))
        return "a NUL character, which jsonb can't hold";
    if (utf8_check(v->bytes, v->len) != v->len)
        return "text that is not UTF-8";
    jsonw_quote(out, v->bytes, v->len);
    return NULL;
}

static void append_number(struct buf *out, const struct mp_value *v)
{
    uint8_t *at = buf_reserve(out, DECIMAL_BYTES);
    uint8_t *end = v->type == MP_UINT  ? decimal_uint(at, v->u)
                   : v->type == MP_INT ? decimal_int(at, v->i)
                                       : decimal_double(at, v->f);
    out->len += (size_t)(end - at);
}

static void append_ext(struct buf *out, const struct mp_value *v)
{
    int64_t us;
    char text[TIME_TEXT];
    if (v->ext == -1 && mptime_ext(v, &us)) {
        (void)time_format(us, text);
        jsonw_quote(out, text, strlen(text));
        return;
    }
    buf_printf(out, "{\"$ext\":[%d,", v->ext);
    append_base64(out, v->bytes, v->len);
    buf_str(out, "]}");
}

/* nil, booleans and numbers; false for the other types. */
static bool append_scalar(struct writer *w, const struct mp_value *v)
{
    switch (v->type) {
    case MP_NIL:
        buf_put(w->out, "null", 4);
        return true;
    case MP_BOOL:
        buf_put(w->out, v->boolean ? "true" : "false", v->boolean ? 4 : 5);
        return true;
    case MP_UINT:
    case MP_INT:
        append_number(w->out, v);
        return true;
    case MP_FLOAT:
        if (isfinite(v->f)) {
            append_number(w->out, v);
        } else {
            buf_put(w->out, "null", 4);
            (*w->numbers_nulled)++;
        }
        return true;
    default:
        return false;
    }
}

/* --- objects -----------------------------------------------------------------------------------
 */

static const uint8_t *key_bytes(const struct member *m, const struct buf *out)
{
    return m->key ? m->key : out->data + m->start + 1;
}

/* jsonb's own order (lengthCompareJsonbPair in the server's jsonb_util.c). */
static int compare_keys(const struct member *a, const struct member *b, const struct buf *out)
{
    if (a->key_len != b->key_len)
        return a->key_len < b->key_len ? -1 : 1;
    if (a->key_rank != b->key_rank)
        return a->key_rank < b->key_rank ? -1 : 1;
    return a->key_len <= 8 ? 0 : memcmp(key_bytes(a, out), key_bytes(b, out), a->key_len);
}

/* Equal keys by their places, so that the last comes last. */
static int compare_members(const void *a, const void *b, void *out)
{
    const struct member *m = *(const struct member *const *)a;
    const struct member *n = *(const struct member *const *)b;
    int order = compare_keys(m, n, out);
    return order != 0 ? order : (m->start > n->start) - (m->start < n->start);
}

/* In order, in w->order->sorted. Pointers move, not members. */
static const struct member **sort_members(struct writer *w, const struct member *members,
                                          size_t count)
{
    buf_clear(&w->order->sorted);
    const struct member **sorted =
        (void *)buf_reserve(&w->order->sorted, count * sizeof(const void *));
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; count <= SORTED_BY_HAND && at > 0; at--) {
            if (compare_keys(sorted[at - 1], &members[i], w->out) <= 0)
                break;
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = &members[i];
    }
    if (count > SORTED_BY_HAND)
        qsort_r(sorted, count, sizeof(const void *), compare_members, w->out);
    return sorted;
}

/* Writes the object that begins at out->data[start] anew: members in order, the last of equal keys
 * alone. */
static void rewrite(struct writer *w, const struct member *members, size_t count, size_t start)
{
    const struct member **sorted = sort_members(w, members, count);
    struct buf *text = &w->order->text;
    struct buf *out = w->out;
    buf_clear(text);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && compare_keys(sorted[i], sorted[i + 1], out) == 0)
            continue;
        buf_byte(text, text->len > 0 ? ',' : '{');
        buf_put(text, out->data + sorted[i]->start, sorted[i]->end - sorted[i]->start);
    }
    out->len = start;
    buf_put(out, text->data, text->len);
}

static const char *append_key(struct writer *w, struct mp_cursor *c, struct member *m)
{
    struct mp_value v = {.type = MP_NIL};
    m->start = w->out->len;
    if (mp_read(c, &v) != MP_OK)
        return cut_short;
    if (v.type == MP_STR) {
        m->key = v.bytes;
        m->key_len = v.len;
        return append_text(w->out, &v);
    }
    buf_byte(w->out, '"');
    bool is_scalar = append_scalar(w, &v);
    m->key = NULL;
    m->key_len = w->out->len - m->start - 1;
    buf_byte(w->out, '"');
    return is_scalar ? NULL : "a map key that is not a scalar";
}

/* Notes the member, and whether it stands behind the one before it. Built where it stays: copying
 * it there would wait for its parts to be stored. */
static bool push_member(struct writer *w, const struct member *m, bool is_first)
{
    struct buf *members = &w->order->members;
    struct member *kept = (void *)buf_reserve(members, sizeof *kept);
    kept->key = m->key;
    kept->key_len = m->key_len;
    kept->start = m->start;
    kept->end = w->out->len;
    kept->key_rank = word_rank(key_bytes(kept, w->out), kept->key_len);
    members->len += sizeof *kept;
    return is_first || compare_keys(kept - 1, kept, w->out) < 0;
}

/* All members in the order in which they came, whatever becomes of them: what is wrong with one is
 * the value's problem though a later one may take its place. */
static const char *append_members(struct writer *w, struct mp_cursor *c, uint32_t count,
                                  bool *is_ordered)
{
    *is_ordered = true;
    for (uint32_t i = 0; i < count; i++) {
        struct member m;
        buf_byte(w->out, i > 0 ? ',' : '{');
        const char *problem = append_key(w, c, &m);
        if (problem)
            return problem;
        buf_byte(w->out, ':');
        problem = append_value(w, c);
        if (problem)
            return problem;
        if (w->order && !push_member(w, &m, i == 0))
            *is_ordered = false;
    }
    return NULL;
}

static const char *append_object(struct writer *w, struct mp_cursor *c, uint32_t count)
{
    size_t start = w->out->len;
    size_t outer = w->order ? w->order->members.len : 0;
    bool is_ordered;
    if (count == 0) {
        buf_put(w->out, "{}", 2);
        return NULL;
    }
    const char *problem = append_members(w, c, count, &is_ordered);
    if (problem)
        return problem;
    if (w->order) {
        if (!is_ordered)
            rewrite(w, (void *)(w->order->members.data + outer), count, start);
        w->order->members.len = outer;
    }
    buf_byte(w->out, '}');
    return NULL;
}

/* --- values ------------------------------------------------------------------------------------
 */

static const char *append_array(struct writer *w, struct mp_cursor *c, uint32_t count)
{
    buf_byte(w->out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(w->out, ',');
        const char *problem = append_value(w, c);
        if (problem)
            return problem;
    }
    buf_byte(w->out, ']');
    return NULL;
}

static const char *append_value(struct writer *w, struct mp_cursor *c)
{
    struct mp_value v = {.type = MP_NIL};
    if (mp_read(c, &v) != MP_OK)
        return cut_short;
    switch (v.type) {
    case MP_STR:
        return append_text(w->out, &v);
    case MP_BIN:
        buf_str(w->out, "{\"$bin\":");
        append_base64(w->out, v.bytes, v.len);
        buf_byte(w->out, '}');
        return NULL;
    case MP_EXT:
        append_ext(w->out, &v);
        return NULL;
    case MP_ARRAY:
        return append_array(w, c, v.len);
    case MP_MAP:
        return append_object(w, c, v.len);
    default:
        (void)append_scalar(w, &v);
        return NULL;
    }
}

static void shrink(struct buf *b)
{
    buf_clear(b);
    if (b->cap > ORDER_KEPT)
        buf_free(b);
}

const char *jsonb_append(struct buf *out, struct mp_cursor *c, struct jsonb_order *order,
                         uint32_t *numbers_nulled)
{
    struct writer w = {out, order, numbers_nulled};
    const char *problem = append_value(&w, c);
    if (order) {
        shrink(&order->members);
        shrink(&order->sorted);
        shrink(&order->text);
    }
    return problem;
}

void jsonb_order_free(struct jsonb_order *order)
{
    buf_free(&order->members);
    buf_free(&order->sorted);
    buf_free(&order->text);
}
