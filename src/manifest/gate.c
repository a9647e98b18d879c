/* SPDX-License-Identifier: MIT */
/* manifests/gates/NAME.yaml */
#include <string.h>

#include "manifest/read.h"
#include "spool/name.h"
#include "spool/spool.h"

enum { STREAMS_MAX = 1000 };

/* ---- the shape ---- */

#define SETTING(path) (&(const struct shape){.type = SHAPE_SETTING, .setting = (path)})

#define GATE_NAME     "^[a-z][a-z0-9_-]*$"
static const struct shape name_shape = {.type = SHAPE_TEXT,
                                        .wanted = "a gate's name (a-z, 0-9, _ and -)",
                                        .pattern = GATE_NAME,
                                        .min = 1,
                                        .max = SHAPE_NAME_MAX};
static const struct shape folder_shape = {
    .type = SHAPE_TEXT,
    .wanted = "a folder's name (a-z, 0-9, _ and -), or . for incoming/ itself,",
    .pattern = "^(\\.|[a-z][a-z0-9_-]*)$",
    .min = 1,
    .max = SHAPE_NAME_MAX};
static const struct shape streams_shape = {
    .type = SHAPE_LIST, .min = 1, .max = STREAMS_MAX, .item = &shape_identifier};

/* The settings' help and ranges are config's own. */
static const struct shape_key open_keys[] = {
    {"count", SETTING("open.count"), NULL, false},
    {"bytes", SETTING("open.bytes"), NULL, false},
    {"age", SETTING("open.age"), NULL, false},
    {"idle", SETTING("open.idle"), NULL, false},
    {0},
};
static const struct shape open_shape = {.type = SHAPE_MAP, .keys = open_keys};
static const struct shape_key batch_keys[] = {
    {"segments", SETTING("batch.segments"), NULL, false},
    {"bytes", SETTING("batch.bytes"), NULL, false},
    {0},
};
static const struct shape batch_shape = {.type = SHAPE_MAP, .keys = batch_keys};

static const struct shape_key keys[] = {
    {"gate", &name_shape, "the gate's name", true},
    {"incoming", &folder_shape,
     "its folder under incoming/; left out: the gate's name, and . for `default`", false},
    {"open", &open_shape, "when waiting segments become a batch: by whichever comes first", false},
    {"batch", &batch_shape, "caps on one batch", false},
    {"max_rejects", SETTING("max_rejects"), NULL, false},
    {"dedupe", SETTING("dedupe"), NULL, false},
    {"nul", SETTING("nul"), NULL, false},
    {"streams", &streams_shape,
     "streams that it takes, `knowledge` for its frames; others' are rejected; left out: all",
     false},
    {0},
};
const struct shape gate_shape = {
    .type = SHAPE_MAP, .wanted = "a map of a gate's keys", .keys = keys};

/* ---- reading ---- */

static void read_setting(const struct reader *r, const struct yaml_node *root, const char *path,
                         const struct config_key *key, struct gate_settings *settings)
{
    const char *dot = strchr(path, '.');
    const struct yaml_node *node;
    if (dot) {
        const struct yaml_node *map =
            yaml_get(root, arena_strndup(r->arena, path, (size_t)(dot - path)));
        node = map ? yaml_get(map, dot + 1) : NULL;
    } else {
        node = yaml_get(root, path);
    }
    if (!node)
        return;
    struct err e = config_gate_set(settings, key, node->text);
    if (err_is(&e))
        READ_ERROR(r, node, "%s", e.text);
}

/* incoming/ itself is always the gate `default`'s. */
static void check_incoming(const struct reader *r, const struct yaml_node *root,
                           const struct manifest_gate *gate)
{
    const struct yaml_node *node = yaml_get(root, "incoming");
    if (!node || !gate->name || !gate->incoming)
        return;
    bool is_default = strcmp(gate->name, SPOOL_DEFAULT_GATE) == 0;
    bool is_root = strcmp(gate->incoming, ".") == 0;
    if (is_default != is_root || strcmp(gate->incoming, SPOOL_DEFAULT_GATE) == 0)
        READ_ERROR(r, node,
                   "incoming/ itself (`.`) is the folder of the gate `default`, and of no other; "
                   "`incoming: default` is nobody's");
}

void read_gate(const struct reader *r, const struct yaml_node *root, struct manifest_gate *gate)
{
    *gate = (struct manifest_gate){.name = read_text(r, root, "gate")};
    gate->incoming = read_text(r, root, "incoming");
    if (!gate->incoming && gate->name)
        gate->incoming = strcmp(gate->name, SPOOL_DEFAULT_GATE) == 0 ? "." : gate->name;
    check_incoming(r, root, gate);
    config_gate_init(&gate->settings);
    for (const struct config_key *k = config_keys; k->path; k++)
        if (config_gate_key(k))
            read_setting(r, root, config_gate_key(k), k, &gate->settings);
}
