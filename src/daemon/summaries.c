/* SPDX-License-Identifier: MIT */
#include "daemon/summaries.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "daemon/ahead.h"
#include "db/queries.h"

#define PAUSE_US (TIME_US_PER_S / 4)

static struct err summarize(struct summaries *s, const struct partition_day *item)
{
    char leaf[STREAM_LEAF_NAME];
    if (!pg_is_open(&s->pg)) {
        TRY(pg_open(&s->pg, &s->target));
        TRY(pg_exec(&s->pg, "SET lock_timeout = '1s'")); /* a VACUUM summarises, too */
    }
    stream_leaf_name(&s->streams->streams[item->stream], item->day, leaf);
    int64_t start = time_monotonic();
    TRY(pg_query_prepared(&s->pg, sql_leaf_summarize, PG_PARAMS(leaf), NULL));
    LOG_DEBUG("summarised", LOG_STR("partition", leaf),
              LOG_DURATION("took", time_monotonic() - start));
    return ERR_OK;
}

static bool is_broken_off(struct summaries *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool broken_off = s->stopping && !s->finish;
    (void)pthread_mutex_unlock(&s->lock);
    return broken_off;
}

/* A partition that is locked doesn't keep us from the others. */
static void summarize_all(struct summaries *s, const struct partition_days *days)
{
    struct err first = ERR_OK;
    for (size_t i = 0; i < days->count && !is_broken_off(s); i++) {
        struct err e = summarize(s, &days->items[i]);
        if (err_is(&e) && !err_is(&first))
            first = e;
        if (err_is(&e) && !pg_is_open(&s->pg))
            break;
    }
    if (is_broken_off(s))
        return;
    if (err_is(&first) && strcmp(first.text, s->told) != 0)
        LOG_WARN("can't summarise what was loaded; VACUUM will", LOG_STR("error", first.text));
    (void)strcpy(s->told, first.text);
}

/* Under the lock. Until something is noted and the last look is long enough ago. */
static void wait_for_work(struct summaries *s, int64_t not_before_us)
{
    while (!s->stopping) {
        int64_t left = not_before_us - time_monotonic();
        struct timespec until = {.tv_sec = not_before_us / TIME_US_PER_S,
                                 .tv_nsec = not_before_us % TIME_US_PER_S * 1000};
        if (s->noted.count == 0)
            (void)pthread_cond_wait(&s->changed, &s->lock);
        else if (left > 0)
            (void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
        else
            return;
    }
}

static void *summaries_main(void *summaries)
{
    struct summaries *s = summaries;
    int64_t not_before_us = 0;
    (void)pthread_mutex_lock(&s->lock);
    for (;;) {
        wait_for_work(s, not_before_us);
        if (s->stopping && (!s->finish || s->noted.count == 0))
            break;
        struct partition_days days = s->noted;
        s->noted = (struct partition_days){0};
        (void)pthread_mutex_unlock(&s->lock);
        summarize_all(s, &days);
        partition_free(&days);
        not_before_us = time_monotonic() + PAUSE_US;
        (void)pthread_mutex_lock(&s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

void summaries_start(struct summaries *s, const struct pg_target *target,
                     const struct stream_set *streams)
{
    pthread_condattr_t attr;
    *s = (struct summaries){.target = *target, .streams = streams};
    pg_init(&s->pg);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    struct err e = thread_start(&s->thread, summaries_main, s);
    s->runs = !err_is(&e);
    if (!s->runs)
        LOG_WARN("nobody summarises what is loaded; VACUUM will", LOG_STR("error", e.text));
}

void summaries_note(struct summaries *s, const struct partition_days *days)
{
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < days->count; i++)
        partition_need(&s->noted, days->items[i].stream, days->items[i].day * TIME_US_PER_DAY);
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

void summaries_stop(struct summaries *s, bool finish)
{
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    s->finish = finish;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    if (!finish)
        pg_cancel(&s->pg);
    if (s->runs)
        (void)pthread_join(s->thread, NULL);
    pg_close(&s->pg);
    partition_free(&s->noted);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
}
