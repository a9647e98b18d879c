/* SPDX-License-Identifier: MIT */
/*
 * seal: writes one segment the way producers should: hidden name in tmp/, seal frame, fsync, rename
 * into incoming/, fsync of the folder.
 *
 *     struct seal s;
 *     TRY(seal_open(&s, &spool, zstd));
 *     TRY(seal_frame(&s, bytes, len));               // whole msgpack maps, any number
 *     TRY(seal_end(&s));                             // may be left out: no more frames
 *     TRY(seal_publish(&s, &spool, "default", name));
 *     seal_close(&s);                                // always; unpublished, it leaves nothing
 */
#ifndef SPOOLGATE_SPOOL_SEAL_H
#define SPOOLGATE_SPOOL_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/durable.h"
#include "spool/spool.h"

struct seal {
    uint64_t frames;
    uint64_t raw_bytes, file_bytes; /* after seal_end: of the segment, and of its file */

    /* private */
    bool is_ended;
    struct durable_file file;
    struct ZSTD_CCtx_s *encoder; /* NULL: raw */
    struct buf pending, packed;
};

struct err seal_open(struct seal *s, const struct spool *spool, bool zstd);
struct err seal_frame(struct seal *s, const void *bytes, size_t len);
struct err seal_end(struct seal *s);
struct err seal_publish(struct seal *s, const struct spool *spool, const char *gate,
                        const char *name);
void seal_close(struct seal *s);

#endif
