/* SPDX-License-Identifier: MIT */
/*
 * facts: what the database knows of receipts, sinks, dead letters, rejects, the knowledge base and
 * partitions, as one JSON object. `spoolgate status` asks once; the web server keeps them fresh.
 *
 *     json_t *facts = json_object();
 *     TRY(facts_ask(&pg, set, &question, facts));
 *
 * The keys are those of `status --json`: "recent", "sinks", "dead_letters", "knowledge" (null where
 * there is none), and with question.all "rejects" and "partitions" (docs/MONITORING.md).
 */
#ifndef SPOOLGATE_STATUS_FACTS_H
#define SPOOLGATE_STATUS_FACTS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "io/pg.h"
#include "manifest/manifest.h"

struct facts_question {
    const char *spool_id; /* whose receipts */
    bool with_knowledge;  /* config's */
    bool all;             /* rejects and partitions, too */
};

/* set: the manifests, or NULL where they can't be read. What was found before a failure stays. */
struct err facts_ask(struct pg *pg, const struct manifest *set,
                     const struct facts_question *question, json_t *facts);

#endif
