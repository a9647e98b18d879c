/* SPDX-License-Identifier: MIT */
/*
 * complete: a revision that has all its vectors, or as many as it will get, takes the place of the
 * one that is served, and kb.index.completed.v1 is written. All in the caller's transaction.
 *
 *     TRY(kb_lock(&pg, docs));               // first: who settles a document's chunks holds it
 *     ... change rows of chunks_next ...
 *     TRY(kb_complete(&pg, docs, &done));
 *     TRY(pg_commit(&pg));
 *
 * docs: a uuid[] as Postgres writes it, of any length. Two who settle the last two chunks of a
 * document wait for each other at kb_lock, so one of them sees both: there is exactly one
 * completion for each revision, and it commits with the chunk that was last.
 */
#ifndef SPOOLGATE_KB_COMPLETE_H
#define SPOOLGATE_KB_COMPLETE_H

#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "io/pg.h"

/* Locks the rows of documents_next, in the order of their ids; those that aren't there (completed
 * meanwhile) are left out. */
struct err kb_lock(struct pg *pg, const char *docs);

/* Of these documents, all that are whole. *done: how many. */
struct err kb_complete(struct pg *pg, const char *docs, uint64_t *done);

/* The same one document after the other, for when the server has refused a row of one (a constraint
 * or trigger of an adopted table): the others are completed all the same, and that one goes on
 * waiting, whole as it is. Each is told in the log. */
struct err kb_complete_each(struct pg *pg, const char *docs, uint64_t *done);

/* Chunks that are to be tried again. */
enum kb_again {
    KB_FAILED,  /* those that failed */
    KB_MISSING, /* those without a vector: adopted ones; failed ones, too */
    KB_ALL,     /* every one: another model */
};
/* Makes a new revision of each document that has such chunks, or adds them to the one that waits:
 * at most `limit` documents at once, in a transaction of its own; *documents says how many, 0 is
 * the end. `sinks`: a text[] of those that want the completion; it joins what the document's own
 * revision says. `docs`: a uuid[] to choose from; NULL: all documents. `after` goes from call to
 * call, "" at first: each document has one turn, or one that fails anew would have no end of them.
 */
struct err kb_again(struct pg *pg, enum kb_again which, const char *docs, const char *sinks,
                    unsigned limit, char after[UUID_TEXT], uint64_t *documents, uint64_t *chunks);

#endif
