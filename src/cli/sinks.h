/* SPDX-License-Identifier: MIT */
/*
 * sinks: how the sinks are, for `sink list` and `status`.
 *
 *     json_t *sinks;
 *     TRY(sinks_query(&pg, set, &sinks));
 *     sinks_print(sinks, SINKS_ALL);
 *     json_decref(sinks);
 */
#ifndef SPOOLGATE_CLI_SINKS_H
#define SPOOLGATE_CLI_SINKS_H

#include <jansson.h>

#include "base/err.h"
#include "io/pg.h"
#include "manifest/manifest.h"

/*
 * An array with an object for each sink that is declared or that the database knows, by name:
 * {sink, declared, state, target, events, waiting, oldest_waiting, dead_letters, failures, error,
 * last_success_at, last_failure_at, not_before, disabled_at}. Without manifests (NULL) declared,
 * target and events are null. The caller frees it.
 */
struct err sinks_query(struct pg *pg, const struct manifest *set, json_t **sinks);

enum sinks_shown {
    SINKS_ALL,        /* up to 120 columns */
    SINKS_NOTEWORTHY, /* those that aren't well, or for which something waits; 80 columns, and
                       * an empty line before the table */
};
/* A table with its heading; nothing where no sink is shown. How many are. */
size_t sinks_print(const json_t *sinks, enum sinks_shown shown);

#endif
