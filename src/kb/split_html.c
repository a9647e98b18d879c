/* SPDX-License-Identifier: MIT */
/*
 * HTML: what a reader of the page sees, in lines. The tree is walked by its parent pointers, so its
 * depth costs nothing.
 */
#include <gumbo.h>
#include <string.h>

#include "kb/split_work.h"

/* What stands between what was written and what comes; the greater wins. */
enum gap { GAP_NONE, GAP_SPACE, GAP_LINE, GAP_PARAGRAPH };

struct page {
    struct split_work *w;
    struct buf *text;
    enum gap gap;
    size_t tabs;      /* and then these: cells of the row that are over */
    bool in_row;      /* the row has text */
    bool cell_begins; /* blocks at the front of a cell don't break the row */
    size_t pre;       /* how many are open */
    size_t tables;
    size_t table_keep, pre_keep; /* of the outermost ones */
    const GumboNode *heading;
    size_t heading_at; /* SIZE_MAX: no text of it yet */
};

static void gap_want(struct page *page, enum gap gap)
{
    if (gap > page->gap && !page->cell_begins)
        page->gap = gap;
}

static void gap_write(struct page *page)
{
    static const char *const gaps[] = {"", " ", "\n", "\n\n"};
    if (page->text->len > 0) {
        buf_str(page->text, gaps[page->gap]);
        for (; page->tabs > 0; page->tabs--)
            buf_byte(page->text, '\t');
    }
    page->gap = GAP_NONE;
    page->tabs = 0;
    page->in_row = true;
    page->cell_begins = false;
    if (page->heading && page->heading_at == SIZE_MAX)
        page->heading_at = page->text->len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* Outside of `pre`, white space of any length is one space, and none at the end of a line. */
static void text_put(struct page *page, const char *text)
{
    if (page->pre > 0 && *text) {
        gap_write(page);
        buf_str(page->text, text);
        return;
    }
    while (*text) {
        const char *from = text;
        while (*text && !is_space(*text))
            text++;
        if (text > from) {
            gap_write(page);
            buf_put(page->text, from, (size_t)(text - from));
        }
        if (is_space(*text) && page->gap == GAP_NONE && page->tabs == 0)
            page->gap = GAP_SPACE;
        while (is_space(*text))
            text++;
    }
}

static enum gap gap_of(GumboTag tag)
{
    switch (tag) {
    case GUMBO_TAG_BLOCKQUOTE:
    case GUMBO_TAG_DL:
    case GUMBO_TAG_FIGURE:
    case GUMBO_TAG_H1:
    case GUMBO_TAG_H2:
    case GUMBO_TAG_H3:
    case GUMBO_TAG_H4:
    case GUMBO_TAG_H5:
    case GUMBO_TAG_H6:
    case GUMBO_TAG_HR:
    case GUMBO_TAG_OL:
    case GUMBO_TAG_P:
    case GUMBO_TAG_PRE:
    case GUMBO_TAG_TABLE:
    case GUMBO_TAG_UL:
        return GAP_PARAGRAPH;
    case GUMBO_TAG_TD:
    case GUMBO_TAG_TEXTAREA:
    case GUMBO_TAG_TH:
    case GUMBO_TAG_TITLE:
    case GUMBO_TAG_WBR:
        return GAP_NONE;
    default: /* split_tags() lets only blocks through */
        return GAP_LINE;
    }
}

static unsigned heading_level(const GumboNode *node)
{
    GumboTag tag = node->v.element.tag;
    return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? tag - GUMBO_TAG_H1 + 1 : 0;
}

static void cell_begin(struct page *page, const GumboNode *node)
{
    const GumboVector *row = &node->parent->v.element.children;
    bool is_first = true;
    for (size_t i = node->index_within_parent; is_first && i-- > 0;)
        is_first = ((const GumboNode *)row->data[i])->type != GUMBO_NODE_ELEMENT;
    if (!is_first) {
        if (page->in_row)
            page->gap = GAP_NONE;
        page->tabs++;
    }
    page->cell_begins = true;
}

static void element_enter(struct page *page, const GumboNode *node)
{
    GumboTag tag = node->v.element.tag;
    bool breaks_again = tag == GUMBO_TAG_BR && page->gap == GAP_LINE;
    gap_want(page, breaks_again ? GAP_PARAGRAPH : gap_of(tag));
    if (tag == GUMBO_TAG_TR) {
        page->in_row = false;
        page->cell_begins = false;
        page->tabs = 0;
        gap_want(page, GAP_LINE);
    } else if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) {
        cell_begin(page, node);
    } else if (tag == GUMBO_TAG_TABLE && page->tables++ == 0) {
        page->table_keep = split_keep_add(page->w, page->text->len, page->text->len);
    } else if (tag == GUMBO_TAG_PRE && page->pre++ == 0) {
        page->pre_keep = split_keep_add(page->w, page->text->len, page->text->len);
    } else if (heading_level(node) > 0 && !page->heading) {
        page->cell_begins = false;
        page->tabs = 0;
        gap_want(page, GAP_PARAGRAPH);
        page->heading = node;
        page->heading_at = SIZE_MAX;
    }
}

