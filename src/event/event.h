/* SPDX-License-Identifier: MIT */
/*
 * event: what spoolgate announces. Pure.
 *
 * An event is written into event_outbox in the transaction that it announces; its payload is one
 * JSON object with `event`, the type's name, first. docs/events/NAME.schema.json says what is in
 * each, and has examples; both are embedded at the build.
 *
 *     for (const char *const *text = event_examples(EVENT_GATE_DONE); *text; text++)
 *         ... a payload as they come: a plain one, one with all that can be null, odd characters
 * ...
 */
#ifndef SPOOLGATE_EVENT_EVENT_H
#define SPOOLGATE_EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#define EVENTS(X)                                                  \
    X(EVENT_GATE_OPEN, "gate.open")                                \
    X(EVENT_GATE_DONE, "gate.done")                                \
    X(EVENT_EMBED_START, "embed.start")                            \
    X(EVENT_KB_INGEST_ASSET_CREATED, "kb.ingest.asset.created.v1") \
    X(EVENT_KB_INDEX_COMPLETED, "kb.index.completed.v1")
enum event_type {
#define EVENT_ID(id, name) id,
    EVENTS(EVENT_ID)
#undef EVENT_ID
        EVENT_COUNT
};
extern const char *const event_names[]; /* by type; ends with NULL */

/* False: there is none of that name. */
bool event_find(const char *name, enum event_type *type);

/* A row of event_outbox. */
struct event {
    const char *id;       /* the same for every sink and attempt */
    const char *type;     /* the name */
    const char *payload;  /* JSON text */
    const char *spool_id; /* "" where it is no spool's */
    int64_t created_us;   /* wall clock */
};

/* The JSON Schema (draft 2020-12) of a type's payload. */
const char *event_schema(enum event_type type);
/* The payloads of the schema's examples, as JSON texts; ends with NULL. The first is what `sink
 * test` sends. They live as long as the process. */
const char *const *event_examples(enum event_type type);

#endif
