/* SPDX-License-Identifier: MIT */
/*
 * rejects: frames that can't be loaded, kept twice: a row in ingestion_reject with the reason, and
 * the original bytes in failed/BATCH/rejects.msgpack, a segment that can be dropped in again.
 *
 *     struct rejects r = {.claim = &claim};
 *     TRY(rejects_add(&r, rows, segment, &frame, &reject));     // appends one COPY row to `rows`
 *     TRY(rejects_stage(&r));                                   // before the COMMIT
 *     rejects_discard(&r);                                      // always
 */
#ifndef SPOOLGATE_REPLAY_REJECTS_H
#define SPOOLGATE_REPLAY_REJECTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "frame/reader.h"
#include "io/durable.h"
#include "replay/copybin.h"
#include "spool/claim.h"

struct rejects {
    const struct claim *claim;

    /* private */
    bool is_open;
    int staging;
    struct durable_file file;
    struct buf pending;
};

struct err rejects_add(struct rejects *r, struct buf *rows, const char *segment_encoded,
                       const struct frame *frame, const struct reject *reject);
struct err rejects_stage(struct rejects *r);
void rejects_discard(struct rejects *r);

#endif
