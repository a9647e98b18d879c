/* SPDX-License-Identifier: MIT */
#include "event/template.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/utf8.h"

/*
 * A template is compiled into a flat list of nodes; a section knows where its children end.
 * Whatever only concerns the source (delimiters, comments, lines that hold nothing but a tag) is
 * gone by then, and a fault in a branch that today's data doesn't take is found as well.
 */
enum kind { TEXT, ESCAPED, RAW, SECTION, INVERTED, PARTIAL };

struct node {
    enum kind kind;
    const char *text; /* TEXT: the bytes; else the name */
    size_t len;
    size_t at;     /* where its tag starts, for messages */
    size_t indent; /* PARTIAL alone on its line: bytes of white space before it */
    size_t end;    /* SECTION, INVERTED: index of the first node after it */
};

struct template
{
    char *name;
    char *text;
    size_t len;
    size_t indent; /* what a partial's lines were indented by, which isn't in its file */
    bool json;
    struct node *nodes;
    size_t count, cap;
};

static struct err fail_at(enum err_class cls, const struct template *t, size_t at,
                          const char *format, ...)
    __attribute__((format(printf, 4, 5), warn_unused_result));

static void find_position(const struct template *t, size_t at, size_t *line, size_t *column)
{
    size_t start = 0;
    *line = 1;
    for (size_t i = 0; i < at; i++) {
        if (t->text[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    }
    *column = 1;
    for (size_t i = start; i < at; i++)
        *column += ((uint8_t)t->text[i] & 0xc0) != 0x80;
    *column -= *column > t->indent ? t->indent : 0;
}

static struct err fail_at(enum err_class cls, const struct template *t, size_t at,
                          const char *format, ...)
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

/* Names in messages, for "%.*s": a name may be as long as the template. */
static int shown(size_t len)
{
    return len < 60 ? (int)len : 60;
}

/* --- compile --- */

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
        return fail_at(ERR_CONFIG, t, at, "this tag isn't closed: %s is missing", closer);
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
        return fail_at(ERR_CONFIG, t, tag->at, "this tag has no name");
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)name[i] <= ' ' || name[i] == 0x7f)
            return fail_at(ERR_CONFIG, t, tag->at, "a name can't hold white space");
    if (tag->sigil == '>') {
        if (name[0] == '*')
            return fail_at(ERR_CONFIG, t, tag->at, "dynamic names ({{>*name}}) aren't supported");
        if (name[0] == '.' || memchr(name, '/', len))
            return fail_at(ERR_CONFIG, t, tag->at,
                           "a partial is named by its file in the same folder, without the suffix");
        return ERR_OK;
    }
    if (!tag->sigil && (name[0] == '<' || name[0] == '$'))
        return fail_at(ERR_CONFIG, t, tag->at,
                       "inheritance ({{<name}}, {{$name}}) isn't supported");
    if (len == 1 && name[0] == '.')
        return ERR_OK;
    if (name[0] == '.' || name[len - 1] == '.' || memmem(name, len, "..", 2))
        return fail_at(ERR_CONFIG, t, tag->at, "%.*s: a name has something on both sides of a dot",
                       shown(len), name);
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
        return fail_at(ERR_CONFIG, p->t, tag->at,
                       "delimiters are set like this: {{=<%% %%>=}}, without '=' in them");
    if (open_len > DELIMITER_BYTES || close_len > DELIMITER_BYTES)
        return fail_at(ERR_CONFIG, p->t, tag->at, "a delimiter is at most %d bytes",
                       DELIMITER_BYTES);
    memcpy(p->open, tag->content, open_len);
    p->open[open_len] = '\0';
    memcpy(p->close, close, close_len);
    p->close[close_len] = '\0';
    return ERR_OK;
}

static struct node *add_node(struct template *t, enum kind kind, const struct tag *tag)
{
    struct node *n = MEM_PUSH(t->nodes, t->count, t->cap);
    *n = (struct node){.kind = kind, .text = tag->content, .len = tag->len, .at = tag->at};
    return n;
}

static struct err open_section(struct parser *p, const struct tag *tag)
{
    if (p->depth == TEMPLATE_DEPTH)
        return fail_at(ERR_CONFIG, p->t, tag->at, "more than %d sections inside each other",
                       TEMPLATE_DEPTH);
    p->sections[p->depth++] = p->t->count;
    (void)add_node(p->t, tag->sigil == '#' ? SECTION : INVERTED, tag);
    return ERR_OK;
}

