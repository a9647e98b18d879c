/* SPDX-License-Identifier: MIT */
/*
 * pulse: does each thread make progress? One list for the process, like the log: a thread that is
 * to be watched says so, tells what it gets done, and when it waits for something that isn't ours
 * to hurry; anyone may ask. What feeds systemd's watchdog, and /healthz.
 *
 *     pulse_begin("loader", PULSE_LIMIT_US);    // this thread, from now on
 *     pulse_beat();                             // something got done: a block, a file, a turn
 *     pulse_wait();                             // until pulse_go_on() it waits: for the server,
 * for result = PQexec(connection, sql);         // an fsync, for work. That is never "stuck",
 *     pulse_go_on();                            // however long it takes. May be nested
 *     pulse_end();
 *
 *     bool well = pulse_check(time_monotonic(), problem, sizeof problem);      // any thread
 *
 * A thread that hasn't begun may call all of it: nothing happens. So whoever waits or works, deep
 * down, needn't know for whom. A thread that waits for a lock doesn't say so: a lock that isn't
 * given back is what this is for.
 */
#ifndef SPOOLGATE_BASE_PULSE_H
#define SPOOLGATE_BASE_PULSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without a beat for so long, and not waiting: stuck. Work beats about once a block of its file. */
#define PULSE_LIMIT_US INT64_C(600000000)

/* name: for people, a literal. */
void pulse_begin(const char *name, int64_t limit_us);
void pulse_limit(int64_t limit_us); /* from now on */
void pulse_beat(void);
void pulse_wait(void);
void pulse_go_on(void); /* also a beat */
void pulse_end(void);

/* False: a thread is stuck, and `problem` says which and since when. "" else. */
bool pulse_check(int64_t now_us, char *problem, size_t size);

#endif
