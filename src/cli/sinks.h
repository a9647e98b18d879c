/* SPDX-License-Identifier: MIT */
/*
 * sinks: how the sinks are, for `sink list` and `status`.
 *
 *     json_t *sinks;
 *     TRY(facts_sinks(&pg, set, &sinks));
 *     sinks_put(&out, sinks, SINKS_ALL);
 *     json_decref(sinks);
 */
#ifndef SPOOLGATE_CLI_SINKS_H
#define SPOOLGATE_CLI_SINKS_H

#include <jansson.h>

#include "base/buf.h"

enum sinks_shown {
    SINKS_ALL,        /* up to 120 columns */
    SINKS_NOTEWORTHY, /* those that aren't well, or for which something waits; 80 columns, and
                       * an empty line before the table */
};
/* A table with its heading; nothing where no sink is shown. How many are. */
size_t sinks_put(struct buf *out, const json_t *sinks, enum sinks_shown shown);

#endif
