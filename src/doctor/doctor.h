/* SPDX-License-Identifier: MIT */
/*
 * doctor: do the spool, the receipts, the ledger and the tables tell the same story?
 *
 *     struct doctor d = {.config = &config, .current = &current, .spool = &spool, .batches = 1000,
 *                        .in_use = running};
 *     struct err e = doctor_run(&d, fix);
 *     ... d.findings, d.checked; also after a failure ...
 *     doctor_free(&d);
 *
 * Looks at this spool's batches only: those of others that share the database are theirs. Looks
 * without locks, also beside a running daemon: each check reads first what the daemon writes last,
 * and looks again before it calls something wrong. With in_use, what is younger than a minute is
 * the daemon's work in progress, and no finding.
 *
 * fix: takes the spool's lock, then does what is safe: batches that are settled retire, claims
 * without a receipt go back to incoming/, empty folders go, documents whose chunks are settled are
 * completed.
 *
 * Failures: ERR_DATABASE and ERR_CONFIG (database at another version) after the checks that need no
 * database; ERR_BUSY when fix was wanted, but another process has the spool, after all checks;
 * ERR_SPOOL when a folder can't be read. The first of them is returned.
 */
#ifndef SPOOLGATE_DOCTOR_DOCTOR_H
#define SPOOLGATE_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "doctor/findings.h"
#include "manifest/current.h"
#include "spool/spool.h"
#include "stream/stream.h"

/* How much was looked at. */
struct doctor_checked {
    uint64_t waiting;    /* segments in incoming/ */
    uint64_t processing; /* batches there */
    uint64_t failed;     /* folders in failed/ */
    uint64_t archived;   /* batches in archive/ */
    uint64_t receipts;   /* of batches that are done: against archive/, ledger and tables */
    bool database;       /* was there to be asked, at this version */
    bool complete;       /* nothing kept us from any of the checks */
};

struct doctor {
    const struct config *config;
    struct manifest_current *current;
    struct spool *spool; /* open; fix locks it */
    bool in_use;         /* a daemon, or a drain, is at work on it */
    /* What a daemon says that it has in hand and not held, asked before doctor_run; the caller's. A
     * drain can't be asked: all is in its hand. */
    const struct uuid *in_hand;
    size_t in_hand_count;
    bool is_drain;
    uint64_t batches; /* how many receipts, newest first, are held against the tables */
    struct findings findings;
    struct doctor_checked checked;

    /* private */
    struct manifest *set;
    const struct stream_set *streams; /* the set's */
    int64_t now_us;
    int64_t archive_from_us; /* claim of the oldest batch in archive/; INT64_MAX for none */
};

struct err doctor_run(struct doctor *d, bool fix);
void doctor_free(struct doctor *d);

#endif
