/* SPDX-License-Identifier: MIT */
#include "outbox/courier.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/time.h"
#include "io/thread.h"
#include "outbox/dispatch.h"
#include "outbox/transfer.h"

/* What another daemon puts back (an attempt that failed, a delivery that it released, a sink that
 * is well again) is told to nobody: look this often. */
#define LOOK_US (5 * TIME_US_PER_S)
/* Due, and yet not to be had: it waits for an earlier event of its batch, or another daemon has its
 * row in hand just now. */
#define LOOK_AGAIN_US (TIME_US_PER_S / 10)

#define NOT_ENDING    (-1)

struct courier {
    struct manifest_current *current;
    void (*over)(void *context);
    void *context;
    int wake;       /* eventfd: answers are there, or somebody wants something */
    atomic_int end; /* enum courier_end, or NOT_ENDING */
    pthread_t thread;
    struct transfer transfer;
    struct dispatch dispatch;

    /* the thread's own */
    int64_t patient_until_us; /* monotonic: COURIER_SOON's; 0: not asked for */
    unsigned failures;        /* of the database, in a row */
    int64_t retry_us;         /* monotonic: not before */

    pthread_mutex_t lock; /* of the rest: what others may ask for */
    bool is_over;
    size_t sinks;
    unsigned in_flight;
    char database_error[500]; /* "": there is none */
};

/* ---- the database's troubles ---- */

static void set_error(struct courier *c, const char *text)
{
    (void)pthread_mutex_lock(&c->lock);
    (void)snprintf(c->database_error, sizeof c->database_error, "%s", text);
    (void)pthread_mutex_unlock(&c->lock);
}

/* Only this thread writes database_error, so it may read it unlocked. */
static void database_failed(struct courier *c, struct err *e)
{
    dispatch_explain(&c->dispatch, e);
    pg_close(&c->dispatch.pg);
    c->failures++;
    c->retry_us = time_monotonic() + backoff_us(c->failures, (uint32_t)time_monotonic());
    if (strcmp(e->text, c->database_error) == 0 || atomic_load(&c->end) > COURIER_FINISH)
        return;
    LOG_WARN("events wait: the database can't be used", LOG_STR("error", e->text));
    set_error(c, e->text);
}

static void database_is_well(struct courier *c)
{
    if (c->failures > 0)
        LOG_INFO("events are delivered again", LOG_INT("tries", c->failures));
    c->failures = 0;
    set_error(c, "");
}

/* ---- one turn ---- */

static bool is_idle(const struct courier *c, const struct manifest *set)
{
    const struct dispatch *d = &c->dispatch;
    return set->sink_count == 0 && d->sinks.under_way == 0 && d->judged.count == 0;
}

static struct err use_database(struct courier *c, struct manifest *set, int end, bool *found,
                               int64_t *wait_us)
{
    struct dispatch *d = &c->dispatch;
    bool heard; /* what was said until now is what we look at */
    TRY(dispatch_connect(d));
    TRY(pg_heard(&d->pg, &heard));
    TRY(dispatch_settle(d));
    if (end > COURIER_FINISH)
        return ERR_OK;
    dispatch_collect(d); /* while the database was slow; or its lapsed claim would be taken again */
    TRY(dispatch_claim(d, set, found));
    TRY(dispatch_next(d, set, wait_us));
    if (*wait_us < LOOK_AGAIN_US)
        *wait_us = LOOK_AGAIN_US;
    if (*wait_us > LOOK_US)
        *wait_us = LOOK_US;
    if (d->judged.count > 0 || d->owes_wake)
        *wait_us = 0;
    return ERR_OK;
}

/* False: the database can't be used now. Who is about to end doesn't connect again. */
static bool try_database(struct courier *c, struct manifest *set, int end, bool *found,
                         int64_t *wait_us)
{
    struct pg *pg = &c->dispatch.pg;
    int64_t left = c->retry_us - time_monotonic();
    if (!pg_is_open(pg) && end > COURIER_FINISH)
        return false;
    if (!pg_is_open(pg) && left > 0) {
        *wait_us = left;
        return false;
    }
    struct err e = use_database(c, set, end, found, wait_us);
    if (err_is(&e)) {
        database_failed(c, &e);
        *wait_us = c->retry_us - time_monotonic();
    } else {
        database_is_well(c);
    }
    return !err_is(&e);
}

static void break_off_when_due(struct courier *c, int end)
{
    int64_t now = time_monotonic();
    if (end >= COURIER_SOON && c->patient_until_us == 0)
        c->patient_until_us = now + COURIER_GRACE_US;
    if (end == COURIER_NOW || (end == COURIER_SOON && now >= c->patient_until_us))
        transfer_stop(&c->transfer);
}

static void publish(struct courier *c, const struct manifest *set)
{
    (void)pthread_mutex_lock(&c->lock);
    c->sinks = set->sink_count;
    c->in_flight = c->dispatch.sinks.under_way;
    (void)pthread_mutex_unlock(&c->lock);
}

