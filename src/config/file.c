/* SPDX-License-Identifier: MIT */
/* The YAML side of config: a tree of nodes, walked into config_set() calls. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "yaml/yaml.h"

enum { PATH_BYTES = 256 };

struct walk {
    struct config *config;
    const char *file;
    struct err first; /* mistake; what comes after it is read all the same */
};

static void keep_first(struct walk *w, const struct err *e)
{
    if (!err_is(&w->first))
        w->first = *e;
}

static struct err at_node(const struct walk *w, const struct yaml_node *node, const char *text)
{
    return err_make(ERR_CONFIG, "%s:%d:%d: %s", w->file, node->place.line, node->place.column,
                    text);
}

static void walk_map(struct walk *w, const struct yaml_node *map, const char *prefix)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->entries[i].key;
        const struct yaml_node *value = map->entries[i].value;
        char path[PATH_BYTES];
        struct err e = ERR_OK;
        if (snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key->text) >=
            PATH_BYTES)
            e = err_make(ERR_CONFIG, "the key is too long");
        else if (value->type == YAML_MAP)
            walk_map(w, value, path); /* no deeper than a path is long */
        else if (!value->text)
            e = err_make(ERR_CONFIG, "a single value is wanted here");
        else
            e = config_set(w->config, path, value->text);
        if (err_is(&e)) {
            e = at_node(w, key, e.text);
            keep_first(w, &e);
        }
    }
}

static struct err first_finding(struct yaml_diag *diag)
{
    struct buf text = {0};
    yaml_diag_sort(diag);
    yaml_diag_text(&diag->items[0], &text);
    struct err e = err_make(ERR_CONFIG, "%s", buf_cstr(&text));
    buf_free(&text);
    return e;
}

static struct err check_places(const struct walk *w)
{
    const struct config_manifests *manifests = &w->config->manifests;
    if (*manifests->dir && *manifests->repo)
        return err_make(ERR_CONFIG,
                        "%s: `manifests` names a folder and `manifests.repo` a repository; leave "
                        "one of them out",
                        w->file);
    return ERR_OK;
}

/* A text that says nothing, and so an empty file, is a configuration of defaults. */
struct err config_load_text(struct config *c, const char *name, const char *text, size_t len)
{
    struct walk w = {.config = c, .file = name};
    struct arena arena = {0};
    struct yaml_diag diag = {0};
    struct yaml_node *root = yaml_read(&arena, name, text, len, &diag);
    if (diag.errors > 0)
        w.first = first_finding(&diag);
    else if (root && root->type != YAML_MAP)
        w.first = at_node(&w, root, "a mapping of keys to values is wanted");
    else if (root)
        walk_map(&w, root, "");
    yaml_diag_free(&diag);
    arena_free(&arena);
    return err_is(&w.first) ? w.first : check_places(&w);
}

static struct err read_file(int fd, const char *path, struct buf *text)
{
    ssize_t n;
    do {
        n = read(fd, buf_reserve(text, 65536), 65536);
        if (n < 0)
            return err_system(ERR_CONFIG, errno, "can't read %s", path);
        text->len += (size_t)n;
        if (text->len > YAML_BYTES_MAX)
            return err_make(ERR_CONFIG, "%s is larger than 1 MiB: not a configuration", path);
    } while (n > 0);
    return ERR_OK;
}

struct err config_load_file(struct config *c, const char *path)
{
    struct buf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_system(ERR_CONFIG, errno, "can't open %s", path);
    struct err e = read_file(fd, path, &text);
    (void)close(fd);
    if (!err_is(&e))
        e = config_load_text(c, path, (const char *)text.data, text.len);
    buf_free(&text);
    return e;
}
