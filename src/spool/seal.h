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
 *
 * A file in tmp/ is locked (flock) while its writer lives: what a killed one left is told by that.
 * All failures of the file system are ERR_SPOOL.
 */
#ifndef SPOOLGATE_SPOOL_SEAL_H
#define SPOOLGATE_SPOOL_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "io/durable.h"
#include "spool/spool.h"

struct seal {
    /* Set after seal_open where what it says may have been said before, and counts again; "": a
     * segment of the same frames is a duplicate to the ledger. */
    char id[UUID_TEXT];

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
struct err seal_frames(struct seal *s, const void *bytes, size_t len, uint64_t count);
struct err seal_end(struct seal *s);
/* When s->file.is_published after a failure, it may be called again: then it only syncs
 * the folder. After any other the segment is gone, and must be written anew. */
struct err seal_publish(struct seal *s, const struct spool *spool, const char *gate,
                        const char *name);
void seal_close(struct seal *s);

/* Removes the files in tmp/ whose writers died before they published them. */
struct err seal_clean(const struct spool *spool);

#endif
