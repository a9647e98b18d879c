/* SPDX-License-Identifier: MIT */
/*
 * mptime: instants as producers pack them. msgpack timestamp (ext -1: 4, 8 or 12 bytes) and
 * Fluentd's EventTime (ext 0, 8 bytes: seconds and nanoseconds, big-endian). Pure.
 */
#ifndef SPOOLGATE_REPLAY_MPTIME_H
#define SPOOLGATE_REPLAY_MPTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "frame/msgpack.h"

/* False where v isn't one of them, or holds nanoseconds past a second, or a year out of reach. */
bool mptime_ext(const struct mp_value *v, int64_t *us);

#endif
