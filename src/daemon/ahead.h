/* SPDX-License-Identifier: MIT */
/*
 * ahead: a loader's second thread. While a batch's rows are on their way into the database, it
 * claims, reads and encodes the next batch, so that neither the server nor the disk waits for the
 * other.
 *
 *     struct ahead a = {.next = claim_and_prepare, .wake = look_at_wanted, .retire = ..., ...};
 *     TRY(ahead_open(&a, &preparer));
 *     for (;;) {
 *         struct ahead_batch *b = ahead_finish(&a);   // what was prepared meanwhile, or NULL
 *         if (!b)
 *             b = ahead_spare(&a);                    // empty: fill it in this thread
 *         ahead_start(&a);
 *         ... load b ...
 *         b->is_loaded = true;                        // it is to be retired
 *     }
 *     ahead_close(&a);
 *
 * There are two batches: the loader's, and the one being prepared. A loaded batch is retired by the
 * second thread, too, before it looks for the next; where there is none, by the loader.
 */
#ifndef SPOOLGATE_DAEMON_AHEAD_H
#define SPOOLGATE_DAEMON_AHEAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "replay/outcome.h"
#include "replay/prepare.h"

struct ahead_batch {
    struct prepared prepared;
    void *job; /* the caller's */
    bool is_loaded;
    struct load_outcome outcome; /* once it is loaded */
};

enum ahead_state { AHEAD_IDLE, AHEAD_BUSY, AHEAD_READY, AHEAD_ENDING };

struct ahead {
    /* Called on the second thread: waits for a claim, as long as *wanted, and prepares it. False:
     * there is none. */
    bool (*next)(void *context, const atomic_bool *wanted, struct preparer *preparer,
                 struct ahead_batch *b);
    void (*wake)(void *context); /* called on the loader's thread: *wanted has become false */
    void (*retire)(void *context, struct ahead_batch *b); /* called on either */
    void *context;

    /* private */
    struct preparer preparer;
    struct ahead_batch batches[2];
    unsigned loading; /* which of them is the loader's */
    bool runs;        /* the thread */
    enum ahead_state state;
    atomic_bool wanted;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* The settings of `like` are copied; its memory isn't shared. After a failure nothing is prepared
 * ahead, and all else works. */
struct err ahead_open(struct ahead *a, const struct preparer *like);
void ahead_start(struct ahead *a);
struct ahead_batch *ahead_finish(struct ahead *a);
struct ahead_batch *ahead_spare(struct ahead *a);
void ahead_close(struct ahead *a);

#endif
