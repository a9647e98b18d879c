/* SPDX-License-Identifier: MIT */
/*
 * outcome: what became of a batch, for status, metrics and drain's exit code. Filled by load.h's
 * functions; a plain value, copied at will.
 */
#ifndef SPOOLGATE_REPLAY_OUTCOME_H
#define SPOOLGATE_REPLAY_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "replay/field.h"
#include "replay/times.h"
#include "spool/spool.h"

#define OUTCOME_TAG   128
#define OUTCOME_ERROR ERR_TEXT

struct load_outcome {
    bool settled;     /* this call saw the batch to its end (not: returned to incoming/) */
    bool failed;      /* receipt status */
    bool is_recalled; /* loaded by an earlier try: the numbers are its receipt's */
    uint64_t rows, rejected, skipped;
    uint64_t segments, segments_failed, segments_duplicate; /* the first is all of them */
    uint64_t bytes, bytes_raw;

    /* of one that is settled */
    struct uuid id;
    char gate[SPOOL_GATE];
    char tag[OUTCOME_TAG];
    char error[OUTCOME_ERROR]; /* why it failed as a whole; "" when it didn't */
    int64_t opened_us, settled_us;
    uint64_t rejected_by[REJECT_WHY_COUNT]; /* add up to `rejected` */
    struct batch_times times;
};

#endif
