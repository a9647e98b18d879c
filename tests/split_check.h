/* SPDX-License-Identifier: MIT */
/*
 * split_check: what must hold of every text that was split, found out the slow and plain way; for
 * the unit tests and the fuzz target.
 *
 *     const char *broken = split_check(&s, format, bytes, len, &settings);    // NULL: all holds
 */
#ifndef SPOOLGATE_TESTS_SPLIT_CHECK_H
#define SPOOLGATE_TESTS_SPLIT_CHECK_H

#include <string.h>

#include "base/utf8.h"
#include "kb/split.h"
#include "kb/split_char.h"

static inline bool check_is_any(uint32_t c, const uint32_t (*ranges)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

static inline bool check_is_space(uint32_t c)
{
    static const uint32_t spaces[][2] = {{0x09, 0x0d},     {0x20, 0x20},     {0x85, 0x85},
                                         {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200b},
                                         {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
                                         {0x3000, 0x3000}, {0xfeff, 0xfeff}};
    return check_is_any(c, spaces, sizeof spaces / sizeof *spaces);
}

/* Some that join the character before them. */
static inline bool check_joins(uint32_t c)
{
    static const uint32_t joining[][2] = {{0x300, 0x36f},     {0x591, 0x5bd},    {0x64b, 0x65f},
                                          {0x93e, 0x94d},     {0xe34, 0xe3a},    {0x200c, 0x200d},
                                          {0x20d0, 0x20f0},   {0x3099, 0x309a},  {0xfe00, 0xfe0f},
                                          {0xfe20, 0xfe2f},   {0xff9e, 0xff9f},  {0x1f3fb, 0x1f3ff},
                                          {0xe0020, 0xe007f}, {0xe0100, 0xe01ef}};
    return c != 0x93d && check_is_any(c, joining, sizeof joining / sizeof *joining);
}

/* May one piece end and another begin here? */
static inline bool check_is_border(const struct buf *text, size_t at)
{
    if (at == 0 || at >= text->len)
        return at <= text->len;
    if ((text->data[at] & 0xc0) == 0x80)
        return false;
    if (text->data[at - 1] == '\r' && text->data[at] == '\n')
        return false;
    size_t n;
    size_t before = at - 1;
    while ((text->data[before] & 0xc0) == 0x80)
        before--;
    uint32_t last = split_char(text->data + before, &n);
    bool is_control =
        last < 0x20 || (last >= 0x7f && last < 0xa0) || last == 0x2028 || last == 0x2029;
    return is_control || !check_joins(split_char(text->data + at, &n));
}

static inline bool check_is_blank(const uint8_t *p, size_t len)
{
    size_t n;
    for (size_t at = 0; at < len; at += n)
        if (!check_is_space(split_char(p + at, &n)))
            return false;
    return true;
}

/* Is it one character, but for white space around it? */
static inline bool check_is_single(const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (len > 0 && check_is_blank(p, n = split_cluster(p, len))) {
        p += n;
        len -= n;
    }
    n = len > 0 ? split_cluster(p, len) : 0;
    return check_is_blank(p + n, len - n);
}

static inline size_t check_chars(const uint8_t *p, size_t len)
{
    size_t n;
    size_t chars = 0;
    for (size_t at = 0; at < len; at += n, chars++)
        (void)split_char(p + at, &n);
    return chars;
}

static inline size_t check_line_ends(const uint8_t *p, size_t len)
{
    size_t ends = 0;
    for (size_t i = 0; i < len; i++)
        ends += p[i] == '\r' || (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'));
    return ends;
}

static inline const char *check_sections(const struct split *s)
{
    size_t at = 0;
    if ((s->section_count == 0) != check_is_blank(s->text.data, s->text.len))
        return "there are sections if there is text";
    for (size_t i = 0; i < s->section_count; i++) {
        const struct split_section *of = &s->sections[i];
        if (of->at != at || of->len == 0 || check_is_blank(s->text.data + at, of->len))
            return "a section begins where the one before ends, and has text";
        at += of->len;
        if (!check_is_border(&s->text, at))
            return "a section ends where a character does";
        if (of->level > 6 || (of->level == 0 && (i > 0 || of->heading_len > 0)))
            return "all sections but the first have a heading";
        if (of->heading_at + of->heading_len > s->headings.len ||
            of->heading_len > SPLIT_HEADING_MAX)
            return "a heading is one of the headings";
        size_t parent = SPLIT_NO_SECTION;
        for (size_t k = 0; k < i; k++)
            if (s->sections[k].level > 0 && s->sections[k].level < of->level)
                parent = k;
        if (of->parent != parent)
            return "the parent is the last heading of a lower level";
    }
    if (s->section_count > 0 && at != s->text.len)
        return "the sections are all of the text";
    if (s->title_at + s->title_len > s->headings.len ||
        utf8_check(s->headings.data, s->headings.len) < s->headings.len)
        return "headings are UTF-8";
    return NULL;
}

static inline const char *check_place(const struct split *s, const struct split_chunk *c)
{
    const uint8_t *text = s->text.data;
    size_t lines = check_line_ends(text + c->at, c->len);
    uint8_t last = text[c->at + c->len - 1];
    if (c->char_at != check_chars(text, c->at) || c->chars != check_chars(text + c->at, c->len) ||
        c->overlap_chars != check_chars(text + c->at, c->overlap))
        return "characters are counted right";
    if (c->line != check_line_ends(text, c->at) + 1 ||
        c->lines != lines + (last != '\n' && last != '\r'))
        return "lines are counted right";
    size_t page = 1;
    for (size_t i = 0; i < c->at; i++)
        page += text[i] == '\f';
    if (c->page != (memchr(text, '\f', s->text.len) ? page : 0))
        return "pages are counted right";
    return NULL;
}

static inline const char *check_chunk(const struct split *s, size_t i,
                                      const struct split_settings *settings)
{
    const struct split_chunk *c = &s->chunks[i];
    const struct split_chunk *before = i > 0 ? c - 1 : NULL;
    const uint8_t *fresh = s->text.data + c->at + c->overlap;
    size_t len = c->len - c->overlap;
    if (check_is_blank(fresh, len))
        return "a chunk has text of its own";
    if (!check_is_border(&s->text, c->at) || !check_is_border(&s->text, c->at + c->overlap) ||
        !check_is_border(&s->text, c->at + c->len))
        return "a chunk begins and ends between characters";
    if (c->overlap > 0 && (!before || before->section != c->section || c->at < before->at))
        return "the overlap is of the chunk before, in the same section";
    if (split_tokens(s->text.data + c->at, c->overlap) > settings->overlap)
        return "the overlap isn't longer than the settings say";
    if (c->overlap > 0 && s->text.data[c->at - 1] < 0x80 && s->text.data[c->at] < 0x80 &&
        !check_is_space(s->text.data[c->at - 1]))
        return "the overlap begins with a word";
    if (c->tokens != split_tokens(s->text.data + c->at, c->len))
        return "tokens are counted right";
    if (c->tokens > settings->tokens && (c->overlap > 0 || !check_is_single(fresh, len)))
        return "a chunk isn't longer than the settings say";
    return check_place(s, c);
}

static inline const char *split_check(const struct split *s, enum text_format format,
                                      const uint8_t *bytes, size_t len,
                                      const struct split_settings *settings)
{
    const char *broken = check_sections(s);
    if (format != TEXT_HTML &&
        (s->text.len != len || (len > 0 && memcmp(s->text.data, bytes, len) != 0)))
        broken = "the text is what was given";
    if (utf8_check(s->text.data, s->text.len) < s->text.len ||
        (s->text.len > 0 && memchr(s->text.data, '\0', s->text.len)))
        broken = "the text is UTF-8 without NUL";
    size_t section = 0;
    size_t at = 0;
    for (size_t i = 0; !broken && i < s->chunk_count; i++) {
        const struct split_chunk *c = &s->chunks[i];
        const struct split_section *of = &s->sections[section];
        if (at == of->at + of->len)
            of = &s->sections[++section];
        if (c->section != section || c->at + c->overlap != at ||
            c->at + c->len > of->at + of->len || c->at < of->at)
            return "the chunks of a section, without overlap, are the section";
        at = c->at + c->len;
        broken = check_chunk(s, i, settings);
    }
    if (!broken && s->section_count > 0 && (section + 1 != s->section_count || at != s->text.len))
        broken = "every section has its chunks";
    return broken;
}

static inline bool check_same_bytes(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Was it split the same way? */
static inline bool split_same(const struct split *a, const struct split *b)
{
    if (!check_same_bytes(&a->text, &b->text) || !check_same_bytes(&a->headings, &b->headings) ||
        a->section_count != b->section_count || a->chunk_count != b->chunk_count ||
        a->title_at != b->title_at || a->title_len != b->title_len)
        return false;
    for (size_t i = 0; i < a->section_count; i++) {
        const struct split_section *x = &a->sections[i];
        const struct split_section *y = &b->sections[i];
        if (x->at != y->at || x->len != y->len || x->heading_at != y->heading_at ||
            x->heading_len != y->heading_len || x->level != y->level || x->parent != y->parent)
            return false;
    }
    return a->chunk_count == 0 ||
           memcmp(a->chunks, b->chunks, a->chunk_count * sizeof *a->chunks) == 0;
}

#endif
