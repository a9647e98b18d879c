/* SPDX-License-Identifier: MIT */
/*
 * thread: a thread that never sees a signal: those belong to the main loop's. A write to a socket
 * that its peer has closed is an error on it, and never SIGPIPE.
 *
 *     TRY(thread_start(&thread, main, argument));     // main: thread_begin(), ..., thread_end()
 *     ... pthread_join(thread, NULL) ...
 */
#ifndef SPOOLGATE_IO_THREAD_H
#define SPOOLGATE_IO_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"

/* For the thread itself: how ps and gdb call it (15 bytes at most), and base/pulse.h watches it. */
void thread_begin(const char *name, int64_t limit_us);
void thread_end(void);

struct err thread_start(pthread_t *thread, void *(*main)(void *), void *argument);

#endif
