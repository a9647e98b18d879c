/* SPDX-License-Identifier: MIT */
/*
 * Markdown. cmark says where its blocks are, by lines; sections and blocks that are kept are slices
 * of the source.
 *
 * cmark's tree takes up to 200 bytes for each byte of the text, and some texts take it time that
 * grows with their square. So it gets the text in slices that end where a block of the top level
 * begins, and of each line a likeness that has the same blocks, but no inlines: what would begin
 * one is an x. A heading's own text is then read by itself.
 */
#include <cmark.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kb/split_work.h"

enum {
    SLICE = 256 * 1024,
    MARKERS = 128,  /* bytes of a line in which markers open blocks */
    HEADING = 4096, /* bytes of a heading that are read for its text */
};

struct slice {
    const uint8_t *bytes;
    size_t len;      /* of the document */
    size_t at, end;  /* the part that this slice is */
    struct buf like; /* what cmark sees of it */
    size_t *lines;   /* where the lines of `like` begin in the document */
    size_t line_count, line_cap;
};

/* ---- the likeness ---- */

/* Bytes up to the line's end, and in *next where the next line begins. */
static size_t line_end(const uint8_t *bytes, size_t at, size_t len, size_t *next)
{
    while (at < len && bytes[at] != '\n' && bytes[at] != '\r')
        at++;
    *next = at + (at < len) + (at + 1 < len && bytes[at] == '\r' && bytes[at + 1] == '\n');
    return at;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* What the prefix of a line is made of: quotes, bullets, numbers, rules. */
static bool is_marker(uint8_t c)
{
    switch (c) {
    case ' ':
    case '\t':
    case '>':
    case '-':
    case '+':
    case '*':
    case '_':
    case '.':
    case ')':
        return true;
    default:
        return c >= '0' && c <= '9';
    }
}

static bool is_inline(uint8_t c)
{
    switch (c) {
    case '`':
    case '\\':
    case '&':
    case '_':
    case '*':
    case '[':
    case ']':
    case '<':
    case '!':
        return true;
    default:
        return c >= 0x80;
    }
}

/* A fence of backticks has none behind it: the bytes of the fence, 0 where it isn't one. */
static size_t fence_length(const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (n < len && p[n] == '`')
        n++;
    return n >= 3 && !memchr(p + n, '`', len - n) ? n : 0;
}

/* Does the byte at i belong to what ends an HTML block: </, ]]>? */
static bool ends_html(const uint8_t *p, size_t len, size_t i)
{
    if (p[i] == '<')
        return i + 1 < len && p[i + 1] == '/';
    if (p[i] != ']')
        return false;
    return (i + 2 < len && memcmp(p + i, "]]>", 3) == 0) ||
           (i > 0 && i + 1 < len && memcmp(p + i - 1, "]]>", 3) == 0);
}

/* The text of a line behind its markers. An HTML block is known by how its first line begins, and
 * ends at one of </script>, -->, ?>, > and ]]>. */
static void like_text(struct buf *like, const uint8_t *p, size_t len)
{
    size_t plain = fence_length(p, len); /* bytes at the front that stay */
    if (len == 0)
        return;
    if (*p == '<')
        plain = len < 9 ? len : 9; /* <![CDATA[ */
    while (plain < len && (p[plain] & 0xc0) == 0x80)
        plain--; /* half a character: cmark would look for no end in such a line */
    uint8_t *out = buf_reserve(like, len + 1);
    for (size_t i = 0; i < len; i++)
        out[i] = i >= plain && is_inline(p[i]) && !ends_html(p, len, i) ? 'x' : p[i];
    like->len += len;
}

static void like_line(struct buf *like, const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (n < len && n < MARKERS && is_marker(p[n]))
        n++;
    buf_put(like, p, n);
    /* further ones would nest too deep; a rule stays one */
    for (; n < len && is_marker(p[n]) && n >= MARKERS; n++)
        buf_byte(like, ' ');
    like_text(like, p + n, len - n);
    buf_byte(like, '\n');
}

/* Of blank lines one behind the other only the first: cmark looks at each block that is open for
 * every one of them. */
static void slice_draw(struct slice *s, size_t bytes)
{
    bool was_blank = false;
    size_t next;
    buf_clear(&s->like);
    s->line_count = 0;
    for (s->end = s->at; s->end < s->len && s->end - s->at < bytes; s->end = next) {
        size_t from = s->end;
        size_t end = line_end(s->bytes, from, s->len, &next);
        if (from == 0 && end >= 3 && memcmp(s->bytes, "\xef\xbb\xbf", 3) == 0)
            from = 3;
        size_t text = from;
        while (text < end && is_blank(s->bytes[text]))
            text++;
        if (text == end && was_blank)
            continue;
        was_blank = text == end;
        *MEM_PUSH(s->lines, s->line_count, s->line_cap) = s->end;
        like_line(&s->like, s->bytes + from, end - from);
    }
}

/* ---- front matter ---- */

/* Is the line a fence of front matter, of `sign` three times and nothing else? */
static bool is_fence(const uint8_t *p, size_t len, uint8_t sign)
{
    while (len > 0 && is_blank(p[len - 1]))
        len--;
    return len == 3 && p[0] == sign && p[1] == sign && p[2] == sign;
}

/* title: of YAML, title = of TOML, "a title": of either */
static bool is_key(const uint8_t *p, size_t len, uint8_t ends)
{
    size_t n = 0;
    while (n < len && p[n] != ends && p[n] != '#' && p[n] != '<')
        n++;
    return n > 0 && n < len && !is_blank(*p) && (ends == '=' || n + 1 == len || is_blank(p[n + 1]));
}

/* Where the Markdown begins: behind the lines between --- (or, of TOML, +++) that tools put in
 * front of it, whose last rule would make a heading of them. The first of the lines must look like
 * a key, or the --- is a rule. */
static size_t front_matter_end(const uint8_t *bytes, size_t len)
{
    size_t next = 0;
    size_t at = len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    size_t end = line_end(bytes, at, len, &next);
    uint8_t sign = at < len ? bytes[at] : 0;
    if ((sign != '-' && sign != '+') || !is_fence(bytes + at, end - at, sign))
        return 0;
    at = next;
    end = line_end(bytes, at, len, &next);
    if (!is_key(bytes + at, end - at, sign == '-' ? ':' : '='))
        return 0;
    for (at = next; at < len; at = next) {
        end = line_end(bytes, at, len, &next);
        if (is_fence(bytes + at, end - at, sign) ||
            (sign == '-' && is_fence(bytes + at, end - at, '.')))
            return next;
    }
    return 0;
}

/* ---- what the tree says ---- */

/* Where the block's line begins in the document; of the line behind the last one the slice's end.
 */
static size_t line_at(const struct slice *s, int line)
{
    size_t i = line > 0 ? (size_t)line - 1 : 0;
    return i < s->line_count ? s->lines[i] : s->end;
}

static size_t block_from(const struct slice *s, cmark_node *node)
{
    return line_at(s, cmark_node_get_start_line(node));
}

static size_t block_to(const struct slice *s, cmark_node *node)
{
    return line_at(s, cmark_node_get_end_line(node) + 1);
}

/* A heading's text as a reader sees it. To cmark, one that is underlined ends a line late: what
 * counts is the first block. */
static void heading_text(struct buf *out, const uint8_t *p, size_t len)
{
    if (len > HEADING)
        for (len = HEADING; (p[len] & 0xc0) == 0x80;)
            len--;
    cmark_node *tree = cmark_parse_document((const char *)p, len, CMARK_OPT_DEFAULT);
    cmark_node *block = cmark_node_first_child(tree);
    cmark_iter *iter = cmark_iter_new(block ? block : tree);
    cmark_event_type event;
    while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iter);
        cmark_node_type type = cmark_node_get_type(node);
        if (event != CMARK_EVENT_ENTER)
            continue;
        if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE)
            buf_str(out, cmark_node_get_literal(node));
        else if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK)
            buf_byte(out, ' ');
    }
    cmark_iter_free(iter);
    cmark_node_free(tree);
}