static bool heading_leave(struct page *page)
{
    size_t from = page->heading_at;
    unsigned level = heading_level(page->heading);
    page->heading = NULL;
    if (from == SIZE_MAX || split_blank(page->text->data + from, page->text->len - from))
        return true;
    return split_section_begin(page->w, from, level, page->text->data + from,
                               page->text->len - from);
}

static bool element_leave(struct page *page, const GumboNode *node)
{
    GumboTag tag = node->v.element.tag;
    bool good = true;
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) {
        page->cell_begins = false;
    } else if (tag == GUMBO_TAG_TABLE && --page->tables == 0) {
        page->w->keeps[page->table_keep].to = page->text->len;
    } else if (tag == GUMBO_TAG_PRE && --page->pre == 0) {
        page->w->keeps[page->pre_keep].to = page->text->len;
    } else if (node == page->heading) {
        good = heading_leave(page);
    }
    if (tag != GUMBO_TAG_BR)
        gap_want(page, gap_of(tag));
    return good;
}

static void title_take(struct page *page, const GumboNode *node)
{
    struct split *s = page->w->s;
    const GumboVector *children = &node->v.element.children;
    if (s->title_len > 0 || node->parent->v.element.tag != GUMBO_TAG_HEAD || children->length == 0)
        return;
    const char *text = ((const GumboNode *)children->data[0])->v.text.text;
    s->title_at = s->headings.len;
    s->title_len = split_heading_put(s, text, strlen(text));
}

/* Of a node that is met: should its children be walked? */
static bool node_enter(struct page *page, const GumboNode *node)
{
    switch (node->type) {
    case GUMBO_NODE_DOCUMENT:
        return true;
    case GUMBO_NODE_ELEMENT:
        if (node->v.element.tag == GUMBO_TAG_TITLE) {
            title_take(page, node);
            return false;
        }
        element_enter(page, node);
        return true;
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_WHITESPACE:
    case GUMBO_NODE_CDATA:
        text_put(page, node->v.text.text);
        return false;
    case GUMBO_NODE_COMMENT:
    case GUMBO_NODE_TEMPLATE:
        return false;
    }
    return false;
}

static const GumboVector *children_of(const GumboNode *node)
{
    return node->type == GUMBO_NODE_DOCUMENT ? &node->v.document.children
                                             : &node->v.element.children;
}

static bool page_walk(struct page *page, const GumboNode *root)
{
    const GumboNode *node = root;
    for (;;) {
        if (node_enter(page, node) && children_of(node)->length > 0) {
            node = children_of(node)->data[0];
            continue;
        }
        /* up, as long as it was the last child */
        for (;;) {
            if (node->type == GUMBO_NODE_ELEMENT && !element_leave(page, node))
                return false;
            if (node == root)
                return true;
            const GumboVector *beside = children_of(node->parent);
            size_t next = node->index_within_parent + 1;
            if (next < beside->length) {
                node = beside->data[next];
                break;
            }
            node = node->parent;
        }
    }
}

const char *split_html(struct split_work *w, const uint8_t *bytes, size_t len)
{
    struct page page = {.w = w, .text = &w->s->text};
    struct buf clean = {0};
    const char *problem = split_tags(&clean, bytes, len);
    if (!problem) {
        GumboOptions options = kGumboDefaultOptions;
        options.max_errors = 0;
        GumboOutput *tree = gumbo_parse_with_options(&options, buf_cstr(&clean), clean.len);
        if (!page_walk(&page, tree->document))
            problem = split_too_many_sections;
        gumbo_destroy_output(&options, tree);
    }
    buf_free(&clean);
    return problem;
}
