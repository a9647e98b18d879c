/* SPDX-License-Identifier: MIT */
#include "base/jsonw.h"

#include <assert.h>
#include <inttypes.h>

#include "base/time.h"
#include "base/utf8.h"
#include "base/word.h"

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

void jsonw_seconds(struct jsonw *j, int64_t us)
{
    before_value(j);
    buf_printf(j->out, "%.6f", (double)us / 1e6);
    while (j->out->data[j->out->len - 1] == '0')
        j->out->len--;
    if (j->out->data[j->out->len - 1] == '.')
        j->out->len--;
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

static void put_escape(struct buf *out, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *at = buf_reserve(out, 6);
    at[0] = '\\';
    out->len += 2;
    switch (byte) {
    case '"':
    case '\\':
        at[1] = byte;
        break;
    case '\n':
        at[1] = 'n';
        break;
    case '\t':
        at[1] = 't';
        break;
    case '\r':
        at[1] = 'r';
        break;
    default:
        memcpy(at + 1, "u00", 3);
        at[4] = (uint8_t)hex[byte >> 4];
        at[5] = (uint8_t)hex[byte & 15];
        out->len += 4;
    }
}

static bool needs_escape(uint8_t byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* High bits, of which one at least is set where a byte needs an escape, and else none but those of
 * bytes past ASCII. With bit 1 flipped, what is below 0x20 stays there, and the quote comes next.
 */
static uint64_t escapes(uint64_t word)
{
    uint64_t low_or_quote = (word ^ WORD_ONES * 0x02) - WORD_ONES * 0x21;
    uint64_t backslash = (word ^ WORD_ONES * '\\') - WORD_ONES;
    return low_or_quote | backslash;
}

/* Text that is UTF-8, without its quotes. */
static void put_escaped(struct buf *out, const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;
    while (p < end) {
        const uint8_t *plain = p;
        for (; end - p >= 8; p += 8) {
            uint64_t word = word_load64(p);
            if (escapes(word) & ~word & WORD_HIGHS)
                break;
        }
        while (p < end && !needs_escape(*p))
            p++;
        buf_put(out, plain, (size_t)(p - plain));
        if (p < end)
            put_escape(out, *p++);
    }
}

void jsonw_quote(struct buf *out, const void *bytes, size_t len)
{
    static const uint8_t nothing[1];
    const uint8_t *p = len > 0 ? bytes : nothing; /* NULL may come with no bytes */
    buf_byte(out, '"');
    for (;;) {
        size_t good = utf8_check(p, len);
        put_escaped(out, p, good);
        if (good == len)
            break;
        buf_str(out, "\xef\xbf\xbd");
        p += good + 1;
        len -= good + 1;
    }
    buf_byte(out, '"');
}

bool jsonw_quote_plain(struct buf *out, const uint8_t *p, size_t len)
{
    uint64_t odd = 0;
    uint8_t *to = buf_reserve(out, len + 2);
    size_t quoted = len + 2;
    *to++ = '"';
    for (; len > 8; len -= 8, p += 8, to += 8) {
        uint64_t word = word_load64(p);
        odd |= escapes(word) | word;
        memcpy(to, &word, sizeof word);
    }
    if (len > 0) {
        uint64_t word = word_gather(p, len);
        odd |= escapes(word) | word;
        word_copy(to, p, len);
    }
    to[len] = '"';
    if (odd & WORD_HIGHS)
        return false;
    out->len += quoted;
    return true;
}
