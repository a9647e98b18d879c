/* SPDX-License-Identifier: MIT */
#include "daemon/ahead.h"

#include "base/pulse.h"
#include "io/thread.h"

static void lock(struct ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
}

static void unlock(struct ahead *a)
{
    (void)pthread_mutex_unlock(&a->lock);
}

/* The other thread has a pulse of its own. */
static void wait_changed(struct ahead *a)
{
    pulse_wait();
    (void)pthread_cond_wait(&a->changed, &a->lock);
    pulse_go_on();
}

static void set_state(struct ahead *a, enum ahead_state state)
{
    a->state = state;
    (void)pthread_cond_broadcast(&a->changed);
}

static void clear(struct ahead *a, struct ahead_batch *b)
{
    if (b->is_loaded)
        a->retire(a->context, b);
    prepared_clear(&b->prepared);
    b->is_loaded = false;
    b->job = NULL;
}

static void *ahead_main(void *ahead)
{
    struct ahead *a = ahead;
    thread_begin("preparer", PULSE_LIMIT_US);
    lock(a);
    while (a->state != AHEAD_ENDING) {
        if (a->state != AHEAD_BUSY) {
            wait_changed(a);
            continue;
        }
        struct ahead_batch *b = &a->batches[!a->loading];
        unlock(a);
        clear(a, b);
        bool found = a->next(a->context, &a->wanted, &a->preparer, b);
        if (!found)
            clear(a, b);
        lock(a);
        set_state(a, found ? AHEAD_READY : AHEAD_IDLE);
    }
    unlock(a);
    thread_end();
    return NULL;
}

struct err ahead_open(struct ahead *a, const struct preparer *like)
{
    a->preparer = *like;
    a->preparer.tools = (struct segment_tools){0};
    a->state = AHEAD_IDLE;
    a->loading = 0;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->changed, NULL);
    for (int i = 0; i < 2; i++)
        prepared_open(&a->batches[i].prepared, like);
    struct err e = thread_start(&a->thread, ahead_main, a);
    a->runs = !err_is(&e);
    return e;
}

void ahead_start(struct ahead *a)
{
    lock(a);
    if (a->runs && a->state == AHEAD_IDLE) {
        atomic_store(&a->wanted, true);
        set_state(a, AHEAD_BUSY);
    }
    unlock(a);
}

/* The second thread is not at work on return. */
static bool wait_until_done(struct ahead *a)
{
    lock(a);
    if (a->state == AHEAD_BUSY) {
        unlock(a);
        atomic_store(&a->wanted, false);
        a->wake(a->context); /* takes the caller's locks: not under ours */
        lock(a);
    }
    while (a->state == AHEAD_BUSY)
        wait_changed(a);
    bool ready = a->state == AHEAD_READY;
    a->state = AHEAD_IDLE;
    unlock(a);
    return ready;
}

struct ahead_batch *ahead_finish(struct ahead *a)
{
    bool ready = wait_until_done(a);
    if (!ready) {
        clear(a, &a->batches[a->loading]);
        return NULL;
    }
    a->loading = !a->loading; /* the other one is cleared when the second thread gets to it */
    return &a->batches[a->loading];
}

struct ahead_batch *ahead_spare(struct ahead *a)
{
    return &a->batches[a->loading];
}

void ahead_close(struct ahead *a)
{
    (void)wait_until_done(a);
    lock(a);
    set_state(a, AHEAD_ENDING);
    unlock(a);
    if (a->runs)
        (void)pthread_join(a->thread, NULL);
    for (int i = 0; i < 2; i++) {
        clear(a, &a->batches[i]);
        prepared_close(&a->batches[i].prepared);
    }
    preparer_close(&a->preparer);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
}
