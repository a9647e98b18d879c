/* SPDX-License-Identifier: MIT */
/*
 * against: what a segment would become in a database, tried out in a transaction that is rolled
 * back.
 *
 *     struct against a = {0};
 *     TRY(against_try(&a, &config, &current, "default", path));
 *     ... a.partitions, a.refused ...
 *     against_free(&a);
 */
#ifndef SPOOLGATE_CLI_AGAINST_H
#define SPOOLGATE_CLI_AGAINST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "manifest/current.h"
#include "replay/copybin.h"

struct against_refused { /* by the server; what we reject is inspect's to tell */
    uint64_t index, offset;
    struct reject reject;
};

struct against {
    char **partitions; /* that would be made, quoted names */
    size_t partition_count, partition_cap;
    struct against_refused *refused;
    size_t refused_count, refused_cap;
    char duplicate_of[UUID_TEXT]; /* the batch that loaded these bytes; "" */
    uint64_t rows, skipped;       /* skipped: superseded or ignored, by the stream's mode */
};

/* ERR_CONFIG where a table doesn't fit, ERR_SEGMENT where the segment can't be loaded at all. */
struct err against_try(struct against *a, const struct config *config,
                       struct manifest_current *current, const char *gate, const char *path);
void against_free(struct against *a);

#endif
