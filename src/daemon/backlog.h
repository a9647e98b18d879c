/* SPDX-License-Identifier: MIT */
/*
 * backlog: what waits at one gate, as the last scan saw it, and how it is cut into batches. Shared
 * by the daemon's scanner and by drain.
 *
 *     struct backlog b = {0};
 *     TRY(backlog_scan(&b, &spool, "default", policy, &rules));
 *     while (gate_decide(policy, &waiting, ...) says open, of backlog_waiting(&b)) {
 *         size_t n = backlog_cut(&b, policy, loaders, weight, &files);
 *         ... files[0 .. n), the caller's, names and all ...
 *     }
 *     backlog_free(&b);
 *
 * One scan is cut into many batches: files that go away meanwhile are left out by the claim.
 */
#ifndef SPOOLGATE_DAEMON_BACKLOG_H
#define SPOOLGATE_DAEMON_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

#include "gate/gate.h"
#include "replay/prepare.h"
#include "spool/scan.h"

struct backlog { /* zeroed is empty */
    struct scan_result found;
    size_t first; /* of found.files: those before were taken */
    uint64_t bytes;
    int64_t oldest_us, newest_us; /* arrivals in the list */
    bool is_ordered;              /* by mtime, that is; else by arrival */
};

/* Scans anew or, where the last scan didn't get to the folder's end, goes on from there. */
struct err backlog_scan(struct backlog *b, const struct spool *s, const char *gate,
                        const struct gate_policy *policy, const struct scan_rules *rules);
void backlog_free(struct backlog *b);

struct gate_backlog backlog_waiting(const struct backlog *b);

/* The oldest files that make one batch, and at least one of them. With policy->batch_bytes 0 that
 * is about BACKLOG_BATCH of rows, or as much less as keeps all loaders busy; `weight` is what a
 * byte of a .zst is expected to come to (0: not known yet). *files is the caller's, as are the
 * names. */
#define BACKLOG_BATCH ((double)(20 << 20))
size_t backlog_cut(struct backlog *b, const struct gate_policy *policy, unsigned loaders,
                   const struct load_weight *weight, struct scan_file **files);

#endif
