/* SPDX-License-Identifier: MIT */
#include "manifest/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifest/read.h"
#include "manifest/shipped.h"

const char *const manifest_kind_names[] = {"stream", "gate", "sink", "embedder", NULL};

static const struct shape *const shapes[MANIFEST_KINDS] = {&stream_shape, &gate_shape, &sink_shape,
                                                           &embedder_shape};

struct documents {
    struct declared *items;
    size_t count, cap;
    bool is_complete; /* every file of this kind says a name */
};

struct building {
    struct manifest *m;
    struct arena yaml; /* the trees, gone once the set is built */
    struct yaml_diag *diag;
    struct documents of[MANIFEST_KINDS];
    bool has_all_templates; /* none of them couldn't be read */
};

/* ---- files to documents ---- */

/* By the folder; MANIFEST_KINDS where it is none of ours. */
static enum manifest_kind kind_of_path(const char *path)
{
    enum manifest_kind kind = MANIFEST_STREAM;
    const char *slash = strchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    for (; kind < MANIFEST_KINDS; kind++)
        if (strlen(manifest_folders[kind]) == len && memcmp(manifest_folders[kind], path, len) == 0)
            break;
    return kind;
}

/* A file in the wrong folder has another kind's key, and not its folder's. */
static bool is_misplaced(const struct building *b, const char *file, enum manifest_kind kind,
                         const struct yaml_node *root)
{
    if (yaml_get(root, manifest_kind_names[kind]))
        return false;
    for (enum manifest_kind other = MANIFEST_STREAM; other < MANIFEST_KINDS; other++) {
        if (other == kind || !yaml_get(root, manifest_kind_names[other]))
            continue;
        yaml_diag_error(b->diag, file, root->place, "this declares a %s: it belongs in %s/",
                        manifest_kind_names[other], manifest_folders[other]);
        return true;
    }
    return false;
}

static void read_file(struct building *b, const struct manifest_file *file, bool is_shipped)
{
    enum manifest_kind kind = kind_of_path(file->path);
    struct yaml_place start = {1, 1};
    if (read_is_template(file->path))
        return; /* see cross_templates */
    if (kind == MANIFEST_KINDS) {
        yaml_diag_error(b->diag, file->path, (struct yaml_place){0},
                        "manifests are in the folders streams/, gates/, sinks/ and embedders/");
        return;
    }
    size_t errors = b->diag->errors;
    struct documents *documents = &b->of[kind];
    struct yaml_node *root = yaml_read(&b->yaml, file->path, file->text, file->len, b->diag);
    if (!root && b->diag->errors == errors)
        yaml_diag_error(b->diag, file->path, start, "the file says nothing; a %s is wanted",
                        manifest_kind_names[kind]);
    if (!root || is_misplaced(b, file->path, kind, root)) {
        documents->is_complete = false;
        return;
    }
    shape_check(shapes[kind], root, file->path, b->diag);
    if (!yaml_get(root, manifest_kind_names[kind]))
        documents->is_complete = false;
    *MEM_PUSH(documents->items, documents->count, documents->cap) =
        (struct declared){file->path, root, is_shipped};
}

/* The name that a document gives itself; NULL where it has none. */
static const char *name_of(const struct declared *document, enum manifest_kind kind)
{
    const struct yaml_node *node = yaml_get(document->root, manifest_kind_names[kind]);
    return node ? node->text : NULL;
}

/* Any declared embedder stands in place of the shipped ones: they would share its work. */
static void drop_shipped_embedders(struct documents *embedders)
{
    size_t shipped = 0;
    while (shipped < embedders->count && embedders->items[shipped].is_shipped)
        shipped++;
    if (shipped == embedders->count)
        return;
    embedders->count -= shipped;
    memmove(embedders->items, embedders->items + shipped,
            embedders->count * sizeof *embedders->items);
}