static struct err close_section(struct parser *p, const struct tag *tag)
{
    struct template *t = p->t;
    if (p->depth == 0)
        return fail_at(ERR_CONFIG, t, tag->at, "{{/%.*s}} closes a section that isn't open",
                       shown(tag->len), tag->content);
    struct node *section = &t->nodes[p->sections[--p->depth]];
    if (section->len != tag->len || memcmp(section->text, tag->content, tag->len) != 0) {
        size_t line;
        size_t column;
        find_position(t, section->at, &line, &column);
        return fail_at(ERR_CONFIG, t, tag->at,
                       "{{/%.*s}} doesn't close {{%c%.*s}} of line %zu, column %zu",
                       shown(tag->len), tag->content, section->kind == SECTION ? '#' : '^',
                       shown(section->len), section->text, line, column);
    }
    section->end = t->count;
    return ERR_OK;
}

static void add_text(struct template *t, size_t from, size_t to)
{
    if (from < to)
        (void)add_node(t, TEXT,
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
        add_node(t, PARTIAL, &tag)->indent = alone ? at - from : 0;
        return ERR_OK;
    default:
        (void)add_node(t, tag.sigil ? RAW : ESCAPED, &tag);
        return ERR_OK;
    }
}

static struct err parse(struct template *t)
{
    struct parser p = {.t = t, .open = "{{", .close = "}}"};
    size_t bad = utf8_check((const uint8_t *)t->text, t->len);
    if (bad < t->len)
        return fail_at(ERR_CONFIG, t, bad, "byte 0x%02x isn't UTF-8", (uint8_t)t->text[bad]);
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
        return fail_at(ERR_CONFIG, t, n->at, "this section isn't closed: {{/%.*s}} is missing",
                       shown(n->len), n->text);
    }
    return ERR_OK;
}

static struct err compile(const char *name, const char *text, size_t len, size_t indent,
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
    return compile(name, text, len, 0, out);
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

bool template_is_json(const char *name)
{
    static const char suffix[] = ".json.tmpl";
    size_t len = strlen(name);
    return len >= strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

/* --- values --- */

/* The fewest digits that read back as the same number. The process runs in the C locale. */
static void write_real(struct buf *out, double v)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, v);
        if (strtod(digits, NULL) == v)
            break;
    }
    buf_str(out, digits);
    if (!strpbrk(digits, ".e"))
        buf_str(out, ".0");
}

/* As JSON. Recursion ends where jansson's own does: it refuses to read more than 2,048 levels. */
static void write_value(struct buf *out, const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        buf_byte(out, '{');
        for (void *i = json_object_iter((json_t *)v), *first = i; i;
             i = json_object_iter_next((json_t *)v, i)) {
            if (i != first)
                buf_byte(out, ',');
            jsonw_quote(out, json_object_iter_key(i), json_object_iter_key_len(i));
            buf_byte(out, ':');
            write_value(out, json_object_iter_value(i));
        }
        buf_byte(out, '}');
        break;
    case JSON_ARRAY:
        buf_byte(out, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            if (i > 0)
                buf_byte(out, ',');
            write_value(out, json_array_get(v, i));
        }
        buf_byte(out, ']');
        break;
    case JSON_STRING:
        jsonw_quote(out, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        write_real(out, json_real_value(v));
        break;
    case JSON_TRUE:
        buf_str(out, "true");
        break;
    case JSON_FALSE:
        buf_str(out, "false");
        break;
    case JSON_NULL:
        buf_str(out, "null");
        break;
    }
}

/* As text: a string is its characters, null is nothing, the others are as in JSON. */
static void write_plain(struct buf *out, const json_t *v)
{
    if (json_is_string(v))
        buf_put(out, json_string_value(v), json_string_length(v));
    else if (v && !json_is_null(v))
        write_value(out, v);
}

static void write_html(struct buf *out, const struct buf *plain)
{
    static const char *const entities[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    for (size_t i = 0; i < plain->len; i++) {
        if (entities[plain->data[i]])
            buf_str(out, entities[plain->data[i]]);
        else
            buf_byte(out, plain->data[i]);
    }
}

static bool is_false(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    case JSON_INTEGER:
        return json_integer_value(v) == 0;
    case JSON_REAL:
        return json_real_value(v) == 0;
    case JSON_STRING:
        return json_string_length(v) == 0;
    case JSON_ARRAY:
        return json_array_size(v) == 0;
    default:
        return false;
    }
}

