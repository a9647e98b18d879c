/* SPDX-License-Identifier: MIT */
/* From a template's source to its nodes. */
#include "event/template.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "event/nodes.h"

static void move_position(const struct template *t, size_t from, size_t to, size_t *line,
                          size_t *column)
{
    for (size_t i = from; i < to; i++) {
        bool is_newline = t->text[i] == '\n';
        *line += is_newline;
        *column = is_newline ? 1 : *column + (((uint8_t)t->text[i] & 0xc0) != 0x80);
    }
}

static void find_position(const struct template *t, size_t at, size_t *line, size_t *column)
{
    *line = *column = 1;
    move_position(t, 0, at, line, column);
    *column -= *column > t->indent ? t->indent : 0;
}

struct err nodes_fail(enum err_class cls, const struct template *t, size_t at, const char *format,
                      ...)
{
    char what[300];
    size_t line;
    size_t column;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    find_position(t, at, &line, &column);
    return err_make(cls, "%s:%zu:%zu: %s", t->name, line, column, what);
}

int nodes_shown(size_t len)
{
    return len < 60 ? (int)len : 60;
}

#define DELIMITER_BYTES 16

struct parser {
    struct template *t;
    size_t at;
    char open[DELIMITER_BYTES + 1], close[DELIMITER_BYTES + 1];
    size_t sections[TEMPLATE_DEPTH]; /* nodes that wait for their closing tag */
    size_t depth;
};

struct tag {
    char sigil;          /* one of SIGILS; 0 for a plain name */
    const char *content; /* without the white space around it */
    size_t len;
    size_t at, end;
};

static const char SIGILS[] = "#^/!>&{=";

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct err read_tag(const struct parser *p, size_t at, struct tag *tag)
{
    const struct template *t = p->t;
    size_t from = at + strlen(p->open);
    while (from < t->len && is_space(t->text[from]))
        from++;
    *tag = (struct tag){.at = at};
    if (from < t->len && t->text[from] != '\0' && strchr(SIGILS, t->text[from]))
        tag->sigil = t->text[from++];

    char closer[DELIMITER_BYTES + 2];
    const char *extra = tag->sigil == '{' ? "}" : tag->sigil == '=' ? "=" : "";
    (void)snprintf(closer, sizeof closer, "%s%s", extra, p->close);
    const char *end = memmem(t->text + from, t->len - from, closer, strlen(closer));
    if (!end)
        return nodes_fail(ERR_CONFIG, t, at, "this tag isn't closed: %s is missing", closer);
    tag->end = (size_t)(end - t->text) + strlen(closer);
    tag->content = t->text + from;
    while (tag->content < end && is_space(*tag->content))
        tag->content++;
    while (tag->content < end && is_space(end[-1]))
        end--;
    tag->len = (size_t)(end - tag->content);
    return ERR_OK;
}

/* Is there nothing but blanks beside the tag? Then [from, to) is its line, with the line's end. */
static bool stands_alone(const struct template *t, const struct tag *tag, size_t *from, size_t *to)
{
    size_t start = tag->at;
    size_t end = tag->end;
    while (start > 0 && is_blank(t->text[start - 1]))
        start--;
    if (start > 0 && t->text[start - 1] != '\n')
        return false;
    while (end < t->len && is_blank(t->text[end]))
        end++;
    if (end + 1 < t->len && t->text[end] == '\r' && t->text[end + 1] == '\n')
        end++;
    if (end < t->len && t->text[end] != '\n')
        return false;
    *from = start;
    *to = end < t->len ? end + 1 : end;
    return true;
}