/* A declared stream of the name stands in place of the shipped one. */
static void drop_replaced(struct documents *streams)
{
    size_t kept = 0;
    for (size_t i = 0; i < streams->count; i++) {
        bool is_replaced = false;
        const char *name = name_of(&streams->items[i], MANIFEST_STREAM);
        for (size_t k = i + 1; k < streams->count && streams->items[i].is_shipped && name; k++) {
            const char *other = name_of(&streams->items[k], MANIFEST_STREAM);
            is_replaced |= other && !streams->items[k].is_shipped && strcmp(name, other) == 0;
        }
        if (!is_replaced)
            streams->items[kept++] = streams->items[i];
    }
    streams->count = kept;
}

/* ---- documents to the set ---- */

static struct reader reader_of(struct building *b, const struct declared *document)
{
    return (struct reader){&b->m->arena, document->file, b->diag};
}

static void build_streams(struct building *b)
{
    const struct documents *from = &b->of[MANIFEST_STREAM];
    struct stream *streams = arena_alloc(&b->m->arena, from->count * sizeof *streams);
    for (size_t i = 0; i < from->count; i++) {
        struct reader r = reader_of(b, &from->items[i]);
        read_stream(&r, from->items[i].root, &streams[i]);
        streams[i].file = from->items[i].is_shipped ? NULL : from->items[i].file;
    }
    b->m->streams = (struct stream_set){streams, from->count};
    cross_streams(from->items, streams, from->count, b->diag);
}

static void build_gates(struct building *b)
{
    const struct documents *from = &b->of[MANIFEST_GATE];
    struct manifest_gate *gates = arena_alloc(&b->m->arena, from->count * sizeof *gates);
    for (size_t i = 0; i < from->count; i++) {
        struct reader r = reader_of(b, &from->items[i]);
        read_gate(&r, from->items[i].root, &gates[i]);
        gates[i].file = from->items[i].file;
    }
    b->m->gates = gates;
    b->m->gate_count = from->count;
    cross_gates(&b->m->arena, from->items, gates, from->count, &b->m->streams,
                b->of[MANIFEST_STREAM].is_complete, b->diag);
}

static void build_sinks(struct building *b)
{
    const struct documents *from = &b->of[MANIFEST_SINK];
    struct manifest_sink *sinks = arena_alloc(&b->m->arena, from->count * sizeof *sinks);
    for (size_t i = 0; i < from->count; i++) {
        struct reader r = reader_of(b, &from->items[i]);
        read_sink(&r, from->items[i].root, &sinks[i]);
    }
    b->m->sinks = sinks;
    b->m->sink_count = from->count;
    cross_sinks(from->items, sinks, from->count, b->m->gates, b->m->gate_count,
                b->of[MANIFEST_GATE].is_complete, b->diag);
    cross_templates(b->m, from->items, sinks, b->has_all_templates, b->diag);
}

static void build_embedders(struct building *b)
{
    const struct documents *from = &b->of[MANIFEST_EMBEDDER];
    struct manifest_embedder *embedders =
        arena_alloc(&b->m->arena, from->count * sizeof *embedders);
    for (size_t i = 0; i < from->count; i++) {
        struct reader r = reader_of(b, &from->items[i]);
        read_embedder(&r, from->items[i].root, &embedders[i]);
        embedders[i].file = from->items[i].is_shipped ? NULL : from->items[i].file;
    }
    b->m->embedders = embedders;
    b->m->embedder_count = from->count;
    cross_embedders(from->items, embedders, from->count, b->diag);
}

static void copy_files(struct manifest *m, const struct manifest_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct manifest_file *file = &files->items[i];
        manifest_files_add(&m->files, file->path, mem_strndup(file->text, file->len), file->len);
    }
    manifest_files_sort(&m->files);
    manifest_files_hash(&m->files, m->sha256);
}

/* Which kinds have a file that couldn't be read, as diag has it before any is looked at? */
static void start_kinds(struct building *b)
{
    for (enum manifest_kind kind = MANIFEST_STREAM; kind < MANIFEST_KINDS; kind++)
        b->of[kind].is_complete = true;
    b->has_all_templates = true;
    for (size_t i = 0; i < b->diag->count; i++) {
        const struct yaml_finding *finding = &b->diag->items[i];
        enum manifest_kind kind = kind_of_path(finding->file);
        if (!finding->is_warning && kind < MANIFEST_KINDS)
            b->of[kind].is_complete = false;
        if (!finding->is_warning && read_is_template(finding->file))
            b->has_all_templates = false;
    }
}

