/* SPDX-License-Identifier: MIT */
/*
 * rules: what a gate wants done with its segments, beyond when to open. Pure.
 */
#ifndef SPOOLGATE_REPLAY_RULES_H
#define SPOOLGATE_REPLAY_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* What a gate's list of streams calls the frames of handler.h; no stream may have the name. */
#define HANDLER_NAME "knowledge"

/* What makes a segment "the same" as one that was loaded before. */
enum dedupe {
    DEDUPE_CONTENT, /* its decompressed bytes */
    DEDUPE_NAME,    /* its name, at this gate */
    DEDUPE_OFF,     /* nothing: every drop counts */
};

/* What becomes of NUL characters in text columns: Postgres can't hold them. */
enum nul_rule { NUL_REJECT, NUL_STRIP };

struct reject_limit {
    uint64_t count;
    bool is_percent; /* of the batch's frames, in millionths: 1% is 10,000 */
};

struct load_rules {
    uint64_t dedupe; /* enum dedupe */
    uint64_t nul;    /* enum nul_rule */
    struct reject_limit max_rejects;
};

/* A share says nothing of a handful of frames: up to this many rejects never fail a batch by it. */
#define RULES_SHARE_FROM 100

/* Does a batch with that many rejected frames fail as a whole? */
static inline bool rules_too_many(const struct reject_limit *limit, uint64_t rejected,
                                  uint64_t frames)
{
    if (!limit->is_percent || limit->count == 0) /* none is none, however it is written */
        return rejected > limit->count;
    return rejected > RULES_SHARE_FROM &&
           (double)rejected * 1e6 > (double)frames * (double)limit->count;
}

#endif
