/* SPDX-License-Identifier: MIT */
/*
 * daemon: `spoolgate run`. One uv loop (signals, the control socket), one scanner thread, N loader
 * threads, and the courier's two. The loop never waits on the database or the disk.
 *
 *     struct err e = daemon_run(&config, migrate);
 *
 * Returns after SIGTERM or SIGINT: no new batch or delivery is claimed, and the ones in hand are
 * finished, or, after DAEMON_GRACE_S, broken off (they wait for the next start). SIGHUP reads
 * the manifests anew and scans again.
 */
#ifndef SPOOLGATE_DAEMON_DAEMON_H
#define SPOOLGATE_DAEMON_DAEMON_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "manifest/current.h"

#define DAEMON_GRACE_S 7 /* to finish the batch in hand; then it is cancelled */
#define DAEMON_END_S                                                            \
    9 /* to give it up; then the process ends all the same, which loses nothing \
       */

struct err daemon_run(const struct config *config, struct manifest_current *current, bool migrate);

#endif
