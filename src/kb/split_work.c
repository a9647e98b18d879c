/* SPDX-License-Identifier: MIT */
#include "kb/split_work.h"

#include "base/mem.h"

const char split_too_many_sections[] = "more than 100000 headings; send it as several documents";

size_t split_heading_put(struct split *s, const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t begin = s->headings.len;
    bool gap = false;
    size_t n;
    for (size_t at = 0; at < len; at += n) {
        n = split_cluster(p + at, len - at);
        if (split_blank(p + at, n)) {
            gap = s->headings.len > begin;
            continue;
        }
        if (s->headings.len - begin + gap + n > SPLIT_HEADING_MAX)
            break;
        if (gap)
            buf_byte(&s->headings, ' ');
        gap = false;
        buf_put(&s->headings, p + at, n);
    }
    return s->headings.len - begin;
}

/* Has it neither letters nor digits? A rule or two, say, of which no embedder makes anything. */
static bool is_wordless(const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t n;
    for (size_t at = 0; at < len; at += n) {
        enum split_kind kind = split_kind(split_char(p + at, &n));
        if (kind != SPLIT_SPACE && kind != SPLIT_PUNCTUATION && kind != SPLIT_MARK)
            return false;
    }
    return true;
}

/* The nearest heading before it of a lower level. */
static size_t parent_of(const struct split *s, size_t before, unsigned level)
{
    size_t i = before;
    while (i != SPLIT_NO_SECTION && s->sections[i].level >= level)
        i = s->sections[i].parent;
    /* what stands before the first heading is above nothing */
    return i == SPLIT_NO_SECTION || s->sections[i].level == 0 ? SPLIT_NO_SECTION : i;
}

bool split_section_begin(struct split_work *w, size_t at, unsigned level, const void *heading,
                         size_t len)
{
    struct split *s = w->s;
    if (s->section_count == 0 && at > 0) {
        if (is_wordless(s->text.data, at))
            at = 0;
        else
            *MEM_PUSH(s->sections, s->section_count, s->section_cap) =
                (struct split_section){.parent = SPLIT_NO_SECTION};
    }
    size_t before = s->section_count > 0 ? s->section_count - 1 : SPLIT_NO_SECTION;
    size_t heading_at = s->headings.len;
    size_t heading_len = split_heading_put(s, heading, len);
    *MEM_PUSH(s->sections, s->section_count, s->section_cap) =
        (struct split_section){.at = at,
                               .heading_at = heading_at,
                               .heading_len = heading_len,
                               .level = level,
                               .parent = parent_of(s, before, level)};
    return s->section_count <= SPLIT_SECTIONS_MAX;
}

size_t split_keep_add(struct split_work *w, size_t from, size_t to)
{
    *MEM_PUSH(w->keeps, w->keep_count, w->keep_cap) = (struct split_keep){from, to};
    return w->keep_count - 1;
}
