/* SPDX-License-Identifier: MIT */
/* backlog: a scan's result as the gate sees it. Shared by the daemon's scanner and by drain. */
#ifndef SPOOLGATE_DAEMON_BACKLOG_H
#define SPOOLGATE_DAEMON_BACKLOG_H

#include "gate/gate.h"
#include "spool/scan.h"

static inline struct gate_backlog backlog_of(const struct scan_result *found)
{
    struct gate_backlog b = {.count = found->count};
    for (size_t i = 0; i < found->count; i++)
        b.bytes += found->files[i].bytes;
    if (found->count > 0) {
        b.oldest_us = found->files[0].arrived_us;
        b.newest_us = found->files[found->count - 1].arrived_us;
    }
    return b;
}

/* How many of the files, oldest first, make one batch. */
static inline size_t backlog_batch(const struct gate_policy *policy,
                                   const struct scan_result *found)
{
    struct gate_backlog b = {0};
    while (b.count < found->count && gate_fits(policy, &b, found->files[b.count].bytes))
        b.bytes += found->files[b.count++].bytes;
    return b.count;
}

#endif
