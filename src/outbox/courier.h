/* SPDX-License-Identifier: MIT */
/*
 * courier: delivers the outbox's events to the sinks of the manifests in force.
 *
 *     struct courier *c;
 *     TRY(courier_start(&c, &config, current, NULL, NULL));
 *     courier_wake(c);                       // the manifests have changed; any thread
 *     courier_status(c, &json);              // any thread
 *     courier_end(c, COURIER_SOON);          // asks, and doesn't wait; any thread
 *     courier_stop(c, COURIER_SOON, NULL);   // asks, waits and frees
 *
 * Two threads. One has the database: it claims, renders, stores bodies and settles, and waits for
 * NOTIFY (ingest_updates, embed_updates, event_updates), for answers, and for what comes due. The
 * other has a uv loop with curl's transfers (io/http). So no answer waits for the database, no HTTP
 * happens in a transaction, and a sink that is slow or dead holds its own few slots and nothing
 * else: room is claimed for each sink apart.
 *
 * Each sink has `concurrency` attempts under way at the most, all together `deliveries`
 * (configuration), but for each sink's first. Without sinks there is no connection to the database.
 *
 * Failing is nobody else's trouble: while the database is away, events wait in it.
 */
#ifndef SPOOLGATE_OUTBOX_COURIER_H
#define SPOOLGATE_OUTBOX_COURIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "manifest/current.h"

struct courier; /* see courier.c */

/* over: called on a thread of the courier's when it is over; NULL: nobody wants to know. */
struct err courier_start(struct courier **c, const struct config *config,
                         struct manifest_current *current, void (*over)(void *context),
                         void *context);
void courier_wake(struct courier *c);

/* {"sinks": n, "in_flight": n, "database_error": text or null} */
void courier_status(struct courier *c, struct buf *json);

/* In the order of their haste. */
enum courier_end {
    COURIER_FINISH, /* go on until nothing is due and nothing under way, or the database fails;
                     * but not for sinks that fail, see sinks_wants */
    COURIER_SOON,   /* claim nothing more; answers are waited for COURIER_GRACE_US at the most */
    COURIER_NOW,    /* break off what is under way; it comes due again at once, or by its lease */
};
#define COURIER_GRACE_US INT64_C(5000000)

/* May be called again in more haste. COURIER_NOW asks the server to break off its statement, which
 * may take a moment: not on a loop. */
void courier_end(struct courier *c, enum courier_end how);
bool courier_is_over(struct courier *c);

struct courier_result {
    uint64_t delivered, failed; /* attempts, since the start */
};
/* Ends it, blocks until it is over, and frees it. result may be NULL; so may c, with no effect. */
void courier_stop(struct courier *c, enum courier_end how, struct courier_result *result);

#endif
