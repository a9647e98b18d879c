/* SPDX-License-Identifier: MIT */
#include "replay/jsonb.h"

#include <inttypes.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonw.h"
#include "base/time.h"
#include "base/utf8.h"
#include "replay/mptime.h"

static const char cut_short[] = "the value ends early"; /* can't happen: mp_skip went over it */

/* The fewest digits that read back as the same double; 17 always do. */
static void append_double(struct buf *out, double v)
{
    char text[40];
    int digits = 15;
    do {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
    } while (digits++ < 17 && strtod(text, NULL) != v);
    buf_str(out, text);
}

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
    if (memchr(v->bytes, '\0', v->len))
        return "a NUL character, which jsonb can't hold";
    if (utf8_check(v->bytes, v->len) != v->len)
        return "text that is not UTF-8";
    jsonw_quote(out, v->bytes, v->len);
    return NULL;
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
static bool append_scalar(struct buf *out, const struct mp_value *v, uint32_t *numbers_nulled)
{
    switch (v->type) {
    case MP_NIL:
        buf_str(out, "null");
        return true;
    case MP_BOOL:
        buf_str(out, v->boolean ? "true" : "false");
        return true;
    case MP_UINT:
        buf_printf(out, "%" PRIu64, v->u);
        return true;
    case MP_INT:
        buf_printf(out, "%" PRId64, v->i);
        return true;
    case MP_FLOAT:
        if (isfinite(v->f)) {
            append_double(out, v->f);
        } else {
            buf_str(out, "null");
            (*numbers_nulled)++;
        }
        return true;
    default:
        return false;
    }
}

static const char *append_key(struct buf *out, struct mp_cursor *c, uint32_t *numbers_nulled)
{
    struct mp_value v;
    if (mp_read(c, &v) != MP_OK)
        return cut_short;
    if (v.type == MP_STR)
        return append_text(out, &v);
    buf_byte(out, '"');
    bool is_scalar = append_scalar(out, &v, numbers_nulled);
    buf_byte(out, '"');
    return is_scalar ? NULL : "a map key that is not a scalar";
}

static const char *append_elements(struct buf *out, struct mp_cursor *c, const struct mp_value *v,
                                   uint32_t *numbers_nulled)
{
    bool is_map = v->type == MP_MAP;
    buf_byte(out, is_map ? '{' : '[');
    for (uint32_t i = 0; i < v->len; i++) {
        const char *problem = NULL;
        if (i > 0)
            buf_byte(out, ',');
        if (is_map) {
            problem = append_key(out, c, numbers_nulled);
            buf_byte(out, ':');
        }
        if (!problem)
            problem = jsonb_append(out, c, numbers_nulled);
        if (problem)
            return problem;
    }
    buf_byte(out, is_map ? '}' : ']');
    return NULL;
}

const char *jsonb_append(struct buf *out, struct mp_cursor *c, uint32_t *numbers_nulled)
{
    struct mp_value v;
    if (mp_read(c, &v) != MP_OK)
        return cut_short;
    switch (v.type) {
    case MP_STR:
        return append_text(out, &v);
    case MP_BIN:
        buf_str(out, "{\"$bin\":");
        append_base64(out, v.bytes, v.len);
        buf_byte(out, '}');
        return NULL;
    case MP_EXT:
        append_ext(out, &v);
        return NULL;
    case MP_ARRAY:
    case MP_MAP:
        return append_elements(out, c, &v, numbers_nulled);
    default:
        (void)append_scalar(out, &v, numbers_nulled);
        return NULL;
    }
}
