/* SPDX-License-Identifier: MIT */
/*
 * prune: removes old batches from archive/ and failed/, oldest first.
 *
 *     struct prune_rules rules = {.before_us = now - keep, .keep_bytes = 200 << 30};
 *     TRY(prune_archive(&spool, &rules, &result));
 *
 * Works on whole batch folders, by the time in the batch's id. Only retired batches live in these
 * two folders, so nothing that is still owed to the database can be met. What isn't ours stays
 * (spool/retired.h), and a folder in a batch's keeps that, with a warning. Killed in between, a
 * half-emptied folder is finished by the next pass. After a failure the others are done all the
 * same, and the first failure is returned.
 */
#ifndef SPOOLGATE_SPOOL_PRUNE_H
#define SPOOLGATE_SPOOL_PRUNE_H

#include <stdint.h>

#include "base/err.h"
#include "spool/spool.h"

struct prune_rules {
    int64_t before_us;   /* batches claimed before this go; INT64_MIN: none */
    uint64_t keep_bytes; /* the oldest go until the rest fits; 0: no limit */
};

struct prune_result {
    uint64_t batches, bytes;
};

struct err prune_archive(const struct spool *s, const struct prune_rules *rules,
                         struct prune_result *result);
struct err prune_failed(const struct spool *s, const struct prune_rules *rules,
                        struct prune_result *result);

#endif
