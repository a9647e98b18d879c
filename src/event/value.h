/* SPDX-License-Identifier: MIT */
/*
 * value: a JSON value as templates show it. For render.c alone. All functions append; v may be
 * NULL, which is as null.
 */
#ifndef SPOOLGATE_EVENT_VALUE_H
#define SPOOLGATE_EVENT_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* As compact JSON; keys in their order, numbers in the fewest digits that read back the same. */
void value_write_json(struct buf *out, const json_t *v);

/* As text: a string is its characters, null is nothing, the others are as in JSON. */
void value_write_plain(struct buf *out, const json_t *v);

/* The text with HTML's special characters as entities. */
void value_escape_html(struct buf *out, const struct buf *plain);

/* Does a section over it stay away? Of null, false, 0, "" and []. */
bool value_is_false(const json_t *v);

#endif
