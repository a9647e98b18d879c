/* SPDX-License-Identifier: MIT */
/*
 * mptime: instants and durations as producers pack them. msgpack timestamp (ext -1: 4, 8 or 12
 * bytes), Fluentd's EventTime (ext 0, 8 bytes: seconds and nanoseconds, big-endian), and bare
 * numbers that count a unit. Pure.
 */
#ifndef SPOOLGATE_REPLAY_MPTIME_H
#define SPOOLGATE_REPLAY_MPTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "frame/msgpack.h"

/* False where v isn't one of them, or holds nanoseconds past a second, or a year out of reach. */
bool mptime_ext(const struct mp_value *v, int64_t *us);

/* An integer or a float, which counts unit_ns (0: seconds), in microseconds. Integers of a finer
 * unit are rounded down. False where v is no number, or one that is out of reach. */
bool mptime_number(const struct mp_value *v, int64_t unit_ns, int64_t *us);

#endif