static bool heading_begin(struct split_work *w, const struct slice *s, cmark_node *node)
{
    size_t from = block_from(s, node);
    unsigned level = (unsigned)cmark_node_get_heading_level(node);
    struct buf text = {0};
    heading_text(&text, s->bytes + from, block_to(s, node) - from);
    bool good = split_section_begin(w, from, level, text.data, text.len);
    if (level == 1 && w->s->title_len == 0) {
        const struct split_section *last = &w->s->sections[w->s->section_count - 1];
        w->s->title_at = last->heading_at;
        w->s->title_len = last->heading_len;
    }
    buf_free(&text);
    return good;
}

/* |---|:-:| */
static bool is_rule(const uint8_t *p, size_t len)
{
    size_t dashes = 0;
    size_t pipes = 0;
    for (size_t i = 0; i < len; i++) {
        dashes += p[i] == '-';
        pipes += p[i] == '|';
        /* a table in a quote */
        bool leads = p[i] == '>' && dashes + pipes == 0;
        if (!leads && !is_blank(p[i]) && p[i] != '-' && p[i] != '|' && p[i] != ':')
            return false;
    }
    return dashes > 0 && pipes > 0;
}

/* To cmark a table is a part of a paragraph: from the line above its rule to the end. */
static void table_keep(struct split_work *w, const struct slice *s, cmark_node *node)
{
    size_t to = block_to(s, node);
    size_t above = to;
    size_t next;
    for (size_t at = block_from(s, node); at < to; above = at, at = next) {
        size_t end = line_end(s->bytes, at, to, &next);
        if (above < at && is_rule(s->bytes + at, end - at) &&
            memchr(s->bytes + above, '|', at - above)) {
            (void)split_keep_add(w, above, to);
            return;
        }
    }
}

