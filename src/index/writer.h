/* SPDX-License-Identifier: MIT */
/*
 * writer: frames into sealed segments in the spool, cut where they get large.
 *
 *     struct writer w = {.spool = &spool, .gate = "default", .limits = &limits};
 *     writer_open(&w, "git:/srv/handbook.git");     // what the frames are about
 *     TRY(writer_check_earlier(&w));                // has all that was sent before been loaded?
 *     TRY(writer_put(&w, frame, len));
 *     TRY(writer_end(&w));                          // the last segment is in incoming/ now
 *     writer_close(&w);                             // always; what isn't published is gone
 *
 * Segments are named index-KEY-ID.msgpack.zst; the key is a hash of what they are about. The gate
 * may load several of them side by side, in any order: no file may stand in two frames of one run,
 * and a run waits until those of the last one are loaded.
 */
#ifndef SPOOLGATE_INDEX_WRITER_H
#define SPOOLGATE_INDEX_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "frame/limits.h"
#include "spool/spool.h"

#define WRITER_KEY 24

struct writer {
    const struct spool *spool;
    const char *gate;
    const struct frame_limits *limits;
    bool is_dry; /* nothing is written */
    struct err (*before)(
        void *context); /* called once, before the first segment is published; may be NULL */
    void *context;

    char **segments; /* published: "incoming/NAME", below the spool */
    size_t segment_count, segment_cap;
    uint64_t frames, bytes; /* of all segments, decompressed */

    /* private */
    char prefix[WRITER_KEY];
    struct buf pending; /* the segment to be: frames back to back */
    size_t *ends;       /* of each of them */
    size_t end_count, end_cap;
};

void writer_open(struct writer *w, const char *about);
/* ERR_BUSY names a segment that still waits, is being loaded, or failed. */
struct err writer_check_earlier(const struct writer *w);
/* A frame longer than limits.frame_bytes would fail its segment: the caller looks first. */
struct err writer_put(struct writer *w, const void *frame, size_t len);
struct err writer_end(struct writer *w);
void writer_close(struct writer *w);

#endif
