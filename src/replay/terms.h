/* SPDX-License-Identifier: MIT */
/*
 * terms: what a batch is loaded by: the streams, and its gate's rules, as they were when it was
 * begun. A reload meanwhile changes nothing of it.
 *
 *     struct load_terms terms;
 *     source.get(source.context, "default", &terms);
 *     ... terms.streams, terms.rules, for as long as the batch takes ...
 *     source.done(source.context, &terms);
 *
 * Who has the manifests provides the source (manifest/current.h). Both functions may be called from
 * any thread.
 */
#ifndef SPOOLGATE_REPLAY_TERMS_H
#define SPOOLGATE_REPLAY_TERMS_H

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"
#include "frame/limits.h"
#include "replay/rules.h"
#include "stream/stream.h"

struct config;

struct load_terms {
    const struct stream_set *streams;
    const bool *allowed; /* by stream: does the gate take it? NULL: it takes all */
    bool takes_handled;  /* does it take the frames of replay/handler.h? */
    const struct load_rules *rules;
    const struct frame_limits *limits;
    const struct config *config; /* for a handler; NULL: what that was opened with */

    const char *model; /* that makes vectors of chunks; "" where nobody says */

    /* Which manifests these are, for the receipt. */
    const char *rev;    /* a commit, or a hash: for people */
    const char *sha256; /* of the declared files; NULL: there are none, nothing is put on record */
    const char *source; /* where they come from, for people */
    /* Appends [{"path", "text"}, ...] of the declared files. */
    void (*files_json)(const struct load_terms *terms, struct buf *json);

    /* Appends the names of the sinks that want this event of the gate, as Postgres writes a text[]:
     * {"ops","audit"}. */
    void (*sinks)(const struct load_terms *terms, enum event_type event, const char *gate,
                  struct buf *array);

    void *owner; /* the source's */
};

struct load_terms_source {
    void (*get)(void *context, const char *gate, struct load_terms *terms);
    void (*done)(void *context, struct load_terms *terms);
    void *context;
};

#endif
