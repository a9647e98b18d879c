/* SPDX-License-Identifier: MIT */
/* templates/NAME.tmpl, declared and shipped: compiled, with what they include, and tried on every
 * example of every event that a sink wants, so that a bad one can't fail when an event goes out. */
#include "event/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifest/read.h"
#include "manifest/shipped.h"

#define PREFIX MANIFEST_TEMPLATES "/"

bool read_is_template(const char *path)
{
    return strncmp(path, PREFIX, strlen(PREFIX)) == 0;
}

/* ---- the list, sorted by name ---- */

static int by_name(const void *a, const void *b)
{
    const struct manifest_template *x = a;
    const struct manifest_template *y = b;
    return strcmp(x->name, y->name);
}

static const struct manifest_template *find_template(const struct manifest_template *list,
                                                     size_t count, const char *name)
{
    const struct manifest_template wanted = {.name = name};
    return count > 0 ? bsearch(&wanted, list, count, sizeof *list, by_name) : NULL;
}

/* Its file's, which the name is the end of. */
static const char *path_of(const struct manifest_template *t)
{
    return t->name - strlen(PREFIX);
}

/* The paths of partials are in the folder of the template that names them. */
static const struct manifest_template *find_partial(const struct manifest *m, const char *path)
{
    return find_template(m->templates, m->template_count, path + strlen(PREFIX));
}

/* Those of `files` that aren't among the first `known` ones of the list. Returns the new count. */
static size_t add_templates(struct manifest_template *list, size_t known,
                            const struct manifest_files *files)
{
    size_t count = known;
    for (size_t i = 0; i < files->count; i++) {
        const struct manifest_file *file = &files->items[i];
        if (!read_is_template(file->path))
            continue;
        struct manifest_template t = {file->path + strlen(PREFIX), file->text, file->len, NULL};
        if (!find_template(list, known, t.name))
            list[count++] = t;
    }
    return count;
}

static struct manifest_template *list_templates(struct manifest *m)
{
    size_t most = m->files.count + manifest_shipped.count;
    struct manifest_template *list = arena_alloc(&m->arena, most * sizeof *list);
    m->template_count = add_templates(list, 0, &m->files); /* whose files are sorted */
    m->template_count = add_templates(list, m->template_count, &manifest_shipped);
    qsort(list, m->template_count, sizeof *list, by_name);
    m->templates = list;
    return list;
}

void read_free_templates(const struct manifest *m)
{
    for (size_t i = 0; i < m->template_count; i++)
        template_free(m->templates[i].compiled);
}

/* ---- one template ---- */

/* "FILE:LINE:COLUMN: what" as a finding. */
static void tell_fault(const char *file, const struct err *e, struct yaml_diag *diag)
{
    struct yaml_place place = {0};
    size_t len = strlen(file);
    const char *what = e->text;
    if (strncmp(what, file, len) == 0 && what[len] == ':') {
        char *end;
        place.line = (int)strtol(what + len + 1, &end, 10);
        place.column = *end == ':' ? (int)strtol(end + 1, &end, 10) : 0;
        what = end + strspn(end, ": ");
    }
    yaml_diag_error(diag, file, place, "%s", what);
}

static void compile(struct manifest_template *t, struct yaml_diag *diag)
{
    const char *path = path_of(t);
    if (memchr(t->text, '\0', t->len)) { /* the record of the manifests has no room for it */
        yaml_diag_error(diag, path, (struct yaml_place){0}, "there is a NUL byte in it");
        return;
    }
    struct err e = template_compile(path, t->text, t->len, &t->compiled);
    if (err_is(&e))
        tell_fault(path, &e, diag);
}

/* Is all there that it names? */
static bool check_partials(const struct manifest *m, const struct manifest_template *t,
                           bool is_complete, struct yaml_diag *diag)
{
    struct template_partial p = {0};
    bool good = t->compiled != NULL;
    while (t->compiled && template_next_partial(t->compiled, &p)) {
        if (find_partial(m, buf_cstr(&p.path)))
            continue;
        good = false;
        if (is_complete)
            yaml_diag_error(diag, path_of(t), (struct yaml_place){(int)p.line, (int)p.column},
                            "there is no %s", buf_cstr(&p.path));
    }
    return good;
}

/* The indexes of a template and all that it includes, directly or not, itself first; malloc'ed. */
static size_t *find_parts(const struct manifest *m, size_t first, size_t *count)
{
    size_t *parts = mem_calloc(m->template_count, sizeof *parts);
    bool *seen = mem_calloc(m->template_count, sizeof *seen);
    *count = 0;
    parts[(*count)++] = first;
    seen[first] = true;
    for (size_t i = 0; i < *count; i++) {
        const struct manifest_template *t = &m->templates[parts[i]];
        struct template_partial p = {0};
        while (t->compiled && template_next_partial(t->compiled, &p)) {
            const struct manifest_template *part = find_partial(m, buf_cstr(&p.path));
            size_t index = part ? (size_t)(part - m->templates) : first;
            if (!seen[index])
                parts[(*count)++] = index;
            seen[index] = true;
        }
    }
    free(seen);
    return parts;
}