static struct err check_name(const struct template *t, const struct tag *tag)
{
    const char *name = tag->content;
    size_t len = tag->len;
    if (len == 0)
        return nodes_fail(ERR_CONFIG, t, tag->at, "this tag has no name");
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)name[i] <= ' ' || name[i] == 0x7f)
            return nodes_fail(ERR_CONFIG, t, tag->at, "a name can't hold white space");
    if (tag->sigil == '>') {
        if (name[0] == '*')
            return nodes_fail(ERR_CONFIG, t, tag->at,
                              "dynamic names ({{>*name}}) aren't supported");
        if (name[0] == '.' || memchr(name, '/', len))
            return nodes_fail(
                ERR_CONFIG, t, tag->at,
                "a partial is named by its file in the same folder, without the suffix");
        return ERR_OK;
    }
    if (!tag->sigil && (name[0] == '<' || name[0] == '$'))
        return nodes_fail(ERR_CONFIG, t, tag->at,
                          "inheritance ({{<name}}, {{$name}}) isn't supported");
    if (len == 1 && name[0] == '.')
        return ERR_OK;
    if (name[0] == '.' || name[len - 1] == '.' || memmem(name, len, "..", 2))
        return nodes_fail(ERR_CONFIG, t, tag->at,
                          "%.*s: a name has something on both sides of a dot", nodes_shown(len),
                          name);
    return ERR_OK;
}

/* {{=<% %>=}}: two delimiters, white space between, no '=' in them. */
static struct err set_delimiters(struct parser *p, const struct tag *tag)
{
    const char *end = tag->content + tag->len;
    const char *open_end = tag->content;
    while (open_end < end && !is_space(*open_end))
        open_end++;
    const char *close = open_end;
    while (close < end && is_space(*close))
        close++;
    size_t open_len = (size_t)(open_end - tag->content);
    size_t close_len = (size_t)(end - close);
    bool good = open_len > 0 && close_len > 0;
    for (const char *c = tag->content; c < end && good; c++)
        good = *c != '=' && *c != '\0' && (c < close || !is_space(*c));
    if (!good)
        return nodes_fail(ERR_CONFIG, p->t, tag->at,
                          "delimiters are set like this: {{=<%% %%>=}}, without '=' in them");
    if (open_len > DELIMITER_BYTES || close_len > DELIMITER_BYTES)
        return nodes_fail(ERR_CONFIG, p->t, tag->at, "a delimiter is at most %d bytes",
                          DELIMITER_BYTES);
    memcpy(p->open, tag->content, open_len);
    p->open[open_len] = '\0';
    memcpy(p->close, close, close_len);
    p->close[close_len] = '\0';
    return ERR_OK;
}

static struct node *add_node(struct template *t, enum node_kind kind, const struct tag *tag)
{
    struct node *n = MEM_PUSH(t->nodes, t->count, t->cap);
    *n = (struct node){.kind = kind, .text = tag->content, .len = tag->len, .at = tag->at};
    return n;
}

static struct err open_section(struct parser *p, const struct tag *tag)
{
    if (p->depth == TEMPLATE_DEPTH)
        return nodes_fail(ERR_CONFIG, p->t, tag->at, "more than %d sections inside each other",
                          TEMPLATE_DEPTH);
    p->sections[p->depth++] = p->t->count;
    (void)add_node(p->t, tag->sigil == '#' ? NODE_SECTION : NODE_INVERTED, tag);
    return ERR_OK;
}

static struct err close_section(struct parser *p, const struct tag *tag)
{
    struct template *t = p->t;
    if (p->depth == 0)
        return nodes_fail(ERR_CONFIG, t, tag->at, "{{/%.*s}} closes a section that isn't open",
                          nodes_shown(tag->len), tag->content);
    struct node *section = &t->nodes[p->sections[--p->depth]];
    if (section->len != tag->len || memcmp(section->text, tag->content, tag->len) != 0) {
        size_t line;
        size_t column;
        find_position(t, section->at, &line, &column);
        return nodes_fail(
            ERR_CONFIG, t, tag->at, "{{/%.*s}} doesn't close {{%c%.*s}} of line %zu, column %zu",
            nodes_shown(tag->len), tag->content, section->kind == NODE_SECTION ? '#' : '^',
            nodes_shown(section->len), section->text, line, column);
    }
    section->end = t->count;
    return ERR_OK;
}

static void add_text(struct template *t, size_t from, size_t to)
{
    if (from < to)
        (void)add_node(t, NODE_TEXT,
                       &(struct tag){.content = t->text + from, .len = to - from, .at = from});
}

static struct err parse_tag(struct parser *p, size_t at)
{
    struct template *t = p->t;
    struct tag tag;
    size_t from = 0;
    size_t to = 0;
    TRY(read_tag(p, at, &tag));
    /* A value alone on its line keeps the line; everything else takes its line along. */
    bool is_value = tag.sigil == '\0' || tag.sigil == '&' || tag.sigil == '{';
    bool alone = !is_value && stands_alone(t, &tag, &from, &to);
    add_text(t, p->at, alone ? from : at);
    p->at = alone ? to : tag.end;

