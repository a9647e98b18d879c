/* SPDX-License-Identifier: MIT */
#include "base/pulse.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

struct pulse {
    const char *name;
    _Atomic int64_t limit_us, beat_us;
    atomic_uint waits; /* pulse_wait() without its pulse_go_on() yet */
    struct pulse *next;
};

/* The list is locked, its members change without: a beat costs a look at the clock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pulse *all;
static _Thread_local struct pulse *mine;

void pulse_begin(const char *name, int64_t limit_us)
{
    struct pulse *p = mem_calloc(1, sizeof *p);
    p->name = name;
    atomic_store(&p->limit_us, limit_us);
    atomic_store(&p->beat_us, time_monotonic());
    mine = p;
    (void)pthread_mutex_lock(&lock);
    p->next = all;
    all = p;
    (void)pthread_mutex_unlock(&lock);
}

void pulse_limit(int64_t limit_us)
{
    if (mine)
        atomic_store(&mine->limit_us, limit_us);
}

void pulse_beat(void)
{
    if (mine)
        atomic_store(&mine->beat_us, time_monotonic());
}

void pulse_wait(void)
{
    if (mine)
        (void)atomic_fetch_add(&mine->waits, 1);
}

/* The beat first: who sees that the wait is over sees the beat, too. */
void pulse_go_on(void)
{
    pulse_beat();
    if (mine)
        (void)atomic_fetch_sub(&mine->waits, 1);
}

void pulse_end(void)
{
    if (!mine)
        return;
    (void)pthread_mutex_lock(&lock);
    struct pulse **at = &all;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    (void)pthread_mutex_unlock(&lock);
    free(mine);
    mine = NULL;
}

bool pulse_check(int64_t now_us, char *problem, size_t size)
{
    bool well = true;
    *problem = '\0';
    (void)pthread_mutex_lock(&lock);
    for (const struct pulse *p = all; p && well; p = p->next) {
        bool waits = atomic_load(&p->waits) > 0; /* before the beat: see pulse_go_on() */
        int64_t idle_us = now_us - atomic_load(&p->beat_us);
        char text[STR_HUMAN];
        well = waits || idle_us <= atomic_load(&p->limit_us);
        if (!well)
            (void)snprintf(problem, size, "the %s has made no progress for %s", p->name,
                           str_duration(idle_us, text));
    }
    (void)pthread_mutex_unlock(&lock);
    return well;
}
