/* SPDX-License-Identifier: MIT */
/*
 * parcel: one delivery in hand, from its claim to its settlement.
 *
 *     struct parcel *p = parcel_make(set, sink, &item);   // renders, where the item has no body
 *     ... queue_store ...
 *     parcel_pack(p, &item);                              // the request: secrets, signature
 *     ... send it: failure or reply is filled in ...
 *     parcel_judge(p, random);
 *     results[n] = parcel_result(p);                      // points into p
 *     parcel_free(p);
 *
 * At any time exactly one thread has it: dispatch's, or transfer's while it is on its way. What
 * goes wrong is kept in `failure`, and whoever has it goes on to parcel_judge at once.
 */
#ifndef SPOOLGATE_OUTBOX_PARCEL_H
#define SPOOLGATE_OUTBOX_PARCEL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "io/http.h"
#include "manifest/manifest.h"
#include "outbox/outcome.h"
#include "outbox/request.h"

struct parcel {
    struct parcel *next;
    struct transfer *transfer; /* while it is there */
    struct manifest *set;      /* held: sink is in it */
    const struct manifest_sink *sink;
    char event_id[UUID_TEXT];
    unsigned attempts; /* made before this one */
    struct buf body;
    char content_type[64];
    struct sink_request request;
    int64_t attempted_us; /* wall clock */
    int64_t early_us;     /* how long it still has to wait for its first attempt; 0: no more */

    /* what came of it */
    struct err failure;
    bool is_unready; /* a secret or so is wrong: no event of the sink can be sent */
    struct http_reply reply;
    struct outcome outcome;
};

struct parcel *parcel_make(struct manifest *set, const struct manifest_sink *sink,
                           struct queue_item *item);
/* Takes the item's body. An event that is younger than its sink's first wait isn't to be sent. */
void parcel_pack(struct parcel *p, struct queue_item *item);
/* Also forgets the request's secrets. */
void parcel_judge(struct parcel *p, uint32_t random);
struct queue_result parcel_result(const struct parcel *p);
void parcel_free(struct parcel *p);

/* A list with an end to append to; zeroed, it is empty. */
struct parcels {
    struct parcel *first, **end;
    size_t count;
};

static inline void parcels_add(struct parcels *list, struct parcel *p)
{
    p->next = NULL;
    if (list->count == 0)
        list->end = &list->first;
    *list->end = p;
    list->end = &p->next;
    list->count++;
}

/* NULL: it is empty. */
static inline struct parcel *parcels_take(struct parcels *list)
{
    struct parcel *p = list->first;
    if (p) {
        list->first = p->next;
        list->count--;
    }
    return p;
}

#endif