    if (tag.sigil == '!')
        return ERR_OK;
    if (tag.sigil == '=')
        return set_delimiters(p, &tag);
    TRY(check_name(t, &tag));
    switch (tag.sigil) {
    case '#':
    case '^':
        return open_section(p, &tag);
    case '/':
        return close_section(p, &tag);
    case '>':
        add_node(t, NODE_PARTIAL, &tag)->indent = alone ? at - from : 0;
        return ERR_OK;
    default:
        (void)add_node(t, tag.sigil ? NODE_RAW : NODE_ESCAPED, &tag);
        return ERR_OK;
    }
}

static struct err parse(struct template *t)
{
    struct parser p = {.t = t, .open = "{{", .close = "}}"};
    size_t bad = utf8_check((const uint8_t *)t->text, t->len);
    if (bad < t->len)
        return nodes_fail(ERR_CONFIG, t, bad, "byte 0x%02x isn't UTF-8", (uint8_t)t->text[bad]);
    while (p.at < t->len) {
        const char *open = memmem(t->text + p.at, t->len - p.at, p.open, strlen(p.open));
        if (open) {
            TRY(parse_tag(&p, (size_t)(open - t->text)));
        } else {
            add_text(t, p.at, t->len);
            p.at = t->len;
        }
    }
    if (p.depth > 0) {
        const struct node *n = &t->nodes[p.sections[p.depth - 1]];
        return nodes_fail(ERR_CONFIG, t, n->at, "this section isn't closed: {{/%.*s}} is missing",
                          nodes_shown(n->len), n->text);
    }
    return ERR_OK;
}

struct err nodes_compile(const char *name, const char *text, size_t len, size_t indent,
                         struct template **out)
{
    *out = NULL;
    if (len > TEMPLATE_BYTES)
        return err_make(ERR_CONFIG, "%s:1:1: larger than a template may be (%d KiB)", name,
                        TEMPLATE_BYTES / 1024);
    struct template *t = mem_calloc(1, sizeof *t);
    t->name = mem_strdup(name);
    t->text = mem_strndup(text, len);
    t->len = len;
    t->indent = indent;
    t->json = template_is_json(name);
    struct err e = parse(t);
    if (err_is(&e))
        template_free(t);
    else
        *out = t;
    return e;
}

struct err template_compile(const char *name, const char *text, size_t len, struct template **out)
{
    return nodes_compile(name, text, len, 0, out);
}

void template_free(struct template *t)
{
    if (!t)
        return;
    free(t->name);
    free(t->text);
    free(t->nodes);
    free(t);
}

/* "dir/gate.json.tmpl" and "top" make "dir/top.json.tmpl": .tmpl comes with what it wraps. */
void nodes_partial_path(const struct template *t, const struct node *n, struct buf *path)
{
    const char *slash = strrchr(t->name, '/');
    const char *base = slash ? slash + 1 : t->name;
    const char *suffix = strrchr(base, '.');
    if (suffix && strcmp(suffix, ".tmpl") == 0)
        for (const char *p = suffix; p > base; p--)
            if (p[-1] == '.') {
                suffix = p - 1;
                break;
            }
    buf_put(path, t->name, (size_t)(base - t->name));
    buf_put(path, n->text, n->len);
    buf_str(path, suffix ? suffix : "");
}

bool template_is_json(const char *name)
{
    static const char suffix[] = ".json.tmpl";
    size_t len = strlen(name);
    return len >= strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

const char *template_name(const struct template *t)
{
    return t->name;
}

bool template_next_partial(const struct template *t, struct template_partial *p)
{
    while (p->next < t->count && t->nodes[p->next].kind != NODE_PARTIAL)
        p->next++;
    if (p->next == t->count) {
        buf_free(&p->path);
        return false;
    }
    const struct node *n = &t->nodes[p->next++];
    if (p->line == 0)
        p->line = p->column = 1;
    move_position(t, p->at, n->at, &p->line, &p->column);
    p->at = n->at;
    buf_clear(&p->path);
    nodes_partial_path(t, n, &p->path);
    return true;
}
