/* SPDX-License-Identifier: MIT */
#include "io/thread.h"

#include <signal.h>

#include "base/pulse.h"

void thread_begin(const char *name, int64_t limit_us)
{
    (void)pthread_setname_np(pthread_self(), name);
    pulse_begin(name, limit_us);
}

void thread_end(void)
{
    pulse_end();
}

struct err thread_start(pthread_t *thread, void *(*main)(void *), void *argument)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(thread, NULL, main, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r == 0 ? ERR_OK : err_system(ERR_INTERNAL, r, "can't start a thread");
}
