/* SPDX-License-Identifier: MIT */
/*
 * transfer: the thread that sends: a uv loop with io/http_pool's requests.
 *
 *     struct transfer t;
 *     TRY(transfer_start(&t, wake));            // an eventfd: written to when answers are there
 *     transfer_send(&t, parcel);                // its request is ready
 *     while ((parcel = transfer_take(&t))) ...  // its failure or reply is filled in
 *     transfer_stop(&t);                        // what is under way is broken off (ERR_STOPPED)
 *     ... transfer_take, once more ...
 *     transfer_close(&t);
 *
 * Parcels come back in the order of their answers. All calls are made by one thread, which never
 * waits for the network in them; but transfer_stop waits for the loop to end.
 */
#ifndef SPOOLGATE_OUTBOX_TRANSFER_H
#define SPOOLGATE_OUTBOX_TRANSFER_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "io/http_pool.h"
#include "outbox/parcel.h"

struct transfer {
    /* private */
    int wake;
    uv_loop_t loop;
    uv_async_t async;
    uv_timer_t beat; /* the thread's pulse */
    struct http_pool *pool;
    pthread_t thread;
    bool runs;

    pthread_mutex_t lock; /* of the rest */
    struct parcels sent, answered;
    bool stopping;
};

/* After a failure, there is nothing to stop or close. */
struct err transfer_start(struct transfer *t, int wake);
void transfer_send(struct transfer *t, struct parcel *p); /* not after transfer_stop */
struct parcel *transfer_take(struct transfer *t);         /* NULL: no answer waits */
void transfer_stop(struct transfer *t);                   /* may be called again, with no effect */
void transfer_close(struct transfer *t); /* after transfer_stop, with nothing left */

#endif