/* The blocks below one of the top level that are kept. */
static void block_keep(struct split_work *w, const struct slice *s, cmark_node *top)
{
    cmark_iter *iter = cmark_iter_new(top);
    cmark_event_type event;
    while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iter);
        cmark_node_type type = cmark_node_get_type(node);
        if (event != CMARK_EVENT_ENTER || block_from(s, node) >= s->end)
            continue;
        if (type == CMARK_NODE_CODE_BLOCK)
            (void)split_keep_add(w, block_from(s, node), block_to(s, node));
        if (type == CMARK_NODE_PARAGRAPH) {
            table_keep(w, s, node);
            cmark_iter_reset(iter, node, CMARK_EVENT_EXIT);
        }
    }
    cmark_iter_free(iter);
}

/* Of the last block of the top level no one knows yet where it ends: the slice ends before it, or
 * before the last item of a list. Where that block is all of the slice, the next slice is larger
 * for code and HTML, which are cheap; others are cut. */
static void slice_cut(struct slice *s, cmark_node *tree, size_t *bytes)
{
    cmark_node *last = cmark_node_last_child(tree);
    if (s->end == s->len || !last)
        return;
    cmark_node_type type = cmark_node_get_type(last);
    cmark_node *item = type == CMARK_NODE_LIST ? cmark_node_last_child(last) : NULL;
    if (block_from(s, last) > s->at) {
        s->end = block_from(s, last);
    } else if (type == CMARK_NODE_CODE_BLOCK || type == CMARK_NODE_HTML_BLOCK) {
        *bytes *= 2;
        s->end = s->at;
    } else if (item && block_from(s, item) > s->at) {
        s->end = block_from(s, item);
    }
}

static const char *slice_read(struct split_work *w, const struct slice *s, cmark_node *tree)
{
    for (cmark_node *node = cmark_node_first_child(tree); node && block_from(s, node) < s->end;
         node = cmark_node_next(node)) {
        if (cmark_node_get_type(node) != CMARK_NODE_HEADING)
            block_keep(w, s, node);
        else if (!heading_begin(w, s, node))
            return split_too_many_sections;
    }
    return NULL;
}

const char *split_markdown(struct split_work *w, const uint8_t *bytes, size_t len)
{
    struct slice s = {.bytes = bytes, .len = len};
    size_t want = SLICE;
    const char *problem = NULL;
    buf_put(&w->s->text, bytes, len);
    s.at = front_matter_end(bytes, len);
    if (s.at > 0)
        (void)split_keep_add(w, 0, s.at);
    while (!problem && s.at < len) {
        slice_draw(&s, want);
        cmark_node *tree =
            cmark_parse_document((const char *)s.like.data, s.like.len, CMARK_OPT_DEFAULT);
        slice_cut(&s, tree, &want);
        problem = slice_read(w, &s, tree);
        cmark_node_free(tree);
        if (s.end > s.at)
            want = SLICE;
        s.at = s.end;
    }
    buf_free(&s.like);
    free(s.lines);
    return problem;
}
