/* SPDX-License-Identifier: MIT */
#include "embed/jsonr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64 };

static bool fail(struct jsonr *j, const char *problem)
{
    if (!j->problem)
        j->problem = problem;
    return false;
}

char jsonr_peek(struct jsonr *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
        j->at++;
    return j->at < j->end && !j->problem ? *j->at : '\0';
}

static bool take(struct jsonr *j, char c)
{
    if (jsonr_peek(j) != c)
        return fail(j, j->at == j->end ? "it ends too early" : "it isn't JSON");
    j->at++;
    return true;
}

bool jsonr_open(struct jsonr *j, char bracket)
{
    if (jsonr_peek(j) != bracket)
        return fail(j, bracket == '{' ? "an object is wanted" : "an array is wanted");
    if (j->depth == JSONR_DEPTH)
        return fail(j, "it is nested too deeply");
    j->at++;
    j->depth++;
    j->is_first = true;
    return true;
}

/* To the next entry. False: there is none, and the bracket is behind us. */
static bool next(struct jsonr *j, char closing)
{
    bool is_first = j->is_first;
    j->is_first = false;
    if (jsonr_peek(j) == closing) {
        j->at++;
        j->depth--;
        return false;
    }
    return !j->problem && (is_first || take(j, ','));
}

bool jsonr_next_key(struct jsonr *j, struct jsonr_span *key)
{
    return next(j, '}') && jsonr_string(j, key) && take(j, ':');
}

bool jsonr_next_item(struct jsonr *j)
{
    return next(j, ']');
}

bool jsonr_string(struct jsonr *j, struct jsonr_span *text)
{
    if (!take(j, '"'))
        return false;
    text->at = j->at;
    for (; j->at < j->end && *j->at != '"'; j->at++)
        if (*j->at == '\\' && ++j->at == j->end)
            break;
    text->len = (size_t)(j->at - text->at);
    return take(j, '"');
}

/* What stands here of a number, by JSON's grammar; 0: none. */
static size_t number_length(const char *p, const char *end)
{
    const char *start = p;
    const char *digits;
    p += p < end && *p == '-';
    for (digits = p; p < end && *p >= '0' && *p <= '9';)
        p++;
    if (p == digits || (*digits == '0' && p > digits + 1))
        return 0;
    if (p < end && *p == '.') {
        for (digits = ++p; p < end && *p >= '0' && *p <= '9';)
            p++;
        if (p == digits)
            return 0;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        for (digits = p; p < end && *p >= '0' && *p <= '9';)
            p++;
        if (p == digits)
            return 0;
    }
    return (size_t)(p - start);
}

bool jsonr_number(struct jsonr *j, double *number)
{
    char text[NUMBER_MAX + 1];
    (void)jsonr_peek(j);
    if (j->problem)
        return false;
    size_t len = number_length(j->at, j->end);
    if (len == 0 || len > NUMBER_MAX)
        return fail(j, "a number is wanted");
    memcpy(text, j->at, len);
    text[len] = '\0';
    *number = strtod(text, NULL); /* no program of ours sets a locale */
    j->at += len;
    return true;
}

static bool skip_word(struct jsonr *j)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(j->end - j->at) >= len && memcmp(j->at, words[i], len) == 0) {
            j->at += len;
            return true;
        }
    }
    return fail(j, "it isn't JSON");
}

static bool skip_value(struct jsonr *j)
{
    struct jsonr_span key;
    double number;
    switch (jsonr_peek(j)) {
    case '{':
        if (!jsonr_open(j, '{'))
            return false;
        while (jsonr_next_key(j, &key) && skip_value(j))
            ;
        return !j->problem;
    case '[':
        if (!jsonr_open(j, '['))
            return false;
        while (jsonr_next_item(j) && skip_value(j))
            ;
        return !j->problem;
    case '"':
        return jsonr_string(j, &key);
    case '\0':
        return fail(j, "it ends too early");
    default:
        return *j->at == '-' || (*j->at >= '0' && *j->at <= '9') ? jsonr_number(j, &number)
                                                                 : skip_word(j);
    }
}

bool jsonr_skip(struct jsonr *j, struct jsonr_span *span)
{
    (void)jsonr_peek(j);
    const char *start = j->at;
    bool good = skip_value(j);
    if (span)
        *span = (struct jsonr_span){start, (size_t)(j->at - start)};
    return good;
}

bool jsonr_is(const struct jsonr_span *key, const char *name)
{
    return strlen(name) == key->len && memcmp(key->at, name, key->len) == 0;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Behind "\u"; false: those aren't four digits. */
static bool read_hex(const char *p, const char *end, uint32_t *c)
{
    *c = 0;
    for (int i = 0; i < 4; i++) {
        if (p + i >= end || hex(p[i]) < 0)
            return false;
        *c = *c << 4 | (uint32_t)hex(p[i]);
    }
    return true;
}

static void put_character(struct buf *out, uint32_t c)
{
    if (c == 0 || (c >= 0xd800 && c < 0xe000)) {
        buf_byte(out, '?');
    } else if (c < 0x80) {
        buf_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        buf_byte(out, (uint8_t)(0xc0 | c >> 6));
        buf_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buf_byte(out, (uint8_t)(0xe0 | c >> 12));
        buf_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buf_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

void jsonr_unescape(const struct jsonr_span *text, struct buf *out)
{
    static const char escapes[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    const char *end = text->at + text->len;
    for (const char *p = text->at; p < end; p++) {
        uint32_t c;
        if (*p != '\\' || ++p == end) {
            if (p < end)
                buf_byte(out, (uint8_t)*p);
            else
                break;
        } else if (*p == 'u' && read_hex(p + 1, end, &c)) {
            put_character(out, c);
            p += 4;
        } else {
            const char *found = *p ? strchr(escapes, *p) : NULL;
            buf_byte(out, (uint8_t)(found ? meant[found - escapes] : *p));
        }
    }
}
