/* SPDX-License-Identifier: MIT */
/*
 * yaml: a YAML 1.2 text as a tree of nodes, every one with its place. Pure.
 *
 *     struct yaml_node *root = yaml_read(&arena, "a.yaml", text, len, &diag);
 *     const struct yaml_node *by = root ? yaml_get(root, "by") : NULL;
 *     if (by && by->type == YAML_TEXT)  ... by->text, by->place ...
 *
 * The nodes live in the arena. libfyaml takes the text apart; what it lets pass is refused here:
 * bytes that aren't UTF-8, NUL characters, aliases, tags, duplicate keys, keys that are no single
 * value, a second document, and what is larger than the limits below. Other findings than those of
 * syntax don't end the reading, so that one run tells them all.
 */
#ifndef SPOOLGATE_YAML_YAML_H
#define SPOOLGATE_YAML_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "yaml/diag.h"

#define YAML_BYTES_MAX (1 << 20)
#define YAML_DEPTH_MAX 32
#define YAML_KEYS_MAX  4096 /* in one map */

/* What a scalar is by YAML's core schema; quoted and block scalars are always text. */
enum yaml_type {
    YAML_NULL,
    YAML_BOOL,
    YAML_INT,
    YAML_FLOAT,
    YAML_TEXT,
    YAML_LIST,
    YAML_MAP,
};

struct yaml_entry {
    struct yaml_node *key; /* a scalar; NULL in lists */
    struct yaml_node *value;
};

struct yaml_node {
    enum yaml_type type;
    struct yaml_place place;
    const char *text; /* of a scalar: as written, without quotes, no NUL inside; else NULL */
    size_t len;
    struct yaml_entry *entries; /* of lists and maps */
    size_t count;
    bool is_bad; /* an error of it was told: readers leave it out */
};

/* NULL where the text has errors that leave no tree, or where it says nothing (then diag is as it
 * was). */
struct yaml_node *yaml_read(struct arena *arena, const char *file, const char *text, size_t len,
                            struct yaml_diag *diag);

/* The value of a key; NULL where the map has none, or a bad one. */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* "text", "a list", ...: for messages. */
const char *yaml_type_name(const struct yaml_node *node);

/* The type of a plain scalar. */
enum yaml_type yaml_scalar_type(const char *text);

bool yaml_bool(const struct yaml_node *node); /* YAML_BOOL */

#endif
