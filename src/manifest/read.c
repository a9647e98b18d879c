/* SPDX-License-Identifier: MIT */
#include "manifest/read.h"

const char *read_text(const struct reader *r, const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);
    return node && node->text ? arena_strdup(r->arena, node->text) : NULL;
}
