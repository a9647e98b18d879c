/* SPDX-License-Identifier: MIT */
/*
 * dispatch: the courier's side of the database: what is claimed becomes parcels on their way, what
 * comes back is settled.
 *
 *     struct dispatch d;
 *     dispatch_init(&d, &config, &transfer);
 *     dispatch_collect(&d);                              // answers, judged
 *     TRY(dispatch_connect(&d));                         // where it isn't; also LISTENs
 *     TRY(dispatch_settle(&d));
 *     TRY(dispatch_claim(&d, set, &found));              // claims, renders, stores, sends
 *     TRY(dispatch_next(&d, set, &wait_us));
 *     dispatch_close(&d);
 *
 * What failed to be settled is kept, and settled by the next call that can. Sinks that are well
 * again are woken by the way, a piece in each call: while owes_wake says so, call it again soon.
 *
 * A claim that fails to render, or whose secrets can't be read, is settled as an attempt that
 * failed. Failures that are returned are the database's: close the connection and come back later;
 * what was claimed is released then, or comes due again by its lease.
 */
#ifndef SPOOLGATE_OUTBOX_DISPATCH_H
#define SPOOLGATE_OUTBOX_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "config/config.h"
#include "io/pg.h"
#include "manifest/manifest.h"
#include "outbox/parcel.h"
#include "outbox/sinks.h"
#include "outbox/transfer.h"

struct dispatch {
    struct pg pg;
    uint64_t delivered, failed; /* attempts that were settled */
    struct sinks sinks;
    struct parcels judged; /* to be settled */
    bool owes_wake;        /* there may be more for queue_wake */

    /* private */
    const struct config *config;
    struct transfer *transfer;
    char claim_id[UUID_TEXT];
};

void dispatch_init(struct dispatch *d, const struct config *config, struct transfer *transfer);
/* Forgets what is still to be settled: its lease ends it. */
void dispatch_close(struct dispatch *d);

void dispatch_collect(struct dispatch *d);
struct err dispatch_connect(struct dispatch *d);
struct err dispatch_settle(struct dispatch *d);
/* Of a failure that was returned, while the connection is there: adds who has the lock that was
 * waited for. */
void dispatch_explain(struct dispatch *d, struct err *e);

/* Until nothing more is due, or there is no room. found: something was claimed. What couldn't be
 * sent is in `judged`: settle it and call again. */
struct err dispatch_claim(struct dispatch *d, struct manifest *set, bool *found);

/* When something may be claimed: INT64_MAX where nothing waits, or all slots are taken. */
struct err dispatch_next(struct dispatch *d, const struct manifest *set, int64_t *wait_us);

#endif
