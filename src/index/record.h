/* SPDX-License-Identifier: MIT */
/*
 * record: how far a repository was indexed, in pmoves_kb.repository.
 *
 *     struct record r = {0};
 *     TRY(record_open(&r, &target, "git:/srv/handbook.git"));    // and nobody else has it
 *     ... r.commit, r.selection: NULL before the first run ...
 *     TRY(record_list(&r, visit, context));                      // the uris of its documents
 *     TRY(record_move(&r, commit, selection));                   // after the segments are
 * published record_close(&r);                                          // always
 *
 * The commit is never ahead of what the segments in the spool bring, or have brought. A run that
 * was broken off between begin and end has left `sending`: what it published is a part of what lies
 * between the two commits, and nobody knows which.
 */
#ifndef SPOOLGATE_INDEX_RECORD_H
#define SPOOLGATE_INDEX_RECORD_H

#include "base/err.h"
#include "io/pg.h"

struct record {
    char *commit, *selection;                 /* of the last run that came to its end */
    char *sending_commit, *sending_selection; /* of one that was broken off after it */

    /* private */
    struct pg pg;
    const char *repository;
};

/* ERR_BUSY: somebody else indexes it. ERR_CONFIG: the database has no knowledge base. */
struct err record_open(struct record *r, const struct pg_target *target, const char *repository);
struct err record_list(struct record *r, struct err (*visit)(void *context, const char *uri),
                       void *context);
struct err record_begin(struct record *r, const char *commit, const char *selection);
struct err record_end(struct record *r, const char *commit, const char *selection);
void record_close(struct record *r);

#endif