void manifest_template_hash(const struct manifest *m, const struct manifest_sink *sink,
                            char hex[HASH_HEX])
{
    struct hash h;
    uint8_t digest[HASH_BYTES];
    size_t count;
    const struct manifest_template *t =
        find_template(m->templates, m->template_count, sink->template);
    size_t *parts = find_parts(m, (size_t)(t - m->templates), &count);
    hash_start(&h);
    for (size_t i = 0; i < count; i++) {
        const struct manifest_template *part = &m->templates[parts[i]];
        hash_update(&h, part->name, strlen(part->name) + 1);
        hash_update(&h, part->text, part->len + 1); /* there is no NUL but the one behind it */
    }
    hash_finish(&h, digest);
    hash_hex(digest, hex);
    free(parts);
}

/* ---- rendering ---- */

static struct err read_partial(void *set, const char *path, struct buf *text)
{
    const struct manifest_template *t = find_partial(set, path);
    if (!t)
        return err_make(ERR_CONFIG, "there is no %s", path);
    buf_put(text, t->text, t->len);
    return ERR_OK;
}

struct body_form manifest_sink_form(const struct manifest *m, const struct manifest_sink *sink)
{
    return (struct body_form){.format = sink->format,
                              .template = sink->compiled,
                              .partials = {.read = read_partial, .context = (void *)m}};
}

/* What comes of a template and an event's examples: found once, told at every sink. */
struct trial {
    bool is_over;
    char *fault; /* NULL: all is well */
};

struct trials {
    const struct manifest *m;
    bool *is_whole;                  /* by template: it and what it names is there */
    struct trial (*of)[EVENT_COUNT]; /* by template and event */
};

static char *try_examples(const struct body_form *form, enum event_type type)
{
    const char *const *examples = event_examples(type);
    struct buf fault = {0};
    for (size_t i = 0; examples[i] && fault.len == 0; i++) {
        struct event event = {"example", event_names[type], examples[i], "", 0};
        struct buf body = {0};
        struct err e = body_render(&event, form, &body);
        if (err_is(&e))
            buf_printf(&fault, "example %zu of %s: %s", i + 1, event_names[type], e.text);
        buf_free(&body);
    }
    return fault.len > 0 ? buf_take(&fault) : NULL;
}

static bool is_whole(const struct trials *trials, size_t template)
{
    size_t count;
    bool whole = true;
    size_t *parts = find_parts(trials->m, template, &count);
    for (size_t i = 0; i < count; i++)
        whole &= trials->is_whole[parts[i]];
    free(parts);
    return whole;
}

static const char *find_fault(const struct trials *trials, const struct manifest_sink *sink,
                              size_t template, enum event_type type)
{
    struct trial *trial = &trials->of[template][type];
    if (!trial->is_over && is_whole(trials, template)) {
        struct body_form form = manifest_sink_form(trials->m, sink);
        trial->fault = try_examples(&form, type);
    }
    trial->is_over = true;
    return trial->fault;
}

static void tell_unknown(const struct manifest *m, const struct declared *from,
                         const struct yaml_node *node, struct yaml_diag *diag)
{
    const char *best = NULL;
    unsigned distance = SHAPE_FAR;
    for (size_t i = 0; i < m->template_count && diag->errors < SHAPE_SUGGESTIONS; i++)
        if (shape_nearer(node->text, m->templates[i].name, &distance))
            best = m->templates[i].name;
    if (best)
        yaml_diag_error(diag, from->file, node->place,
                        "there is no %s in templates/; did you mean %s?", node->text, best);
    else
        yaml_diag_error(diag, from->file, node->place, "there is no %s in templates/", node->text);
}

static void check_sink(const struct trials *trials, const struct declared *from,
                       struct manifest_sink *sink, bool is_complete, struct yaml_diag *diag)
{
    const struct manifest *m = trials->m;
    const struct yaml_node *node = yaml_get(yaml_get(from->root, "format"), "template");
    const struct manifest_template *t =
        find_template(m->templates, m->template_count, sink->template);
    if (!t) {
        if (is_complete)
            tell_unknown(m, from, node, diag);
        return;
    }
    sink->compiled = t->compiled;
    for (enum event_type type = 0; type < EVENT_COUNT; type++) {
        const char *fault =
            sink->events[type] ? find_fault(trials, sink, (size_t)(t - m->templates), type) : NULL;
        if (fault)
            yaml_diag_error(diag, from->file, node->place, "%s fails with %s", sink->template,
                            fault);
    }
}

void cross_templates(struct manifest *m, const struct declared *from, struct manifest_sink *sinks,
                     bool is_complete, struct yaml_diag *diag)
{
    struct manifest_template *list = list_templates(m);
    struct trials trials = {.m = m,
                            .is_whole = mem_calloc(m->template_count, sizeof *trials.is_whole),
                            .of = mem_calloc(m->template_count, sizeof *trials.of)};
    for (size_t i = 0; i < m->template_count; i++)
        compile(&list[i], diag);
    for (size_t i = 0; i < m->template_count; i++)
        trials.is_whole[i] = check_partials(m, &list[i], is_complete, diag);
    for (size_t i = 0; i < m->sink_count; i++)
        if (sinks[i].template)
            check_sink(&trials, &from[i], &sinks[i], is_complete, diag);
    for (size_t i = 0; i < m->template_count; i++)
        for (size_t type = 0; type < EVENT_COUNT; type++)
            free(trials.of[i][type].fault);
    free(trials.is_whole);
    free(trials.of);
}
