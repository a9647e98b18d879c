/* SPDX-License-Identifier: MIT */
/*
 * pack: JSON values and seals as msgpack (msgpack-c does the packing). Pure.
 */
#ifndef SPOOLGATE_FRAME_PACK_H
#define SPOOLGATE_FRAME_PACK_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"

void pack_json(struct buf *out, const json_t *value);

/* {"kind": "seal", "frames": N}: the last frame, by which a segment proves that it is complete.
 * id: one more key, which makes it another segment than any of the same frames; NULL: none. */
void pack_seal(struct buf *out, uint64_t frames, const char *id);

#endif
