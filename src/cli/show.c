/* SPDX-License-Identifier: MIT */
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/screen.h"
#include "base/time.h"
#include "base/utf8.h"

const char *show_str(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

int64_t show_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

int64_t show_time(const json_t *object, const char *key)
{
    const char *text = show_str(object, key);
    int64_t us;
    return time_parse(text, strlen(text), &us) ? us : INT64_MIN;
}

const char *show_age(const json_t *object, const char *key, int64_t now_us, char text[STR_HUMAN])
{
    int64_t us = show_time(object, key);
    if (us == INT64_MIN)
        return "-";
    return str_duration(now_us > us ? now_us - us : 0, text);
}

const char *show_count(const json_t *object, const char *key, char text[STR_HUMAN])
{
    return str_count((uint64_t)show_int(object, key), text);
}

const char *show_took(const json_t *attempt, char text[STR_HUMAN])
{
    double ms = json_number_value(json_object_get(attempt, "took_ms"));
    return str_duration((int64_t)(ms * 1e3), text);
}

const char *show_status(const json_t *attempt, char text[STR_HUMAN])
{
    int64_t status = show_int(attempt, "status");
    if (status == 0)
        return "-";
    (void)snprintf(text, STR_HUMAN, "%" PRId64, status);
    return text;
}

/* The character at p, made harmless, into `to`; how many bytes it takes there and here. */
static size_t take_char(const uint8_t *p, size_t left, char to[4])
{
    size_t len = utf8_length(p, left);
    bool is_control = p[0] < 0x20 || p[0] == 0x7f || (len == 2 && p[0] == 0xc2 && p[1] < 0xa0);
    memset(to, is_control ? ' ' : '?', 4);
    if (len > 0 && !is_control)
        memcpy(to, p, len);
    return len > 0 ? len : 1;
}

const char *show_clip(const char *text, size_t most, char clipped[SHOW_CLIP])
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text);
    size_t at = 0;
    size_t column = 0;
    if (most > SHOW_CLIP_MOST)
        most = SHOW_CLIP_MOST;
    while (left > 0 && at < SHOW_CLIP - 8) { /* combining characters take no column */
        size_t bytes;
        int width = screen_character(p, left, &bytes);
        column += width < 0 ? 1 : (size_t)width;
        if (column > most)
            break;
        size_t len = take_char(p, left, clipped + at);
        at += len;
        p += len;
        left -= len;
    }
    (void)strcpy(clipped + at, left > 0 ? "..." : "");
    return clipped;
}

const char *show_cell(const char *text, size_t columns, char cell[SHOW_CELL])
{
    char clipped[SHOW_CLIP];
    size_t taken = screen_columns(show_clip(text, SHOW_CLIP_MOST, clipped));
    size_t blanks = taken < columns ? columns - taken : 0;
    (void)snprintf(cell, SHOW_CELL, "%s%*s", clipped, (int)blanks, "");
    return cell;
}

void show_put_lines(struct buf *out, const char *text, size_t len, const char *indent)
{
    const uint8_t *p = (const uint8_t *)text;
    bool is_start = true;
    for (size_t at = 0, n; at < len; at += n) {
        char c[4];
        n = take_char(p + at, len - at, c);
        if (is_start)
            buf_str(out, indent);
        is_start = p[at] == '\n';
        if (is_start)
            buf_byte(out, '\n');
        else if (p[at] != '\r')
            buf_put(out, c, n);
    }
    if (!is_start)
        buf_byte(out, '\n');
}

void show_lines(const char *text, size_t len, const char *indent)
{
    struct buf out = {0};
    show_put_lines(&out, text, len, indent);
    (void)fputs(buf_cstr(&out), stdout);
    buf_free(&out);
}

void show_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)puts(text ? text : "null");
    free(text);
}
