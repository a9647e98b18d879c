/* SPDX-License-Identifier: MIT */
/*
 * split_work: what the files of split share while a text is being split. Not for others.
 *
 *     problem = split_markdown(&w, bytes, len);      // fills s.text, sections, keeps
 *     problem = split_chunks(&w);                    // and then the chunks
 *
 * Sections are added in the order of the text, each with its heading. Keeps are ranges that are not
 * cut where they fit into a chunk, in the order of their beginnings. All texts are valid UTF-8.
 */
#ifndef SPOOLGATE_KB_SPLIT_WORK_H
#define SPOOLGATE_KB_SPLIT_WORK_H

#include "kb/split.h"
#include "kb/split_char.h"

struct split_keep {
    size_t from, to;
};

struct split_work {
    struct split *s;
    const struct split_settings *settings;
    struct split_keep *keeps;
    size_t keep_count, keep_cap;
};

/* A section begins at s.text's byte `at`. The heading's text is kept with its white space made
 * single. False: there are too many. */
bool split_section_begin(struct split_work *w, size_t at, unsigned level, const void *heading,
                         size_t len);
/* Appends to s.headings, as short and plain as a heading is; returns the length. */
size_t split_heading_put(struct split *s, const void *text, size_t len);
size_t split_keep_add(struct split_work *w, size_t from, size_t to); /* its place in keeps */

const char *split_markdown(struct split_work *w, const uint8_t *bytes, size_t len);
const char *split_html(struct split_work *w, const uint8_t *bytes, size_t len);
/* HTML with nothing left in it but text and the tags that shape it, without attributes, nested 500
 * deep at the most; see split_tags.c. */
const char *split_tags(struct buf *out, const uint8_t *bytes, size_t len);
const char *split_chunks(struct split_work *w);

extern const char split_too_many_sections[];

/* Tokens as they add up, character by character. */
struct split_estimate {
    size_t tokens;
    size_t run; /* characters of the kind (of punctuation: the same one), the last ones */
    uint32_t last;
    enum split_kind kind;
};

static inline void split_estimate_add(struct split_estimate *e, uint32_t c, enum split_kind kind)
{
    /* how many of a kind make a token, in a run */
    static const uint8_t per[] = {
        [SPLIT_SPACE] = 0,       [SPLIT_LETTER] = 4,    [SPLIT_DIGIT] = 3,
        [SPLIT_PUNCTUATION] = 4, [SPLIT_IDEOGRAPH] = 1, [SPLIT_SYLLABLE] = 1,
        [SPLIT_EMOJI] = 1,       [SPLIT_MARK] = 2,      [SPLIT_OTHER] = 2,
    };
    if (kind != e->kind || (kind == SPLIT_PUNCTUATION && c != e->last)) {
        e->kind = kind;
        e->last = c;
        e->run = 0;
    }
    if (kind != SPLIT_SPACE && e->run++ % per[kind] == 0)
        e->tokens += kind == SPLIT_EMOJI ? 2 : 1;
}

#endif
