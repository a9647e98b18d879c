/* SPDX-License-Identifier: MIT */
/* loader: a struct loader as the configuration wants it. The caller opens its connection, and asks
 * the database what vectors it has (kb_context_refresh). */
#ifndef SPOOLGATE_DAEMON_LOADER_H
#define SPOOLGATE_DAEMON_LOADER_H

#include <stdatomic.h>

#include "config/config.h"
#include "kb/load.h"
#include "manifest/current.h"
#include "replay/load.h"

static inline void loader_init(struct loader *l, const struct config *config,
                               struct manifest_current *current, struct kb_context *kb,
                               const struct spool *spool, const atomic_bool *stop)
{
    *l = (struct loader){.spool = spool,
                         .preparer = {.terms = manifest_current_terms(current),
                                      .handler = kb_handler(kb),
                                      .stop = stop},
                         .target = {config->database, config->schema}};
    pg_init(&l->pg);
}

static inline void loader_close(struct loader *l)
{
    pg_close(&l->pg);
    preparer_close(&l->preparer);
}

#endif
