/* SPDX-License-Identifier: MIT */
/*
 * zstream: zstd decompression as a byte source in front of another byte source, bounded.
 *
 *     struct zstream z = {.fill = read_file, .context = &file};
 *     TRY(zstream_open(&z, limits));
 *     TRY(zstream_fill(&z, room, sizeof room, &got));      // got == 0: the end
 *     TRY(zstream_restart(&z));                            // another file, in the same memory
 *     ...
 *     zstream_close(&z);
 *
 * One or more zstd frames back to back (RFC 8878), skippable frames included. Memory is one window
 * (limits.window_bytes) and one input block, whatever the input claims. Fails with ERR_SEGMENT when
 * the stream is damaged, ends inside a frame, is empty, or expands past limits.raw_bytes or
 * limits.expansion.
 */
#ifndef SPOOLGATE_FRAME_ZSTREAM_H
#define SPOOLGATE_FRAME_ZSTREAM_H

#include <stdbool.h>

#include "base/err.h"
#include "frame/limits.h"
#include "frame/source.h"

struct zstream {
    frame_fill_fn *fill; /* of the compressed bytes */
    void *context;

    /* private */
    struct ZSTD_DCtx_s *decoder;
    const struct frame_limits *limits;
    uint8_t *input;
    size_t input_at, input_end;
    uint64_t bytes_in, bytes_out;
    bool inside_frame, input_done;
};

/* Allocates; zstream_close() is owed whatever the outcome. */
struct err zstream_open(struct zstream *z, const struct frame_limits *limits);
/* Forgets the file, whole, cut or damaged, and begins another under the same limits. Keeps the
 * decoder, its window and the input block: tens of thousands of small files cost one open. fill and
 * context may be set anew before or after. */
struct err zstream_restart(struct zstream *z);
struct err zstream_fill(void *zstream, uint8_t *room, size_t size, size_t *got);
void zstream_close(struct zstream *z);

#endif
