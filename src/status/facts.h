/* SPDX-License-Identifier: MIT */
/*
 * facts: what the database knows of receipts, sinks, dead letters, rejects, the knowledge base and
 * partitions, as one JSON object. `spoolgate status` asks once; the web server keeps them fresh.
 *
 *     json_t *facts = facts_none(question.parts);
 *     TRY(facts_ask(&pg, set, &question, facts));
 *     json_decref(facts);
 *
 * The keys are those of `status --json`: "recent", "sinks", "dead_letters", "knowledge" (null where
 * there is none), and "rejects" and "partitions" (docs/MONITORING.md).
 */
#ifndef SPOOLGATE_STATUS_FACTS_H
#define SPOOLGATE_STATUS_FACTS_H

#include <jansson.h>

#include "base/err.h"
#include "io/pg.h"
#include "manifest/manifest.h"

#define FACTS_THROUGHPUT "5 minutes" /* how far back "recent" of "knowledge" looks */

enum facts_part {
    FACTS_RECENT = 1,     /* "recent" */
    FACTS_SINKS = 2,      /* "sinks", "dead_letters" */
    FACTS_REJECTS = 4,    /* "rejects" */
    FACTS_PARTITIONS = 8, /* "partitions" */
    FACTS_KNOWLEDGE = 16, /* "knowledge": counted exactly, which takes its time */
};

struct facts_question {
    const char *spool_id; /* whose receipts and rejects */
    unsigned parts;       /* enum facts_part; the others' keys stay as they are */
};

/* The keys of these parts, with nothing known yet. */
json_t *facts_none(unsigned parts);

/* set: the manifests, or NULL where they can't be read. What was found before a failure stays. */
struct err facts_ask(struct pg *pg, const struct manifest *set,
                     const struct facts_question *question, json_t *facts);

/* "sinks" alone: an array with an object for each sink that is declared or that the database knows,
 * by name: {sink, declared, state, target, events, waiting, oldest_waiting, dead_letters, failures,
 * error, last_success_at, last_failure_at, not_before, disabled_at}. Without manifests declared,
 * target and events are null. The caller frees it. */
struct err facts_sinks(struct pg *pg, const struct manifest *set, json_t **sinks);

#endif
