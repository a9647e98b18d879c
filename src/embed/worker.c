/* SPDX-License-Identifier: MIT */
#include "embed/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/time.h"
#include "embed/hand.h"
#include "io/thread.h"

struct member {
    struct member *next;
    struct embed_hand hand;
    struct embed_worker *worker;
    pthread_t thread;
    bool is_over; /* guarded by the worker's lock */
};

struct embed_worker {
    struct embed_house house;
    void (*over)(void *context);
    void *context;

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    struct embed_shared *embedders; /* lists */
    struct member *members;
    unsigned running;
};

/* ---- the threads ---- */

static void *member_main(void *member)
{
    struct member *m = member;
    struct embed_worker *w = m->worker;
    int64_t wait_us;
    thread_begin("embedder", PULSE_LIMIT_US);
    while (embed_hand_turn(&m->hand, &wait_us))
        embed_hand_wait(&m->hand, wait_us);
    embed_hand_close(&m->hand);
    thread_end();
    (void)pthread_mutex_lock(&m->hand.shared->lock);
    m->hand.shared->hands--;
    (void)pthread_mutex_unlock(&m->hand.shared->lock);
    (void)pthread_mutex_lock(&w->lock);
    m->is_over = true;
    bool is_last = --w->running == 0 && atomic_load(&w->house.end) != EMBED_NOT_ENDING;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
    if (is_last && w->over)
        w->over(w->context);
    return NULL;
}

static struct embed_shared *find_shared(struct embed_worker *w, const char *name)
{
    struct embed_shared *shared = w->embedders;
    while (shared && strcmp(shared->name, name) != 0)
        shared = shared->next;
    if (shared)
        return shared;
    shared = mem_calloc(1, sizeof *shared);
    shared->name = mem_strdup(name);
    (void)pthread_mutex_init(&shared->lock, NULL);
    shared->next = w->embedders;
    w->embedders = shared;
    return shared;
}

static bool is_running(const struct embed_worker *w, const struct embed_shared *shared,
                       uint64_t index)
{
    for (const struct member *m = w->members; m; m = m->next)
        if (!m->is_over && m->hand.shared == shared && m->hand.index == index)
            return true;
    return false;
}

static void join_member(struct member *m)
{
    (void)pthread_join(m->thread, NULL);
    (void)close(m->hand.wake);
    free(m);
}

static struct err add_member(struct embed_worker *w, struct embed_shared *shared, uint64_t index)
{
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0)
        return err_system(ERR_INTERNAL, errno, "can't make an eventfd");
    struct member *m = mem_calloc(1, sizeof *m);
    m->worker = w;
    embed_hand_open(&m->hand, &w->house, shared, index, wake);
    struct err e = thread_start(&m->thread, member_main, m);
    if (err_is(&e)) {
        (void)close(wake);
        free(m);
        return e;
    }
    m->next = w->members;
    w->members = m;
    w->running++;
    (void)pthread_mutex_lock(&shared->lock);
    shared->hands++;
    (void)pthread_mutex_unlock(&shared->lock);
    return ERR_OK;
}

/* Those that have ended, for want of an embedder; or else a year of reloads would pile them up. */
static void forget_ended(struct embed_worker *w)
{
    for (struct member **at = &w->members; *at;) {
        struct member *m = *at;
        if (m->is_over) {
            *at = m->next;
            join_member(m);
        } else {
            at = &m->next;
        }
    }
}

/* Those that the manifests want, and that aren't there yet. Those that they don't want any more end
 * by themselves. */
static struct err add_missing(struct embed_worker *w)
{
    struct manifest *set = manifest_current_get(w->house.current);
    struct err e = ERR_OK;
    forget_ended(w);
    for (size_t i = 0; i < set->embedder_count && !err_is(&e); i++) {
        struct embed_shared *shared = find_shared(w, set->embedders[i].name);
        for (uint64_t k = 0; k < set->embedders[i].concurrency && !err_is(&e); k++)
            if (!is_running(w, shared, k))
                e = add_member(w, shared, k);
    }
    manifest_release(set);
    return e;
}

static void wake_all(struct embed_worker *w)
{
    for (const struct member *m = w->members; m; m = m->next)
        (void)eventfd_write(m->hand.wake, 1);
}

/* ---- from outside ---- */

static void worker_free(struct embed_worker *w)
{
    while (w->members) {
        struct member *m = w->members;
        w->members = m->next;
        join_member(m);
    }
    while (w->embedders) {
        struct embed_shared *shared = w->embedders;
        w->embedders = shared->next;
        (void)pthread_mutex_destroy(&shared->lock);
        free(shared->name);
        free(shared);
    }
    (void)pthread_mutex_destroy(&w->house.lock);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->changed);
    free(w);
}