/* --- render --- */

/* The values that names are looked up in, innermost first. They live on the C stack. */
struct scope {
    const json_t *value;
    const struct scope *up;
};

struct render {
    const struct template_env *env;
    struct buf *out;
    size_t start; /* of ours in out */
    size_t steps;
    unsigned depth;
    struct buf plain, escaped; /* warm scratch memory */
};

static struct err render_nodes(struct render *r, const struct template *t, size_t from, size_t to,
                               const struct scope *scope);

/*
 * The first part of a name is looked for from the inside out; the others only in what it led to. A
 * key that is there with null ends the search.
 */
static const json_t *look_up(struct render *r, const struct node *n, const struct scope *scope)
{
    const char *part = n->text;
    const char *end = n->text + n->len;
    if (n->len == 1 && *part == '.')
        return scope->value;
    const char *dot = memchr(part, '.', n->len);
    size_t len = (size_t)((dot ? dot : end) - part);
    const json_t *v = NULL;
    for (; scope && !v; scope = scope->up, r->steps++)
        v = json_object_getn(scope->value, part, len);
    while (v && dot) {
        part = dot + 1;
        dot = memchr(part, '.', (size_t)(end - part));
        len = (size_t)((dot ? dot : end) - part);
        v = json_object_getn(v, part, len);
        r->steps++;
    }
    return v;
}

static struct err put(struct render *r, const struct template *t, const struct node *n,
                      const void *bytes, size_t len)
{
    if (r->out->len - r->start + len > TEMPLATE_BYTES)
        return fail_at(ERR_CONFIG, t, n->at, "more than %d KiB rendered", TEMPLATE_BYTES / 1024);
    buf_put(r->out, bytes, len);
    return ERR_OK;
}

static struct err render_value(struct render *r, const struct template *t, const struct node *n,
                               const json_t *v)
{
    buf_clear(&r->plain);
    buf_clear(&r->escaped);
    if (n->kind == RAW) {
        if (t->json)
            write_value(&r->plain, v);
        else
            write_plain(&r->plain, v);
        return put(r, t, n, r->plain.data, r->plain.len);
    }
    write_plain(&r->plain, v);
    if (t->json) {
        /* The template has the quotes. */
        jsonw_quote(&r->escaped, buf_cstr(&r->plain), r->plain.len);
        return put(r, t, n, r->escaped.data + 1, r->escaped.len - 2);
    }
    write_html(&r->escaped, &r->plain);
    return put(r, t, n, r->escaped.data, r->escaped.len);
}

/* Sections over one list inside each other, or partials that call each other twice, multiply: the
 * limits of depth and size alone would let them run for years. */
static struct err step(struct render *r, const struct template *t, const struct node *n)
{
    if (r->steps++ > TEMPLATE_STEPS)
        return fail_at(ERR_CONFIG, t, n->at, "more than %d steps to render", TEMPLATE_STEPS);
    return ERR_OK;
}

static struct err go_deeper(struct render *r, const struct template *t, const struct node *n)
{
    if (r->depth == TEMPLATE_DEPTH)
        return fail_at(ERR_CONFIG, t, n->at, "more than %d sections and partials inside each other",
                       TEMPLATE_DEPTH);
    r->depth++;
    return ERR_OK;
}

static struct err render_section(struct render *r, const struct template *t, const struct node *n,
                                 const json_t *v, const struct scope *scope)
{
    size_t first = (size_t)(n - t->nodes) + 1;
    struct scope inner = {.value = v, .up = scope};
    if (is_false(v) != (n->kind == INVERTED))
        return ERR_OK;
    TRY(go_deeper(r, t, n));
    if (n->kind == INVERTED) {
        TRY(render_nodes(r, t, first, n->end, scope));
    } else if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            inner.value = json_array_get(v, i);
            TRY(step(r, t, n));
            TRY(render_nodes(r, t, first, n->end, &inner));
        }
    } else {
        TRY(render_nodes(r, t, first, n->end, &inner));
    }
    r->depth--;
    return ERR_OK;
}

