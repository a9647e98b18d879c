/* SPDX-License-Identifier: MIT */
/* A template's nodes and some data, to text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/jsonw.h"
#include "event/nodes.h"
#include "event/template.h"
#include "event/value.h"

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
        return nodes_fail(ERR_CONFIG, t, n->at, "more than %d KiB rendered", TEMPLATE_BYTES / 1024);
    buf_put(r->out, bytes, len);
    return ERR_OK;
}

static struct err render_value(struct render *r, const struct template *t, const struct node *n,
                               const json_t *v)
{
    buf_clear(&r->plain);
    buf_clear(&r->escaped);
    if (n->kind == NODE_RAW) {
        if (t->json)
            value_write_json(&r->plain, v);
        else
            value_write_plain(&r->plain, v);
        return put(r, t, n, r->plain.data, r->plain.len);
    }
    value_write_plain(&r->plain, v);
    if (t->json) {
        /* The template has the quotes. */
        jsonw_quote(&r->escaped, buf_cstr(&r->plain), r->plain.len);
        return put(r, t, n, r->escaped.data + 1, r->escaped.len - 2);
    }
    value_escape_html(&r->escaped, &r->plain);
    return put(r, t, n, r->escaped.data, r->escaped.len);
}

/* Sections over one list inside each other, or partials that call each other twice, multiply: the
 * limits of depth and size alone would let them run for years. */
static struct err step(struct render *r, const struct template *t, const struct node *n)
{
    if (r->steps++ > TEMPLATE_STEPS)
        return nodes_fail(ERR_CONFIG, t, n->at, "more than %d steps to render", TEMPLATE_STEPS);
    return ERR_OK;
}

static struct err go_deeper(struct render *r, const struct template *t, const struct node *n)
{
    if (r->depth == TEMPLATE_DEPTH)
        return nodes_fail(ERR_CONFIG, t, n->at,
                          "more than %d sections and partials inside each other", TEMPLATE_DEPTH);
    r->depth++;
    return ERR_OK;
}

static struct err render_section(struct render *r, const struct template *t, const struct node *n,
                                 const json_t *v, const struct scope *scope)
{
    size_t first = (size_t)(n - t->nodes) + 1;
    struct scope inner = {.value = v, .up = scope};
    if (value_is_false(v) != (n->kind == NODE_INVERTED))
        return ERR_OK;
    TRY(go_deeper(r, t, n));
    if (n->kind == NODE_INVERTED) {
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
        e = nodes_fail(cause.cls, t, n->at, "{{> %.*s}}: %s", nodes_shown(n->len), n->text,
                       cause.text);
    else if (text.len > TEMPLATE_BYTES ||
             !indent_lines(&indented, &text, t->text + (n->at - n->indent), n->indent))
        e = nodes_fail(ERR_CONFIG, t, n->at, "{{> %.*s}}: larger than a template may be (%d KiB)",
                       nodes_shown(n->len), n->text, TEMPLATE_BYTES / 1024);
    else
        e = nodes_compile(path, buf_cstr(&indented), indented.len, n->indent, partial);
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
    nodes_partial_path(t, n, &path);
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
        case NODE_TEXT:
            TRY(put(r, t, n, n->text, n->len));
            break;
        case NODE_ESCAPED:
        case NODE_RAW:
            TRY(render_value(r, t, n, look_up(r, n, scope)));
            break;
        case NODE_SECTION:
        case NODE_INVERTED:
            TRY(render_section(r, t, n, look_up(r, n, scope), scope));
            break;
        case NODE_PARTIAL:
            TRY(render_partial(r, t, n, scope));
            break;
        }
        i = n->kind == NODE_SECTION || n->kind == NODE_INVERTED ? n->end : i + 1;
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
        return err_make(ERR_CONFIG,
                        "%s: line %d, column %d of what it rendered isn't JSON: %s; {{{x}}} stands "
                        "for a whole value, {{x}} only for text between quotes",
                        t->name, error.line, error.column, error.text);
    json_decref(parsed);
    return ERR_OK;
}
