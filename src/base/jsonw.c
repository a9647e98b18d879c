/* SPDX-License-Identifier: MIT */
#include "base/jsonw.h"

#include <assert.h>
#include <inttypes.h>

#include "base/time.h"
#include "base/utf8.h"

static void before_value(struct jsonw *j)
{
    if (j->needs_comma)
        buf_byte(j->out, ',');
    j->needs_comma = true;
}

static void open_level(struct jsonw *j, bool is_array)
{
    before_value(j);
    assert(j->depth < 63);
    j->depth++;
    j->is_array = (j->is_array & ~(UINT64_C(1) << j->depth)) | (uint64_t)is_array << j->depth;
    buf_byte(j->out, is_array ? '[' : '{');
    j->needs_comma = false;
}

void jsonw_object(struct jsonw *j)
{
    open_level(j, false);
}

void jsonw_array(struct jsonw *j)
{
    open_level(j, true);
}

void jsonw_end(struct jsonw *j)
{
    assert(j->depth > 0);
    buf_byte(j->out, j->is_array >> j->depth & 1 ? ']' : '}');
    j->depth--;
    j->needs_comma = true;
}

void jsonw_key(struct jsonw *j, const char *key)
{
    before_value(j);
    jsonw_quote(j->out, key, strlen(key));
    buf_byte(j->out, ':');
    j->needs_comma = false;
}

void jsonw_str(struct jsonw *j, const char *s)
{
    if (s)
        jsonw_strn(j, s, strlen(s));
    else
        jsonw_null(j);
}

void jsonw_strn(struct jsonw *j, const void *bytes, size_t len)
{
    before_value(j);
    jsonw_quote(j->out, bytes, len);
}

void jsonw_int(struct jsonw *j, int64_t v)
{
    before_value(j);
    buf_printf(j->out, "%" PRId64, v);
}

void jsonw_bool(struct jsonw *j, bool v)
{
    before_value(j);
    buf_str(j->out, v ? "true" : "false");
}

void jsonw_null(struct jsonw *j)
{
    before_value(j);
    buf_str(j->out, "null");
}

void jsonw_time(struct jsonw *j, int64_t us)
{
    char text[TIME_TEXT];
    jsonw_str(j, us == INT64_MIN ? NULL : time_format(us, text));
}

void jsonw_raw(struct jsonw *j, const char *text)
{
    before_value(j);
    buf_str(j->out, text ? text : "null");
}

void jsonw_quote(struct buf *out, const void *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    static const uint8_t nothing[1];
    const uint8_t *p = len > 0 ? bytes : nothing; /* NULL may come with no bytes */
    const uint8_t *end = p + len;
    buf_byte(out, '"');
    while (p < end) {
        const uint8_t *plain = p;
        while (p < end && *p >= 0x20 && *p != '"' && *p != '\\' && *p < 0x80)
            p++;
        buf_put(out, plain, (size_t)(p - plain));
        if (p == end)
            break;
        if (*p >= 0x80) {
            size_t n = utf8_length(p, (size_t)(end - p));
            if (n > 0)
                buf_put(out, p, n);
            else
                buf_str(out, "\xef\xbf\xbd");
            p += n > 0 ? n : 1;
            continue;
        }
        buf_byte(out, '\\');
        switch (*p) {
        case '"':
        case '\\':
            buf_byte(out, *p);
            break;
        case '\n':
            buf_byte(out, 'n');
            break;
        case '\t':
            buf_byte(out, 't');
            break;
        case '\r':
            buf_byte(out, 'r');
            break;
        default:
            buf_str(out, "u00");
            buf_byte(out, (uint8_t)hex[*p >> 4]);
            buf_byte(out, (uint8_t)hex[*p & 15]);
        }
        p++;
    }
    buf_byte(out, '"');
}
