/* SPDX-License-Identifier: MIT */
#include "kb/split.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "kb/split_work.h"

const char *const text_format_names[] = {"text", "markdown", "html", NULL};

size_t split_tokens(const void *text, size_t len)
{
    const uint8_t *p = text;
    struct split_estimate e = {0};
    size_t n;
    for (size_t at = 0; at < len; at += n) {
        uint32_t c = split_char(p + at, &n);
        split_estimate_add(&e, c, split_kind(c));
    }
    return e.tokens;
}

bool split_blank(const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t n;
    for (size_t at = 0; at < len; at += n)
        if (split_kind(split_char(p + at, &n)) != SPLIT_SPACE)
            return false;
    return true;
}

/* Each section ends where the next one begins. */
static void sections_end(struct split *s)
{
    if (s->section_count == 0 && !split_blank(s->text.data, s->text.len))
        *MEM_PUSH(s->sections, s->section_count, s->section_cap) =
            (struct split_section){.parent = SPLIT_NO_SECTION};
    for (size_t i = 0; i < s->section_count; i++) {
        size_t end = i + 1 < s->section_count ? s->sections[i + 1].at : s->text.len;
        s->sections[i].len = end - s->sections[i].at;
    }
}

const char *split_document(struct split *s, enum text_format format, const void *bytes, size_t len,
                           const struct split_settings *settings)
{
    assert(settings->tokens >= 16 && settings->overlap <= settings->tokens / 2);
    assert(s->text.len == 0 && s->section_count == 0 && s->chunk_count == 0);
    if (len > SPLIT_BYTES_MAX)
        return "the text is longer than 512 MiB; send it as several documents";
    if (utf8_check(bytes, len) < len)
        return "the text isn't valid UTF-8; convert it";
    if (len > 0 && memchr(bytes, '\0', len))
        return "the text has a NUL; it isn't text, or take them out";

    struct split_work w = {.s = s, .settings = settings};
    const char *problem = NULL;
    switch (format) {
    case TEXT_PLAIN:
        buf_put(&s->text, bytes, len);
        break;
    case TEXT_MARKDOWN:
        problem = split_markdown(&w, bytes, len);
        break;
    case TEXT_HTML:
        problem = split_html(&w, bytes, len);
        break;
    }
    if (!problem) {
        sections_end(s);
        problem = split_chunks(&w);
    }
    free(w.keeps);
    return problem;
}

void split_free(struct split *s)
{
    buf_free(&s->text);
    buf_free(&s->headings);
    free(s->sections);
    free(s->chunks);
    *s = (struct split){0};
}
