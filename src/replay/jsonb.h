/* SPDX-License-Identifier: MIT */
/*
 * jsonb: one msgpack value as JSON text for a jsonb column. Pure.
 *
 *     struct jsonb_order order = {0};
 *     const char *problem = jsonb_append(&out, &cursor, &order, &numbers_nulled);
 *     ...
 *     jsonb_order_free(&order);
 *
 * integers exact; doubles in shortest form that reads back the same; NaN and Inf become null and
 * are counted; bin {"$bin": base64}; ext {"$ext": [type, base64]}; timestamps (ext -1) RFC 3339;
 * scalar keys become strings.
 *
 * With an order, keys stand as jsonb keeps them (shorter ones first, those of one length by their
 * bytes), and of duplicate keys only the last is there: what the server would do with the text,
 * done where it costs less. Without one (NULL) keys stand as they came, duplicates included.
 */
#ifndef SPOOLGATE_REPLAY_JSONB_H
#define SPOOLGATE_REPLAY_JSONB_H

#include <stdint.h>

#include "base/buf.h"
#include "frame/msgpack.h"

/* Scratch for ordering keys, kept from value to value. Zeroed is empty. At most 64 KiB of each part
 * stay between two values; meanwhile it is some fifty bytes for each key of the objects that are
 * open (limits.keys, limits.depth), and the text of the largest once more. */
struct jsonb_order {
    struct buf members; /* of the objects that are open, one entry for each member */
    struct buf sorted;  /* pointers to those of the object that is put in order */
    struct buf text;    /* that object's */
};

/* NULL when all went well, else why the value can't be jsonb (static text); out may then hold a
 * part. The cursor is past the value only on success. Nesting was bounded by mp_skip before. */
const char *jsonb_append(struct buf *out, struct mp_cursor *c, struct jsonb_order *order,
                         uint32_t *numbers_nulled);
void jsonb_order_free(struct jsonb_order *order);

#endif
