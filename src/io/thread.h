/* SPDX-License-Identifier: MIT */
/*
 * thread: a thread that never sees a signal: those belong to the main loop's. A write to a socket
 * that its peer has closed is an error on it, and never SIGPIPE.
 *
 *     TRY(thread_start(&thread, main, argument));
 *     ... pthread_join(thread, NULL) ...
 */
#ifndef SPOOLGATE_IO_THREAD_H
#define SPOOLGATE_IO_THREAD_H

#include <pthread.h>

#include "base/err.h"

struct err thread_start(pthread_t *thread, void *(*main)(void *), void *argument);

#endif
