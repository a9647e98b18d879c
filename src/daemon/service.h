/* SPDX-License-Identifier: MIT */
/*
 * service: what systemd hears of us (sd_notify): that we are ready, reload or stop, how we are, in
 * a line that `systemctl status` shows, and that we make progress: the watchdog. Without systemd
 * all of it does nothing, but for a log line when the process gets stuck.
 *
 *     struct service s;
 *     service_open(&s);
 *     service_ready();
 *     ... every service_period_us(&s), on the thread whose turning is part of being well:
 *         service_turn(&s, "3 segments wait");
 *     service_reloading(); ... service_ready();       // also after a reload that failed
 *     service_stopping();
 *
 * The watchdog is fed while no thread is stuck (base/pulse.h). A slow server, disk or listener
 * makes nobody stuck; only a restart helps who is.
 */
#ifndef SPOOLGATE_DAEMON_SERVICE_H
#define SPOOLGATE_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "status/view.h"

#define SERVICE_STATUS 200

struct service {
    /* private */
    int64_t feed_us; /* the watchdog is fed this often; 0: there is none */
    int64_t fed_us, told_us;
    char told[SERVICE_STATUS]; /* the status line that is known */
    bool is_stuck;
};

void service_open(struct service *s);
int64_t service_period_us(const struct service *s);

/* Feeds the watchdog when it is time and all is well; tells a status that has changed, now and
 * then. */
void service_turn(struct service *s, const char *status);

/* A daemon in one line: what waits, what is in hand, and why, where nothing moves. */
void service_describe(const struct view *v, bool is_refused, char line[SERVICE_STATUS]);

void service_ready(void);
void service_reloading(void);
void service_stopping(void);
/* The process ends by then, with 0, whatever its threads wait for: a server or a disk that hangs
 * would keep those who are joined. Loses nothing: all can be killed at any time. */
void service_end_by(int64_t most_us);

#endif
