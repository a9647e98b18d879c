/* SPDX-License-Identifier: MIT */
/*
 * source: where bytes come from. A fill function puts up to `size` (> 0) bytes into room and says
 * how many it got; 0 is the end. It may be called again after the end, and answers 0 again.
 */
#ifndef SPOOLGATE_FRAME_SOURCE_H
#define SPOOLGATE_FRAME_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct err frame_fill_fn(void *context, uint8_t *room, size_t size, size_t *got);

#endif
