/* SPDX-License-Identifier: MIT */
/*
 * serve: the daemon as the status server (web/web.h) sees it.
 *
 *     struct serve s = {.board = &board, .control = &control, ...};
 *     TRY(serve_start(&s, &web, config, current, spool));
 *
 * All that s points to has to outlive web_stop().
 */
#ifndef SPOOLGATE_DAEMON_SERVE_H
#define SPOOLGATE_DAEMON_SERVE_H

#include "daemon/board.h"
#include "daemon/control.h"
#include "daemon/history.h"
#include "daemon/trail.h"
#include "web/web.h"

struct serve {
    struct board *board;
    struct control *control;
    struct trail *trail;
    struct history *history;
    void (*over)(void *context); /* as web_source's */
    void *context;
};

struct err serve_start(struct serve *s, struct web **web, const struct config *config,
                       struct manifest_current *current, const struct spool *spool);

#endif
