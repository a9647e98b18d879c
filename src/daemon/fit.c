/* SPDX-License-Identifier: MIT */
#include "daemon/fit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "schema/plan.h"

void fit_open(struct fit *f)
{
    *f = (struct fit){0};
    (void)pthread_mutex_init(&f->lock, NULL);
}

static void free_why(char **why, size_t count)
{
    for (size_t i = 0; why && i < count; i++)
        free(why[i]);
    free(why);
}

void fit_close(struct fit *f)
{
    if (f->set)
        free_why(f->why, f->set->streams.count);
    manifest_release(f->set);
    (void)pthread_mutex_destroy(&f->lock);
}

bool fit_is_due(struct fit *f, const struct manifest *set)
{
    (void)pthread_mutex_lock(&f->lock);
    bool due = f->set != set || (f->any && time_monotonic() - f->asked_us >= FIT_AGAIN_US);
    (void)pthread_mutex_unlock(&f->lock);
    return due;
}

bool fit_all(struct fit *f)
{
    (void)pthread_mutex_lock(&f->lock);
    bool all = !f->any;
    (void)pthread_mutex_unlock(&f->lock);
    return all;
}

static bool was_told(const struct fit *f, const struct manifest *set, size_t stream,
                     const char *why)
{
    return f->set == set && f->why[stream] && strcmp(f->why[stream], why) == 0;
}

struct err fit_ask(struct fit *f, struct pg *pg, struct manifest *set)
{
    const struct stream_set *streams = &set->streams;
    char **why = mem_calloc(streams->count, sizeof *why);
    bool any = false;
    for (size_t i = 0; i < streams->count; i++) {
        struct buf text = {0};
        struct err e = plan_check_fit(pg, &streams->streams[i], &text);
        if (err_is(&e)) {
            buf_free(&text);
            free_why(why, streams->count);
            return e;
        }
        if (text.len > 0) {
            why[i] = buf_take(&text);
            any = true;
        }
        buf_free(&text);
    }
    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < streams->count; i++)
        if (why[i] && !was_told(f, set, i, why[i]))
            LOG_WARN("a table doesn't fit; gates of its stream stay shut",
                     LOG_STR("stream", streams->streams[i].name), LOG_STR("error", why[i]));
    if (f->any && !any)
        LOG_INFO("all tables fit");
    if (f->set)
        free_why(f->why, f->set->streams.count);
    manifest_release(f->set);
    f->set = manifest_hold(set);
    f->why = why;
    f->any = any;
    f->asked_us = time_monotonic();
    (void)pthread_mutex_unlock(&f->lock);
    return ERR_OK;
}

bool fit_of_gate(struct fit *f, const struct manifest *set, const bool *allowed, char why[FIT_WHY])
{
    why[0] = '\0';
    (void)pthread_mutex_lock(&f->lock);
    bool known = f->set == set;
    for (size_t i = 0; known && f->any && !*why && i < set->streams.count; i++)
        if (f->why[i] && (!allowed || allowed[i]))
            (void)snprintf(why, FIT_WHY, "%s", f->why[i]);
    (void)pthread_mutex_unlock(&f->lock);
    return known && !*why;
}

struct err fit_require(struct fit *f, struct pg *pg, struct manifest *set, const bool *allowed)
{
    char why[FIT_WHY];
    if (fit_is_due(f, set))
        TRY(fit_ask(f, pg, set));
    return fit_of_gate(f, set, allowed, why) ? ERR_OK : err_make(ERR_CONFIG, "%s", why);
}
