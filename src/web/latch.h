/* SPDX-License-Identifier: MIT */
/*
 * latch: a lock, and waiting under it until something has changed or until a moment.
 *
 *     struct latch l;
 *     latch_open(&l);
 *     latch_lock(&l);
 *     while (!done && latch_wait(&l, until_us)) {
 *     }
 *     latch_unlock(&l);
 *     latch_close(&l);
 */
#ifndef SPOOLGATE_WEB_LATCH_H
#define SPOOLGATE_WEB_LATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct latch {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic clock */
};

void latch_open(struct latch *l);
void latch_close(struct latch *l);
void latch_lock(struct latch *l);
void latch_unlock(struct latch *l);
void latch_tell(struct latch *l); /* those who wait look again */

#define LATCH_FOR_EVER INT64_MAX
/* until_us: monotonic. False: it has come. True: look again, perhaps for nothing. */
bool latch_wait(struct latch *l, int64_t until_us);

#endif