/* False: that was the last one. wait_us: how long to wait before the next, if nothing happens. */
static bool turn(struct courier *c, int64_t *wait_us)
{
    struct dispatch *d = &c->dispatch;
    int end = atomic_load(&c->end);
    bool found = false;
    bool works = true;
    *wait_us = INT64_MAX;
    d->sinks.is_finishing = end == COURIER_FINISH;
    break_off_when_due(c, end);
    dispatch_collect(d);
    struct manifest *set = manifest_current_get(c->current);
    if (is_idle(c, set)) {
        pg_close(&d->pg);
        database_is_well(c);
    } else {
        works = try_database(c, set, end, &found, wait_us);
    }
    publish(c, set);
    manifest_release(set);
    if (end >= COURIER_SOON && *wait_us > c->patient_until_us - time_monotonic())
        *wait_us = c->patient_until_us - time_monotonic();
    if (end == NOT_ENDING || d->sinks.under_way > 0)
        return true;
    return works && (d->judged.count > 0 || found || (d->owes_wake && end == COURIER_FINISH));
}

/* ---- the thread ---- */

/* Until the time is over, or the server, an answer or somebody calls. */
static void wait_for_news(struct courier *c, int64_t wait_us)
{
    struct pg *pg = &c->dispatch.pg;
    eventfd_t calls;
    bool is_news = false;
    if (pg_is_open(pg)) {
        struct err e = pg_heard(pg, &is_news);
        if (err_is(&e)) {
            database_failed(c, &e);
            is_news = true;
        }
    }
    struct pollfd fds[] = {{.fd = c->wake, .events = POLLIN},
                           {.fd = pg_is_open(pg) ? pg_socket(pg) : -1, .events = POLLIN}};
    int wait_ms = wait_us == INT64_MAX ? -1
                  : wait_us <= 0       ? 0
                                       : (int)((wait_us + TIME_US_PER_MS - 1) / TIME_US_PER_MS);
    pulse_wait();
    (void)poll(fds, 2, is_news ? 0 : wait_ms);
    pulse_go_on();
    (void)eventfd_read(c->wake, &calls);
}

static void *courier_main(void *courier)
{
    struct courier *c = courier;
    int64_t wait_us;
    thread_begin("courier", PULSE_LIMIT_US);
    while (turn(c, &wait_us))
        wait_for_news(c, wait_us);
    pg_close(&c->dispatch.pg);
    thread_end();
    (void)pthread_mutex_lock(&c->lock);
    c->is_over = true;
    (void)pthread_mutex_unlock(&c->lock);
    if (c->over)
        c->over(c->context);
    return NULL;
}

/* ---- from outside ---- */

static struct err start_threads(struct courier *c, const struct config *config)
{
    TRY(transfer_start(&c->transfer, c->wake));
    dispatch_init(&c->dispatch, config, &c->transfer);
    struct err e = thread_start(&c->thread, courier_main, c);
    if (err_is(&e)) {
        transfer_stop(&c->transfer);
        transfer_close(&c->transfer);
        dispatch_close(&c->dispatch);
    }
    return e;
}

static void courier_free(struct courier *c)
{
    (void)close(c->wake);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

struct err courier_start(struct courier **courier, const struct config *config,
                         struct manifest_current *current, void (*over)(void *context),
                         void *context)
{
    *courier = NULL;
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0)
        return err_system(ERR_INTERNAL, errno, "can't make an eventfd");
    struct courier *c = mem_calloc(1, sizeof *c);
    c->current = current;
    c->over = over;
    c->context = context;
    c->wake = wake;
    atomic_init(&c->end, NOT_ENDING);
    (void)pthread_mutex_init(&c->lock, NULL);
    struct err e = start_threads(c, config);
    if (err_is(&e))
        courier_free(c);
    else
        *courier = c;
    return e;
}

void courier_wake(struct courier *c)
{
    (void)eventfd_write(c->wake, 1);
}

void courier_status(struct courier *c, struct buf *json)
{
    struct jsonw j = {.out = json};
    (void)pthread_mutex_lock(&c->lock);
    jsonw_object(&j);
    jsonw_key(&j, "sinks");
    jsonw_int(&j, (int64_t)c->sinks);
    jsonw_key(&j, "in_flight");
    jsonw_int(&j, c->in_flight);
    jsonw_key(&j, "database_error");
    jsonw_str(&j, *c->database_error ? c->database_error : NULL);
    jsonw_end(&j);
    (void)pthread_mutex_unlock(&c->lock);
}

void courier_end(struct courier *c, enum courier_end how)
{
    int before = atomic_load(&c->end);
    while (before < (int)how && !atomic_compare_exchange_weak(&c->end, &before, (int)how))
        ;
    courier_wake(c);
    if (how == COURIER_NOW)
        pg_cancel(&c->dispatch.pg);
}

bool courier_is_over(struct courier *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool over = c->is_over;
    (void)pthread_mutex_unlock(&c->lock);
    return over;
}

void courier_stop(struct courier *c, enum courier_end how, struct courier_result *result)
{
    if (!c)
        return;
    courier_end(c, how);
    (void)pthread_join(c->thread, NULL);
    if (result)
        *result = (struct courier_result){c->dispatch.delivered, c->dispatch.failed};
    transfer_stop(&c->transfer);
    transfer_close(&c->transfer);
    dispatch_close(&c->dispatch);
    courier_free(c);
}
