/* SPDX-License-Identifier: MIT */
/*
 * view: what the board says to those who look at it: a copy for `status` and the web server, and
 * why a gate's segments don't become rows.
 *
 *     struct view v;
 *     board_view(&board, &v);          // any thread
 *     ... v.gates, v.jobs ...
 *     view_free(&v);
 */
#ifndef SPOOLGATE_DAEMON_VIEW_H
#define SPOOLGATE_DAEMON_VIEW_H

#include "daemon/board.h"
#include "status/view.h"

void board_view(struct board *b, struct view *v);

/* ---- for the board, which holds its lock ---- */

/* The gate's job that met a failure, or NULL. */
const struct job *board_stalled_job(const struct board *b, const char *gate);
/* Counts the gates that have become stalled since it was called last (METER_STALLS). */
void board_count_stalls(struct board *b);

#endif
