/* SPDX-License-Identifier: MIT */
/*
 * work: one try to load a batch's frames of the knowledge base: what load.c, resolve.c, send.c and
 * walk.c share. For these files alone.
 *
 *     for all units, or a range of them:
 *         TRY(kb_resolve(&w, from, to));     // temporary tables; refs get their targets and ids
 *         TRY(kb_send(&w));                  // rows of the refs in the range
 *         TRY(kb_settle(&w));                // vectors that are there already, revisions, events
 *         kb_work_accept(&w, true);
 *     TRY(kb_walk(&w, KB_WALK_REJECT));      // where w.rejects, or in->must_walk
 *
 * A unit is what can be loaded by itself: an asset with one of its documents.
 */
#ifndef SPOOLGATE_KB_WORK_H
#define SPOOLGATE_KB_WORK_H

#include "base/arena.h"
#include "base/err.h"
#include "kb/frame.h"
#include "kb/held.h"
#include "kb/plan.h"
#include "replay/handler.h"

struct kb_unit {
    uint32_t asset, ref; /* of the plan; KB_NONE: none */
};

/* What became of an asset or a ref of the plan. */
struct kb_fate {
    bool is_changed;
    char sqlstate[6]; /* where the server refused it */
    bool is_here;     /* in the range in hand */
    bool is_changed_now;
};

enum kb_table { KB_ASSETS, KB_DOCUMENTS, KB_SECTIONS, KB_CHUNKS, KB_TABLES };

struct kb_work {
    struct handler_load *in;
    const struct load_terms *terms;
    struct kb_held *held;
    struct kb_reader reader; /* its settings, for a walk of its own */
    struct kb_plan plan;
    struct kb_unit *units;
    size_t count;
    struct kb_fate *assets, *refs; /* by place in the plan */
    uint64_t rows[KB_TABLES];      /* that went in */
    struct buf next;               /* documents that wait: ids with commas between */
    struct arena arena;            /* of problems */

    /* of the range in hand */
    uint64_t rows_now[KB_TABLES];
    struct buf next_now;
    bool adds;                     /* something of it joins a document that is there */
    struct buf docs, idxs, chunks; /* chunks whose idx may have come before: kb_settle.sql */
};

/* The plan and the units, of the segments that are loaded. */
void kb_work_open(struct kb_work *w, struct kb_held *held, struct handler_load *in,
                  const struct load_terms *terms);
void kb_work_close(struct kb_work *w);
/* The end of a range: what it did counts, or nothing of it. */
void kb_work_accept(struct kb_work *w, bool done);

/* Why a record's frames are rejects; NULL: they aren't. */
const char *kb_work_problem(const struct kb_work *w, size_t record, const char **sqlstate);

/* Do the rows of a record go out with the range in hand? */
bool kb_work_sends(const struct kb_work *w, size_t record);

struct err kb_resolve(struct kb_work *w, size_t from, size_t to);
struct err kb_send(struct kb_work *w);
struct err kb_settle(struct kb_work *w);

/* COPY of rows that are there. */
struct err kb_copy(struct pg *pg, const char *command, const struct buf *rows, uint64_t count);

enum kb_walk {
    KB_WALK_SEND,   /* rows of the refs in the range go to `send` */
    KB_WALK_REJECT, /* what has a problem is rejected */
};
struct kb_sender;
struct err kb_walk(struct kb_work *w, enum kb_walk what, struct kb_sender *sender);
/* The rows of a record, which is of `held`. */
struct err kb_sender_record(struct kb_sender *s, uint32_t ref, const struct kb_held *held,
                            const struct kb_record *record);

#endif
