/* SPDX-License-Identifier: MIT */
/*
 * jsonb: one msgpack value as JSON text for a jsonb column. Pure.
 *
 * integers exact; doubles in shortest form that reads back the same; NaN and Inf become null and
 * are counted; bin {"$bin": base64}; ext {"$ext": [type, base64]}; timestamps (ext -1) RFC 3339;
 * scalar keys become strings. The server keeps the last of duplicate keys.
 */
#ifndef SPOOLGATE_REPLAY_JSONB_H
#define SPOOLGATE_REPLAY_JSONB_H

#include <stdint.h>

#include "base/buf.h"
#include "frame/msgpack.h"

/* NULL when all went well, else why the value can't be jsonb (static text); out may then hold a
 * part. The cursor is past the value only on success. Nesting was bounded by mp_skip before. */
const char *jsonb_append(struct buf *out, struct mp_cursor *c, uint32_t *numbers_nulled);

#endif
