/* SPDX-License-Identifier: MIT */
/*
 * handle: the handler's share of a batch's transaction (handler.h), after the streams' rows.
 *
 *     struct handle h = {.loader = l, .prepared = p, .must_walk = ..., .refuse = ..., .again = ...,
 *                        .context = ...};
 *     TRY(handle_load(&h));
 *     ... h.tables ...
 *
 * batch.skipped grows by the frames that changed nothing. ERR_SEGMENT: a segment isn't what was
 * inspected, and is marked.
 */
#ifndef SPOOLGATE_REPLAY_HANDLE_H
#define SPOOLGATE_REPLAY_HANDLE_H

#include "base/err.h"
#include "replay/careful.h"
#include "replay/handler.h"
#include "replay/load.h"

struct handle {
    struct loader *loader;
    struct prepared *prepared;
    bool must_walk;             /* rejects of the inspection weren't kept: `again` */
    careful_refused_fn *refuse; /* a frame that turned out to be a reject */
    careful_refused_fn *again;  /* one that the inspection rejected */
    void *context;

    struct handler_table tables[HANDLER_TABLES + 1];
};

struct err handle_load(struct handle *h);

/* Why a frame of the handler's is a reject at a gate that doesn't take them. Returns false. */
bool handle_refuse(struct reject *reject);

#endif