/* "dir/gate.json.tmpl" and "top" make "dir/top.json.tmpl": .tmpl comes with what it wraps. */
static void partial_path(struct buf *path, const char *of, const struct node *n)
{
    const char *slash = strrchr(of, '/');
    const char *base = slash ? slash + 1 : of;
    const char *suffix = strrchr(base, '.');
    if (suffix && strcmp(suffix, ".tmpl") == 0)
        for (const char *p = suffix; p > base; p--)
            if (p[-1] == '.') {
                suffix = p - 1;
                break;
            }
    buf_put(path, of, (size_t)(base - of));
    buf_put(path, n->text, n->len);
    buf_str(path, suffix ? suffix : "");
}

/* Every line gets the white space that stands before the tag. False: too much of it. */
static bool indent_lines(struct buf *out, const struct buf *text, const char *blanks, size_t len)
{
    for (size_t at = 0; at < text->len && out->len <= TEMPLATE_BYTES;) {
        const uint8_t *newline = memchr(text->data + at, '\n', text->len - at);
        size_t end = newline ? (size_t)(newline - text->data) + 1 : text->len;
        buf_put(out, blanks, len);
        buf_put(out, text->data + at, end - at);
        at = end;
    }
    return out->len <= TEMPLATE_BYTES;
}

/* The spec indents a partial's source, not what it renders to: values keep their own lines. */
static struct err load_partial(struct render *r, const struct template *t, const struct node *n,
                               const char *path, struct template **partial)
{
    struct buf text = {0};
    struct buf indented = {0};
    struct err e;
    struct err cause = r->env->read(r->env->context, path, &text);
    r->steps += 100 + text.len / 8;
    if (err_is(&cause))
        e = fail_at(cause.cls, t, n->at, "{{> %.*s}}: %s", shown(n->len), n->text, cause.text);
    else if (text.len > TEMPLATE_BYTES ||
             !indent_lines(&indented, &text, t->text + (n->at - n->indent), n->indent))
        e = fail_at(ERR_CONFIG, t, n->at, "{{> %.*s}}: larger than a template may be (%d KiB)",
                    shown(n->len), n->text, TEMPLATE_BYTES / 1024);
    else
        e = compile(path, buf_cstr(&indented), indented.len, n->indent, partial);
    buf_free(&text);
    buf_free(&indented);
    return e;
}

static struct err render_partial(struct render *r, const struct template *t, const struct node *n,
                                 const struct scope *scope)
{
    struct template *partial = NULL;
    struct buf path = {0};
    if (!r->env || !r->env->read)
        return ERR_OK;
    TRY(go_deeper(r, t, n));
    partial_path(&path, t->name, n);
    struct err e = load_partial(r, t, n, buf_cstr(&path), &partial);
    if (!err_is(&e)) {
        assert(partial);
        e = render_nodes(r, partial, 0, partial->count, scope);
    }
    template_free(partial);
    buf_free(&path);
    r->depth--;
    return e;
}

static struct err render_nodes(struct render *r, const struct template *t, size_t from, size_t to,
                               const struct scope *scope)
{
    for (size_t i = from; i < to;) {
        const struct node *n = &t->nodes[i];
        TRY(step(r, t, n));
        switch (n->kind) {
        case TEXT:
            TRY(put(r, t, n, n->text, n->len));
            break;
        case ESCAPED:
        case RAW:
            TRY(render_value(r, t, n, look_up(r, n, scope)));
            break;
        case SECTION:
        case INVERTED:
            TRY(render_section(r, t, n, look_up(r, n, scope), scope));
            break;
        case PARTIAL:
            TRY(render_partial(r, t, n, scope));
            break;
        }
        i = n->kind == SECTION || n->kind == INVERTED ? n->end : i + 1;
    }
    return ERR_OK;
}

struct err template_render(const struct template *t, const json_t *data,
                           const struct template_env *env, struct buf *out)
{
    assert(data);
    struct render r = {.env = env, .out = out, .start = out->len};
    struct scope scope = {.value = data};
    struct err e = render_nodes(&r, t, 0, t->count, &scope);
    buf_free(&r.plain);
    buf_free(&r.escaped);
    return e;
}

struct err template_check(const struct template *t, const struct buf *body)
{
    json_error_t error;
    if (!t->json)
        return ERR_OK;
    json_t *parsed = json_loadb(body->len ? (const char *)body->data : "", body->len,
                                JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!parsed)
        return err_make(ERR_CONFIG, "%s: line %d, column %d of what it rendered isn't JSON: %s",
                        t->name, error.line, error.column, error.text);
    json_decref(parsed);
    return ERR_OK;
}
