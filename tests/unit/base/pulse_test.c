/* SPDX-License-Identifier: MIT */
#include "base/pulse.h"

#include <pthread.h>
#include <semaphore.h>

#include "base/time.h"
#include "bytes.h"

#define S TIME_US_PER_S

static void expect(const char *when, int64_t later_us, const char *want)
{
    char got[200];
    bool well = pulse_check(time_monotonic() + later_us, got, sizeof got);
    cr_expect_eq(well, !*want, "%s: want %d, got %d", when, !*want, well);
    cr_expect(*want ? strstr(got, want) != NULL : !*got, "%s: want `%s`, got `%s`", when, want,
              got);
}

Test(base_pulse, one_thread)
{
    pulse_beat(); /* without a pulse: nothing */
    pulse_wait();
    pulse_go_on();
    pulse_end();
    expect("nobody is watched", 1000 * S, "");
    pulse_begin("loader", 10 * S);
    expect("begun", 9 * S, "");
    expect("no beat", 12 * S, "the loader has made no progress for 12");
    pulse_limit(20 * S);
    expect("a longer limit", 12 * S, "");
    expect("beyond it", 21 * S, "loader");
    pulse_wait();
    expect("it waits", 1000 * S, "");
    pulse_wait();
    pulse_go_on();
    expect("it waits still", 1000 * S, "");
    pulse_go_on();
    expect("it goes on", 19 * S, "");
    expect("and gets stuck", 21 * S, "loader");
    pulse_end();
    expect("ended", 1000 * S, "");
}

struct thread {
    const char *name;
    pthread_t id;
    sem_t begun, end;
    bool waits;
};

static void *watched(void *thread)
{
    struct thread *t = thread;
    pulse_begin(t->name, 10 * S);
    if (t->waits)
        pulse_wait();
    (void)sem_post(&t->begun);
    (void)sem_wait(&t->end);
    pulse_end();
    return NULL;
}

/* Each has its own; the end of one in the middle leaves the others. */
Test(base_pulse, threads)
{
    struct thread threads[] = {
        {.name = "a", .waits = true}, {.name = "b"}, {.name = "c", .waits = true}};
    for (size_t i = 0; i < COUNT(threads); i++) {
        (void)sem_init(&threads[i].begun, 0, 0);
        (void)sem_init(&threads[i].end, 0, 0);
        cr_assert_eq(pthread_create(&threads[i].id, NULL, watched, &threads[i]), 0);
        (void)sem_wait(&threads[i].begun);
    }
    expect("b is stuck", 11 * S, "the b ");
    static const size_t order[] = {1, 0, 2};
    for (size_t i = 0; i < COUNT(order); i++) {
        (void)sem_post(&threads[order[i]].end);
        (void)pthread_join(threads[order[i]].id, NULL);
        expect("the rest waits", 11 * S, "");
    }
}
