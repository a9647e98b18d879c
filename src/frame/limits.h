/* SPDX-License-Identifier: MIT */
/*
 * limits: what a producer may make us spend. Every one is checked before memory or time is spent on
 * the bytes in question. Configured under `limits:` (spoolgate.example.yaml holds the defaults).
 */
#ifndef SPOOLGATE_FRAME_LIMITS_H
#define SPOOLGATE_FRAME_LIMITS_H

#include <stdint.h>

#define FRAME_DEPTH_MAX 128 /* ceiling of `depth`: the walk keeps its stack in an array */

struct frame_limits {
    uint64_t segment_bytes; /* of the file on disk */
    uint64_t raw_bytes;     /* of the segment, decompressed */
    uint64_t expansion;     /* raw bytes for each byte on disk, looked at from the first MiB on */
    uint64_t window_bytes;  /* zstd window: what a decompressor must keep */
    uint64_t frame_bytes;   /* of one frame */
    uint64_t string_bytes;  /* of one str, bin or ext */
    uint64_t keys;          /* of one map */
    uint64_t depth;         /* of nesting */
};

#define FRAME_LIMITS_DEFAULT                                                                    \
    {                                                                                           \
        .segment_bytes = UINT64_C(4) << 30, .raw_bytes = UINT64_C(32) << 30, .expansion = 1000, \
        .window_bytes = UINT64_C(8) << 20, .frame_bytes = UINT64_C(16) << 20,                   \
        .string_bytes = UINT64_C(16) << 20, .keys = 10000, .depth = 64                          \
    }

#endif
