/* SPDX-License-Identifier: MIT */
/*
 * template: Mustache, for the bodies of events.
 *
 *     struct template *t;
 *     TRY(template_compile("gate_done.json.tmpl", text, len, &t));
 *     struct err e = template_render(t, data, &env, &body);
 *     if (!err_is(&e))
 *         e = template_check(t, &body);        // a .json.tmpl must have made JSON
 *     template_free(t);
 *
 * The language is the Mustache spec's core: {{name}}, {{a.b}}, {{.}}, {{{raw}}}, {{&raw}},
 * {{#section}}, {{^inverted}}, {{! comment}}, {{=<% %>=}}, {{> partial}}; tags alone on their line
 * leave no line behind. Lambdas, inheritance and dynamic names are not part of it. False are: a
 * name that isn't there, null, false, 0, "" and []; so {{#error}}...{{/error}} does what it looks
 * like.
 *
 * The file's name chooses the escaping. In *.json.tmpl, "{{x}}" is for inside a JSON string, quotes
 * given, and {{{x}}} is a whole JSON value: strings come quoted, a name that isn't there is null.
 * In every other template, {{x}} is escaped for HTML and {{{x}}} isn't.
 *
 * Errors are ERR_CONFIG, "FILE:LINE:COL: what", counted from 1 in characters; what the reader of
 * partials reports keeps its class. A compiled template is read-only: threads may share it.
 */
#ifndef SPOOLGATE_EVENT_TEMPLATE_H
#define SPOOLGATE_EVENT_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define TEMPLATE_BYTES 1048576 /* of a template, of a partial, and of what it all renders to */
#define TEMPLATE_DEPTH 64      /* sections and partials inside each other */
#define TEMPLATE_STEPS 4000000 /* tags rendered and names looked at: some tenths of a second */

struct template;

/* name: the file's path, for the escaping, the partials and the messages. text is copied. */
struct err template_compile(const char *name, const char *text, size_t len, struct template **out);
void template_free(struct template *t); /* NULL is fine */
const char *template_name(const struct template *t);

/*
 * Where partials come from: appends the text of the file `path` to text. {{> header}} in
 * "dir/gate.json.tmpl" is "dir/header.json.tmpl"; a name with '/' or a leading dot doesn't compile.
 * A partial that isn't there renders as nothing when the reader appends nothing (as the spec has
 * it), and fails when the reader does.
 */
struct template_env {
    struct err (*read)(void *context, const char *path, struct buf *text); /* NULL: no partials */
    void *context;
};

/* Appends to out; after an error, out holds what came before it. env: NULL is no partials. */
struct err template_render(const struct template *t, const json_t *data,
                           const struct template_env *env, struct buf *out);

/*
 * The partials that t itself names, also where today's data doesn't lead:
 *
 *     struct template_partial p = {0};
 *     while (template_next_partial(t, &p))
 *         ... buf_cstr(&p.path), p.line, p.column ...
 */
struct template_partial {
    struct buf path; /* freed at the end */
    size_t line, column;
    size_t next, at; /* private */
};
bool template_next_partial(const struct template *t, struct template_partial *p);

bool template_is_json(const char *name);

/* Does the body that t made parse? Always, for a template that doesn't make JSON. */
struct err template_check(const struct template *t, const struct buf *body);

#endif
