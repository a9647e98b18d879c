/* SPDX-License-Identifier: MIT */
#include "outbox/transfer.h"

#include <assert.h>
#include <sys/eventfd.h>

#include "base/pulse.h"
#include "io/thread.h"

enum { BEAT_MS = 20000 };

static void lock(struct transfer *t)
{
    (void)pthread_mutex_lock(&t->lock);
}

static void unlock(struct transfer *t)
{
    (void)pthread_mutex_unlock(&t->lock);
}

/* ---- on the loop ---- */

static void answered(void *context, const struct err *failure, const struct http_reply *reply)
{
    struct parcel *p = context;
    struct transfer *t = p->transfer;
    p->failure = *failure;
    p->reply = *reply;
    lock(t);
    parcels_add(&t->answered, p);
    unlock(t);
    (void)eventfd_write(t->wake, 1);
}

/* New parcels, or the end. */
static void look(uv_async_t *async)
{
    struct transfer *t = async->data;
    struct parcel *p;
    lock(t);
    struct parcels sent = t->sent;
    bool stopping = t->stopping;
    t->sent = (struct parcels){0};
    unlock(t);
    while ((p = parcels_take(&sent)))
        http_pool_post(t->pool, &p->request.http, answered, p);
    if (stopping && !uv_is_closing((uv_handle_t *)&t->async)) {
        http_pool_close(t->pool);
        uv_close((uv_handle_t *)&t->async, NULL);
        uv_close((uv_handle_t *)&t->beat, NULL);
    }
}

/* The loop never waits but for what comes. uv calls us back within its wait: to say that it waits
 * would hide a callback that hangs. */
static void beat(uv_timer_t *timer)
{
    (void)timer;
    pulse_beat();
}

static void *transfer_main(void *transfer)
{
    struct transfer *t = transfer;
    thread_begin("sender", PULSE_LIMIT_US);
    (void)uv_run(&t->loop, UV_RUN_DEFAULT);
    thread_end();
    return NULL;
}

/* ---- from outside ---- */

static struct err open_loop(struct transfer *t)
{
    if (uv_loop_init(&t->loop) != 0)
        return err_make(ERR_INTERNAL, "libuv: no loop");
    struct err e = http_pool_open(&t->pool, &t->loop);
    if (err_is(&e)) {
        (void)uv_loop_close(&t->loop);
        return e;
    }
    (void)uv_async_init(&t->loop, &t->async, look);
    t->async.data = t;
    (void)uv_timer_init(&t->loop, &t->beat);
    (void)uv_timer_start(&t->beat, beat, BEAT_MS, BEAT_MS);
    return ERR_OK;
}

struct err transfer_start(struct transfer *t, int wake)
{
    *t = (struct transfer){.wake = wake};
    TRY(open_loop(t));
    (void)pthread_mutex_init(&t->lock, NULL);
    struct err e = thread_start(&t->thread, transfer_main, t);
    t->runs = !err_is(&e);
    if (!t->runs) { /* the loop ends on this thread */
        t->stopping = true;
        look(&t->async);
        (void)uv_run(&t->loop, UV_RUN_DEFAULT);
        transfer_close(t);
    }
    return e;
}

void transfer_send(struct transfer *t, struct parcel *p)
{
    p->transfer = t;
    lock(t);
    parcels_add(&t->sent, p);
    unlock(t);
    (void)uv_async_send(&t->async);
}

struct parcel *transfer_take(struct transfer *t)
{
    lock(t);
    struct parcel *p = parcels_take(&t->answered);
    unlock(t);
    return p;
}

void transfer_stop(struct transfer *t)
{
    if (!t->runs)
        return;
    lock(t);
    t->stopping = true;
    unlock(t);
    (void)uv_async_send(&t->async);
    (void)pthread_join(t->thread, NULL);
    t->runs = false;
}

void transfer_close(struct transfer *t)
{
    assert(!t->runs && t->sent.count == 0 && t->answered.count == 0);
    (void)uv_loop_close(&t->loop);
    (void)pthread_mutex_destroy(&t->lock);
}
