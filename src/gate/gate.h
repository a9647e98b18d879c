/* SPDX-License-Identifier: MIT */
/*
 * gate: when do waiting segments become a batch? Pure: policy, backlog and clock in, decision out.
 *
 *     struct gate_decision d = gate_decide(&policy, &backlog, now, false);
 *     if (d.action == GATE_OPEN)  ... claim while gate_fits(), d.reason on the receipt
 *     if (d.action == GATE_WAIT)  ... decide again at d.until_us, or when something arrives
 *
 * A gate opens by count, bytes, age of the oldest, or idle time, whichever comes first. A threshold
 * of 0 is off.
 */
#ifndef SPOOLGATE_GATE_GATE_H
#define SPOOLGATE_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate_policy {
    uint64_t open_count;     /* segments waiting */
    uint64_t open_bytes;     /* bytes waiting, on disk */
    int64_t open_age_us;     /* since the oldest arrived */
    int64_t open_idle_us;    /* since the newest arrived */
    uint64_t batch_segments; /* caps on one batch; at least one segment is always taken */
    uint64_t batch_bytes;    /* on disk; 0: no such cap */
    bool is_ordered;         /* one batch after the other, by the segments' mtime and name */
};

struct gate_backlog {
    uint64_t count, bytes;
    int64_t oldest_us, newest_us; /* arrival times; only looked at when count > 0 */
};

enum gate_action { GATE_EMPTY, GATE_WAIT, GATE_OPEN };

struct gate_decision {
    enum gate_action action;
    int64_t
        until_us; /* GATE_WAIT: wall clock time of the next possible opening, INT64_MAX for never */
    char reason[96]; /* GATE_OPEN: "count 100 reached" */
};

/* forced: an operator's `gate open` or `drain --force`; opens whatever waits. */
struct gate_decision gate_decide(const struct gate_policy *policy,
                                 const struct gate_backlog *backlog, int64_t now_us, bool forced);

/* Does one more segment of that size fit beside what the batch has already? The first always does.
 */
bool gate_fits(const struct gate_policy *policy, const struct gate_backlog *batch, uint64_t bytes);

#endif
