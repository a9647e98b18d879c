/* SPDX-License-Identifier: MIT */
#include "daemon/summaries.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/time.h"
#include "db/queries.h"
#include "io/thread.h"
#include "stream/ddl.h"

#define PAUSE_US    (TIME_US_PER_S / 4)
#define PATIENCE_US (5 * TIME_US_PER_S) /* of a partition that is never left alone */

struct summary_leaf {
    char *name;       /* quoted */
    bool is_noted;    /* since the last look */
    int64_t since_us; /* monotonic: since then its last ranges wait */
};

static struct err summarize(struct summaries *s, const struct summary_leaf *leaf, bool whole)
{
    if (!pg_is_open(&s->pg)) {
        TRY(pg_open(&s->pg, &s->target));
        TRY(pg_exec(&s->pg, "SET lock_timeout = '1s'")); /* a VACUUM summarises, too */
    }
    int64_t start = time_monotonic();
    TRY(pg_query_prepared(&s->pg, whole ? sql_leaf_summarize : sql_leaf_summarize_full,
                          PG_PARAMS(leaf->name), NULL));
    LOG_DEBUG(whole ? "summarised" : "full ranges summarised", LOG_STR("partition", leaf->name),
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

static void free_leaves(struct summary_leaf *leaves, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(leaves[i].name);
    free(leaves);
}

/* The partitions to look at now, and whether they are quiet; those leave the list. Under the lock.
 */
static size_t take_round(struct summaries *s, struct summary_leaf **round)
{
    int64_t now = time_monotonic();
    size_t count = s->count;
    size_t left = 0;
    *round = mem_calloc(count, sizeof **round);
    memcpy(*round, s->leaves, count * sizeof **round);
    for (size_t i = 0; i < count; i++) {
        struct summary_leaf *leaf = &(*round)[i];
        if (!s->stopping && leaf->is_noted && now - leaf->since_us < PATIENCE_US) {
            s->leaves[left] = *leaf;
            s->leaves[left++].is_noted = false;
            leaf->name = mem_strdup(leaf->name);
        } else {
            leaf->is_noted = false;
        }
    }
    s->count = left;
    return count;
}

/* A partition that is locked doesn't keep us from the others. */
static void summarize_all(struct summaries *s, const struct summary_leaf *leaves, size_t count)
{
    struct err first = ERR_OK;
    for (size_t i = 0; i < count && !is_broken_off(s); i++) {
        struct err e = summarize(s, &leaves[i], !leaves[i].is_noted);
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
        if (s->count > 0 && left <= 0)
            return;
        pulse_wait();
        if (s->count == 0)
            (void)pthread_cond_wait(&s->changed, &s->lock);
        else
            (void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
        pulse_go_on();
    }
}

static void *summaries_main(void *summaries)
{
    struct summaries *s = summaries;
    int64_t not_before_us = 0;
    thread_begin("summariser", PULSE_LIMIT_US);
    (void)pthread_mutex_lock(&s->lock);
    for (;;) {
        struct summary_leaf *round;
        wait_for_work(s, not_before_us);
        if (s->stopping && (!s->finish || s->count == 0))
            break;
        size_t count = take_round(s, &round);
        s->is_asking = true;
        (void)pthread_mutex_unlock(&s->lock);
        summarize_all(s, round, count);
        free_leaves(round, count);
        not_before_us = time_monotonic() + PAUSE_US;
        (void)pthread_mutex_lock(&s->lock);
        s->is_asking = false;
    }
    (void)pthread_mutex_unlock(&s->lock);
    thread_end();
    return NULL;
}

void summaries_start(struct summaries *s, const struct pg_target *target)
{
    pthread_condattr_t attr;
    *s = (struct summaries){.target = *target};
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

static void note(struct summaries *s, const char *name)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->leaves[i].name, name) != 0)
        i++;
    if (i == s->count) {
        struct summary_leaf *leaf = MEM_PUSH(s->leaves, s->count, s->cap);
        *leaf = (struct summary_leaf){.since_us = time_monotonic()};
        leaf->name = mem_strdup(name);
    }
    s->leaves[i].is_noted = true;
}

void summaries_note(struct summaries *s, const struct stream_set *streams,
                    const struct partition_list *partitions)
{
    struct buf leaf = {0};
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < partitions->count; i++) {
        const struct partition *p = &partitions->items[i];
        const struct stream *stream = &streams->streams[p->stream];
        buf_clear(&leaf);
        if (stream->every == PERIOD_NONE)
            ddl_table(&leaf, stream);
        else
            ddl_leaf_name(&leaf, stream, p->from_us);
        note(s, buf_cstr(&leaf));
    }
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    buf_free(&leaf);
}

void summaries_stop(struct summaries *s, bool finish)
{
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    s->finish = finish;
    bool is_asking = s->is_asking;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    if (!finish && is_asking) /* a server that hangs doesn't answer that, either */
        pg_cancel(&s->pg);
    if (s->runs)
        (void)pthread_join(s->thread, NULL);
    pg_close(&s->pg);
    free_leaves(s->leaves, s->count);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
}
