/* SPDX-License-Identifier: MIT */
/*
 * retry: puts what a batch left behind back into incoming/, to be claimed like any other segment.
 *
 *     struct retry_result r = {0};
 *     TRY(retry_failed(&spool, batch, gate, false, &r));    // failed/BATCH: segments and rejects
 *     TRY(retry_archived(&spool, since_us, &r));            // archive/: batches claimed since then
 *
 * The oldest batch goes back first, and of a batch the oldest segment. Segments go back under their
 * own names (where one is taken, as NAME.again-BATCH); rejects.msgpack goes back as
 * retry-BATCH-rejects.msgpack, so that the ledger lets it in. Each move is one rename: killed in
 * between, the rest is still where it was. Failures are ERR_SPOOL; nothing to retry is ERR_USAGE.
 */
#ifndef SPOOLGATE_SPOOL_RETRY_H
#define SPOOLGATE_SPOOL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "spool/spool.h"

struct retry_result {
    uint64_t batches, segments, rejects; /* rejects: files of them, one a batch */
};

struct err retry_failed(const struct spool *s, const char *batch, const char *gate,
                        bool only_rejects, struct retry_result *result);

/* Only batches whose claim was at or after since_us. Those that the ledger still has will be
 * skipped as duplicates, and archived anew. */
struct err retry_archived(const struct spool *s, int64_t since_us, struct retry_result *result);

#endif
