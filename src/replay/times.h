/* SPDX-License-Identifier: MIT */
/*
 * times: how long the stages of a batch took, and when they began.
 *
 *     struct batch_watch w = batch_watch_start();
 *     ... COMMIT ...
 *     batch_watch_stop(&w, &times, BATCH_COMMIT);
 *
 * A stage that is gone through again (a second try at the transaction) keeps its beginning, and its
 * durations add up. Two clocks: the wall's says when, the monotonic one how long.
 */
#ifndef SPOOLGATE_REPLAY_TIMES_H
#define SPOOLGATE_REPLAY_TIMES_H

#include <stdint.h>

#include "base/time.h"

/* In the order in which they happen; docs/MONITORING.md says what each is. */
enum batch_stage {
    BATCH_WAIT,
    BATCH_CLAIM,
    BATCH_PREPARE,
    BATCH_QUEUE,
    BATCH_OPEN,
    BATCH_LOAD,
    BATCH_COMMIT,
    BATCH_RETIRE,
    BATCH_STAGES
};

struct batch_stage_time {
    int64_t at_us; /* wall clock; 0: the batch didn't go through it, or nobody knows */
    int64_t took_us;
};

struct batch_times {
    struct batch_stage_time of[BATCH_STAGES];
};

struct batch_watch {
    int64_t at_us, start_us;
};

static inline struct batch_watch batch_watch_start(void)
{
    return (struct batch_watch){time_now(), time_monotonic()};
}

static inline void batch_times_add(struct batch_times *times, enum batch_stage stage, int64_t at_us,
                                   int64_t took_us)
{
    struct batch_stage_time *t = &times->of[stage];
    if (t->at_us == 0)
        t->at_us = at_us;
    t->took_us += took_us > 0 ? took_us : 0;
}

static inline void batch_watch_stop(const struct batch_watch *w, struct batch_times *times,
                                    enum batch_stage stage)
{
    batch_times_add(times, stage, w->at_us, time_monotonic() - w->start_us);
}

#endif
