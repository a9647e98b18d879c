/* SPDX-License-Identifier: MIT */
/*
 * HTML before it is parsed. gumbo's time grows with the depth of the tags (100,000 nested <div>: 10
 * s), and formatting that nobody closes makes it copy all that is open into every block (45 KB: 735
 * MB). So it gets only what shapes the page: no attributes, no comments, no scripts, none of the
 * tags that stay within a line, and nothing deeper than DEPTH. Whatever is left out here, gumbo
 * never sees, so no text can bring the two to see different things.
 */
#include <string.h>
#include <strings.h>

#include "kb/split_work.h"

enum { DEPTH = 500 };

/* Tags that aren't here are left out; what they hold stays. */
enum tag_use {
    TAG_BREAK,   /* left out, but the line ends */
    TAG_LOOSE,   /* closes itself: never deeper than what holds it */
    TAG_BLOCK,   /* a level */
    TAG_HEADING, /* a level that the next one of its sort ends, as do ... */
    TAG_ITEM,
    TAG_TERM,
    TAG_TEXT,   /* holds text, not tags */
    TAG_HIDDEN, /* left out with all that it holds, tags in between known */
    TAG_RAW,    /* the same, but nothing in it is a tag */
};

static const struct tag {
    const char *name;
    enum tag_use use;
} tags[] = {
    {"address", TAG_BLOCK},    {"article", TAG_BLOCK},   {"aside", TAG_BLOCK},
    {"blockquote", TAG_BLOCK}, {"body", TAG_LOOSE},      {"br", TAG_LOOSE},
    {"caption", TAG_LOOSE},    {"center", TAG_BLOCK},    {"dd", TAG_TERM},
    {"details", TAG_BLOCK},    {"dialog", TAG_BLOCK},    {"div", TAG_BLOCK},
    {"dl", TAG_BLOCK},         {"dt", TAG_TERM},         {"fieldset", TAG_BLOCK},
    {"figcaption", TAG_BLOCK}, {"figure", TAG_BLOCK},    {"footer", TAG_BLOCK},
    {"h1", TAG_HEADING},       {"h2", TAG_HEADING},      {"h3", TAG_HEADING},
    {"h4", TAG_HEADING},       {"h5", TAG_HEADING},      {"h6", TAG_HEADING},
    {"head", TAG_LOOSE},       {"header", TAG_BLOCK},    {"hgroup", TAG_BLOCK},
    {"hr", TAG_LOOSE},         {"html", TAG_LOOSE},      {"iframe", TAG_RAW},
    {"legend", TAG_BREAK},     {"li", TAG_ITEM},         {"main", TAG_BLOCK},
    {"menu", TAG_BLOCK},       {"nav", TAG_BLOCK},       {"noembed", TAG_RAW},
    {"noframes", TAG_RAW},     {"noscript", TAG_HIDDEN}, {"ol", TAG_BLOCK},
    {"optgroup", TAG_BREAK},   {"option", TAG_BREAK},    {"p", TAG_LOOSE},
    {"pre", TAG_BLOCK},        {"script", TAG_RAW},      {"section", TAG_BLOCK},
    {"style", TAG_RAW},        {"summary", TAG_BLOCK},   {"table", TAG_BLOCK},
    {"tbody", TAG_LOOSE},      {"td", TAG_LOOSE},        {"template", TAG_HIDDEN},
    {"textarea", TAG_TEXT},    {"tfoot", TAG_LOOSE},     {"th", TAG_LOOSE},
    {"thead", TAG_LOOSE},      {"title", TAG_TEXT},      {"tr", TAG_LOOSE},
    {"ul", TAG_BLOCK},
};

