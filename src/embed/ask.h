/* SPDX-License-Identifier: MIT */
/*
 * ask: the texts of a claim become vectors, or what becomes of each is found out.
 *
 *     struct embed_ask ask = {.claim = &claim, .embedder = &embedder, .may_ask = ..., ...};
 *     embed_ask_all(&ask);
 *     ... claim.pieces[i].fate, ask.how, ask.said ...
 *
 * A request that is refused, or answered with nonsense, is halved, down to the one text that is at
 * fault. Before a text is blamed, the embedder has to show that it can do a harmless one: a server
 * that refuses everything, or has begun to, is at fault itself.
 *
 * A server that fails is out of order, and asked nothing more for now. Where it has failed before
 * (`suspects`), it is asked for the harmless one at once: if it can do that, one of the texts
 * breaks it, and the request is halved, too, with the same question at each failure. So with one
 * that forbids a request: it doesn't know the key, or something before it minds one of the texts.
 *
 * Texts that are the same are asked for once.
 */
#ifndef SPOOLGATE_EMBED_ASK_H
#define SPOOLGATE_EMBED_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "embed/claim.h"
#include "embed/embedder.h"

struct embed_ask {
    struct embed_claim *claim;
    struct embedder *embedder;
    /* Called before each request: waits until it may be sent. False: none is to be sent any more.
     */
    bool (*may_ask)(void *context, uint64_t tokens);
    void *context;
    bool suspects; /* the request before failed, so a text may be to blame */

    /* what came of it */
    enum embed_outcome how; /* EMBED_DONE, or why it ended early: EMBED_LATER, EMBED_STOPPED */
    struct embed_said said; /* of that, or of the last text that was at fault */
    uint64_t requests;
    size_t largest;  /* texts of the largest request that went well */
    bool was_halved; /* for another reason than that the server failed */
};

void embed_ask_all(struct embed_ask *ask);

#endif