struct err embed_start(struct embed_worker **worker, const struct config *config,
                       struct manifest_current *current, void (*over)(void *context), void *context)
{
    struct embed_worker *w = mem_calloc(1, sizeof *w);
    pthread_condattr_t attributes;
    w->house.config = config;
    w->house.current = current;
    w->over = over;
    w->context = context;
    atomic_init(&w->house.end, EMBED_NOT_ENDING);
    atomic_init(&w->house.stop, false);
    (void)pthread_mutex_init(&w->house.lock, NULL);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_lock(&w->lock);
    struct err e = add_missing(w);
    (void)pthread_mutex_unlock(&w->lock);
    *worker = w;
    if (err_is(&e)) {
        embed_stop(w, EMBED_NOW, NULL);
        *worker = NULL;
    }
    return e;
}

void embed_wake(struct embed_worker *w)
{
    struct err e = ERR_OK;
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    if (atomic_load(&w->house.end) == EMBED_NOT_ENDING)
        e = add_missing(w);
    wake_all(w);
    (void)pthread_mutex_unlock(&w->lock);
    if (err_is(&e))
        LOG_ERROR("an embedder's thread can't be started", LOG_STR("error", e.text));
}

static void write_embedder(struct jsonw *j, struct embed_shared *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->hands > 0) {
        jsonw_object(j);
        jsonw_key(j, "name");
        jsonw_str(j, s->name);
        jsonw_key(j, "model");
        jsonw_str(j, s->model);
        jsonw_key(j, "threads");
        jsonw_int(j, s->hands);
        jsonw_key(j, "in_flight");
        jsonw_int(j, s->in_flight);
        jsonw_key(j, "error");
        jsonw_str(j, *s->error ? s->error : NULL);
        jsonw_end(j);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

void embed_status(struct embed_worker *w, struct buf *json)
{
    struct jsonw j = {.out = json};
    if (!w) {
        jsonw_null(&j);
        return;
    }
    (void)pthread_mutex_lock(&w->lock);
    jsonw_object(&j);
    jsonw_key(&j, "embedders");
    jsonw_array(&j);
    for (struct embed_shared *s = w->embedders; s; s = s->next)
        write_embedder(&j, s);
    jsonw_end(&j);
    (void)pthread_mutex_lock(&w->house.lock);
    jsonw_key(&j, "database_error");
    jsonw_str(&j, *w->house.database_error ? w->house.database_error : NULL);
    (void)pthread_mutex_unlock(&w->house.lock);
    jsonw_end(&j);
    (void)pthread_mutex_unlock(&w->lock);
}

void embed_end(struct embed_worker *w, enum embed_end how)
{
    if (!w)
        return;
    int before = atomic_load(&w->house.end);
    while (before < (int)how && !atomic_compare_exchange_weak(&w->house.end, &before, (int)how))
        ;
    if (how == EMBED_NOW)
        atomic_store(&w->house.stop, true);
    (void)pthread_mutex_lock(&w->lock);
    wake_all(w);
    for (struct member *m = w->members; m && how == EMBED_NOW; m = m->next)
        pg_cancel(&m->hand.pg);
    (void)pthread_mutex_unlock(&w->lock);
}

void embed_count(struct embed_worker *w, struct embed_result *result)
{
    *result = (struct embed_result){0};
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->house.lock);
    *result = w->house.result;
    (void)pthread_mutex_unlock(&w->house.lock);
}

bool embed_is_over(struct embed_worker *w)
{
    if (!w)
        return true;
    (void)pthread_mutex_lock(&w->lock);
    bool is_over = w->running == 0;
    (void)pthread_mutex_unlock(&w->lock);
    return is_over;
}

/* Until all threads have ended, or for that long; 0: for ever. */
static void wait_for_end(struct embed_worker *w, int64_t most_us)
{
    int64_t until = time_monotonic() + most_us;
    struct timespec ts = {.tv_sec = until / TIME_US_PER_S, .tv_nsec = until % TIME_US_PER_S * 1000};
    (void)pthread_mutex_lock(&w->lock);
    while (w->running > 0)
        if (most_us == 0)
            (void)pthread_cond_wait(&w->changed, &w->lock);
        else if (pthread_cond_timedwait(&w->changed, &w->lock, &ts) == ETIMEDOUT)
            break;
    (void)pthread_mutex_unlock(&w->lock);
}

void embed_stop(struct embed_worker *w, enum embed_end how, struct embed_result *result)
{
    if (!w)
        return;
    embed_end(w, how);
    if (how == EMBED_SOON)
        wait_for_end(w, EMBED_GRACE_US);
    if (how == EMBED_SOON)
        embed_end(w, EMBED_NOW);
    wait_for_end(w, 0);
    if (result)
        *result = w->house.result;
    worker_free(w);
}