struct cleaner {
    struct buf *out;
    const uint8_t *p, *end;
    const struct tag *open[DEPTH];
    size_t depth;
    size_t flat;              /* levels that were left out, being too deep */
    const struct tag *hidden; /* inside of it; NULL */
    size_t hidden_depth;
    size_t count;
};

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static const struct tag *tag_find(const uint8_t *name, size_t len)
{
    size_t low = 0;
    size_t high = sizeof tags / sizeof *tags;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strncasecmp(tags[mid].name, (const char *)name, len);
        if (order == 0 && tags[mid].name[len] == '\0')
            return &tags[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* What is left out must not make an entity of the text around it. */
static void left_out(struct cleaner *c)
{
    const struct buf *out = c->out;
    size_t at = out->len;
    while (at > 0 && out->len - at < 40 &&
           (is_letter(out->data[at - 1]) ||
            (out->data[at - 1] >= '0' && out->data[at - 1] <= '9') || out->data[at - 1] == '#'))
        at--;
    if (at > 0 && out->data[at - 1] == '&') {
        buf_str(c->out, "<wbr>");
        c->count++; /* to gumbo a tag like any other */
    }
}

static void put_tag(struct cleaner *c, const char *front, const char *name)
{
    if (c->hidden)
        return;
    buf_str(c->out, front);
    buf_str(c->out, name);
    buf_byte(c->out, '>');
    c->count++;
}

/* Bytes of a reference to a character by a number that none has; else 0. gumbo 0.10 adds its digits
 * up until they overflow, and may lose the text behind it. */
static size_t reference_beyond(const uint8_t *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 2;
    uint32_t value = 0;
    if (len < 3 || p[1] != '#')
        return 0;
    bool is_hex = p[2] == 'x' || p[2] == 'X';
    for (at += is_hex; at < len; at++) {
        const char *digit =
            p[at] ? strchr(digits, p[at] >= 'A' && p[at] <= 'F' ? p[at] | 0x20 : p[at]) : NULL;
        if (!digit || (!is_hex && digit - digits > 9))
            break;
        if (value <= 0x10ffff)
            value = value * (is_hex ? 16 : 10) + (uint32_t)(digit - digits);
    }
    return value <= 0x10ffff ? 0 : at + (at < len && p[at] == ';');
}

/* Text, in which a < is only that. */
static void put_text(struct cleaner *c, const uint8_t *p, const uint8_t *end)
{
    while (!c->hidden && p < end) {
        const uint8_t *from = p;
        while (p < end && *p != '<' && *p != '&')
            p++;
        buf_put(c->out, from, (size_t)(p - from));
        size_t beyond = p < end && *p == '&' ? reference_beyond(p, (size_t)(end - p)) : 0;
        if (beyond > 0)
            buf_str(c->out, "\xef\xbf\xbd");
        else if (p < end)
            buf_str(c->out, *p == '<' ? "&lt;" : "&");
        p += beyond > 0 ? beyond : p < end;
    }
}

/* From the end of a tag's name to behind its '>'. What is quoted in an attribute ends nothing. */
static void skip_attributes(struct cleaner *c)
{
    bool is_value = false; /* an '=' was before, and nothing else */
    while (c->p < c->end) {
        uint8_t byte = *c->p++;
        if (byte == '>')
            return;
        if (is_value && (byte == '"' || byte == '\'')) {
            const uint8_t *quote = memchr(c->p, byte, (size_t)(c->end - c->p));
            c->p = quote ? quote + 1 : c->end;
        }
        is_value = byte == '=' || (is_value && is_space(byte));
    }
}

/* <!-- -->, <!doctype>, <?xml>, </ > */
static void skip_markup(struct cleaner *c)
{
    size_t left = (size_t)(c->end - c->p);
    const uint8_t *end;
    if (left >= 4 && memcmp(c->p, "<!--", 4) == 0) {
        /* <!--> and <!---> are whole, too */
        end = memmem(c->p + 2, left - 2, "-->", 3);
        end = end ? end + 2 : NULL;
    } else {
        end = memchr(c->p, '>', left);
    }
    c->p = end ? end + 1 : c->end;
    left_out(c);
}

/* To behind the element's own end tag, which may be missing; returns where that begins. */
static const uint8_t *skip_raw(struct cleaner *c, const struct tag *tag)
{
    size_t len = strlen(tag->name);
    const uint8_t *less;
    while ((less = memchr(c->p, '<', (size_t)(c->end - c->p)))) {
        c->p = less + 1;
        if ((size_t)(c->end - less) > len + 2 && less[1] == '/' && !is_letter(less[len + 2]) &&
            strncasecmp((const char *)less + 2, tag->name, len) == 0) {
            c->p = less + len + 2;
            skip_attributes(c);
            return less;
        }
    }
    c->p = c->end;
    return c->end;
}

static void open_level(struct cleaner *c, const struct tag *tag)
{
    const struct tag *top = c->depth > 0 ? c->open[c->depth - 1] : NULL;
    bool replaces = top && tag->use != TAG_BLOCK && top->use == tag->use;
    if (c->depth == DEPTH && !replaces) {
        c->flat++;
        put_tag(c, "<", "br");
        return;
    }
    c->depth -= replaces;
    c->open[c->depth++] = tag;
    put_tag(c, "<", tag->name);
}

static void close_level(struct cleaner *c, const struct tag *tag)
{
    if (c->flat > 0) {
        c->flat--;
        put_tag(c, "<", "br");
        return;
    }
    for (size_t i = c->depth; i-- > 0;)
        if (c->open[i] == tag || (c->open[i]->use == TAG_HEADING && tag->use == TAG_HEADING)) {
            c->depth = i;
            break;
        }
    put_tag(c, "</", tag->name);
}

static void tag_open(struct cleaner *c, const struct tag *tag)
{
    const uint8_t *from = c->p;
    const uint8_t *to;
    switch (tag->use) {
    case TAG_BREAK:
        put_tag(c, "<", "br");
        break;
    case TAG_LOOSE:
        put_tag(c, "<", tag->name);
        break;
    case TAG_BLOCK:
    case TAG_HEADING:
    case TAG_ITEM:
    case TAG_TERM:
        if (!c->hidden)
            open_level(c, tag);
        break;
    case TAG_TEXT:
        to = skip_raw(c, tag);
        put_tag(c, "<", tag->name);
        put_text(c, from, to);
        put_tag(c, "</", tag->name);
        break;
    case TAG_HIDDEN:
        if (!c->hidden)
            c->hidden = tag;
        c->hidden_depth += c->hidden == tag;
        break;
    case TAG_RAW:
        (void)skip_raw(c, tag);
        left_out(c);
        break;
    }
}

static void tag_close(struct cleaner *c, const struct tag *tag)
{
    switch (tag->use) {
    case TAG_BREAK:
        put_tag(c, "<", "br");
        break;
    case TAG_LOOSE:
        put_tag(c, "</", tag->name);
        break;
    case TAG_BLOCK:
    case TAG_HEADING:
    case TAG_ITEM:
    case TAG_TERM:
        if (!c->hidden)
            close_level(c, tag);
        break;
    case TAG_HIDDEN:
        if (c->hidden == tag && --c->hidden_depth == 0)
            c->hidden = NULL;
        break;
    case TAG_TEXT:
    case TAG_RAW:
        break;
    }
}

static void clean_tag(struct cleaner *c)
{
    bool closes = c->p[1] == '/';
    const uint8_t *name = c->p + 1 + closes;
    const uint8_t *end = name;
    while (end < c->end && !is_space(*end) && *end != '>' && *end != '/')
        end++;
    const struct tag *tag = tag_find(name, (size_t)(end - name));
    c->p = end;
    skip_attributes(c);
    if (!tag)
        left_out(c);
    else if (closes)
        tag_close(c, tag);
    else
        tag_open(c, tag);
}

const char *split_tags(struct buf *out, const uint8_t *bytes, size_t len)
{
    struct cleaner c = {.out = out, .p = bytes, .end = bytes + len};
    while (c.p < c.end && c.count <= SPLIT_TAGS_MAX) {
        const uint8_t *less = memchr(c.p, '<', (size_t)(c.end - c.p));
        put_text(&c, c.p, less ? less : c.end);
        c.p = less ? less : c.end;
        if (!less)
            break;
        uint8_t next = c.end - c.p > 1 ? c.p[1] : '\0';
        if (is_letter(next) || (next == '/' && c.end - c.p > 2 && is_letter(c.p[2]))) {
            clean_tag(&c);
        } else if (next == '!' || next == '?' || next == '/') {
            skip_markup(&c);
        } else {
            put_text(&c, c.p, c.p + 1);
            c.p++;
        }
    }
    return c.count <= SPLIT_TAGS_MAX ? NULL
                                     : "more than 1000000 tags; send it as several documents";
}
