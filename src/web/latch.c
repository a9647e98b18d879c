/* SPDX-License-Identifier: MIT */
#include "web/latch.h"

#include <time.h>

#include "base/time.h"

void latch_open(struct latch *l)
{
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&l->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void latch_close(struct latch *l)
{
    (void)pthread_cond_destroy(&l->changed);
    (void)pthread_mutex_destroy(&l->lock);
}

void latch_lock(struct latch *l)
{
    (void)pthread_mutex_lock(&l->lock);
}

void latch_unlock(struct latch *l)
{
    (void)pthread_mutex_unlock(&l->lock);
}

void latch_tell(struct latch *l)
{
    (void)pthread_cond_broadcast(&l->changed);
}

bool latch_wait(struct latch *l, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / TIME_US_PER_S,
                             .tv_nsec = until_us % TIME_US_PER_S * 1000};
    if (until_us == LATCH_FOR_EVER)
        return pthread_cond_wait(&l->changed, &l->lock) == 0;
    return pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0;
}
