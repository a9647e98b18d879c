/* SPDX-License-Identifier: MIT */
/*
 * live: a running daemon's answer to "status" (daemon/control.h), in the form of `status --json`.
 *
 *     json_t *daemon = json_loads(answer, 0, NULL);
 *     live_put(status, daemon);             // takes daemon over
 */
#ifndef SPOOLGATE_STATUS_LIVE_H
#define SPOOLGATE_STATUS_LIVE_H

#include <jansson.h>

/* Sets "gates", "loading", "manifests" and "daemon". */
void live_put(json_t *status, json_t *daemon);

#endif