struct manifest *manifest_build(const struct manifest_files *files, struct yaml_diag *diag)
{
    struct building b = {.m = mem_calloc(1, sizeof *b.m), .diag = diag};
    atomic_init(&b.m->refs, 1);
    copy_files(b.m, files);
    start_kinds(&b);
    for (size_t i = 0; i < manifest_shipped.count; i++)
        read_file(&b, &manifest_shipped.items[i], true);
    for (size_t i = 0; i < b.m->files.count; i++)
        read_file(&b, &b.m->files.items[i], false);
    drop_replaced(&b.of[MANIFEST_STREAM]);
    drop_shipped_embedders(&b.of[MANIFEST_EMBEDDER]);
    build_streams(&b);
    build_gates(&b);
    build_sinks(&b);
    build_embedders(&b);
    yaml_diag_sort(diag);
    for (enum manifest_kind kind = MANIFEST_STREAM; kind < MANIFEST_KINDS; kind++)
        free(b.of[kind].items);
    arena_free(&b.yaml);
    if (diag->errors == 0)
        return b.m;
    manifest_release(b.m);
    return NULL;
}

struct manifest *manifest_default(void)
{
    struct yaml_diag diag = {0};
    struct manifest *m = manifest_build(&(const struct manifest_files){0}, &diag);
    if (!m) { /* the unit tests wouldn't have let it pass */
        struct buf text = {0};
        yaml_diag_text(&diag.items[0], &text);
        (void)fprintf(stderr, "spoolgate: a shipped manifest: %s\n", buf_cstr(&text));
        abort();
    }
    yaml_diag_free(&diag);
    return m;
}

/* ---- sharing ---- */

struct manifest *manifest_hold(struct manifest *m)
{
    (void)atomic_fetch_add(&m->refs, 1);
    return m;
}

void manifest_release(struct manifest *m)
{
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
        return;
    read_free_templates(m);
    manifest_files_free(&m->files);
    arena_free(&m->arena);
    free(m->source);
    config_delete(m->config);
    free(m);
}

void manifest_set_config(struct manifest *m, const struct config *config)
{
    m->config = config_copy(config);
}

void manifest_set_source(struct manifest *m, const char *rev, const char *source)
{
    (void)snprintf(m->rev, sizeof m->rev, "%s", rev);
    free(m->source);
    m->source = mem_strdup(source);
}

/* ---- looking things up ---- */

struct stream_set manifest_shipped_streams(const struct manifest *m)
{
    struct stream_set shipped = {.streams = m->streams.streams};
    while (shipped.count < m->streams.count && !m->streams.streams[shipped.count].file)
        shipped.count++;
    return shipped;
}

const struct stream *manifest_stream(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->streams.count; i++)
        if (strcmp(m->streams.streams[i].name, name) == 0)
            return &m->streams.streams[i];
    return NULL;
}

const struct manifest_gate *manifest_gate(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->gate_count; i++)
        if (strcmp(m->gates[i].name, name) == 0)
            return &m->gates[i];
    return NULL;
}

const struct manifest_sink *manifest_sink(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->sink_count; i++)
        if (strcmp(m->sinks[i].name, name) == 0)
            return &m->sinks[i];
    return NULL;
}

const struct manifest_embedder *manifest_embedder(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->embedder_count; i++)
        if (strcmp(m->embedders[i].name, name) == 0)
            return &m->embedders[i];
    return NULL;
}

void manifest_schema(enum manifest_kind kind, struct buf *out)
{
    char title[32];
    (void)snprintf(title, sizeof title, "spoolgate %s", manifest_kind_names[kind]);
    shape_schema(shapes[kind], title, out);
}

const struct shape *manifest_shape(enum manifest_kind kind)
{
    return shapes[kind];
}
