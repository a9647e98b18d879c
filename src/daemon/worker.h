/* SPDX-License-Identifier: MIT */
/*
 * worker: a loader's thread. Keeps one connection, takes one job at a time from the board and sees
 * it through: claim (only when the database answers), load, retire. While it loads, its second
 * thread (ahead.h) claims and prepares the batch that comes next.
 *
 *     struct worker w = {.board = &board, ...};
 *     loader_init(&w.loader, ...);
 *     pthread_create(&thread, NULL, worker_main, &w);
 *
 * `ended` is called from the thread as its last act.
 */
#ifndef SPOOLGATE_DAEMON_WORKER_H
#define SPOOLGATE_DAEMON_WORKER_H

#include "daemon/ahead.h"
#include "daemon/board.h"
#include "daemon/fit.h"
#include "daemon/maintain.h"
#include "daemon/summaries.h"
#include "daemon/trail.h"
#include "replay/load.h"

struct worker {
    struct board *board;
    struct manifest_current *current;
    struct fit *fit;
    struct kb_context *kb;
    struct loader loader;
    struct maintain *maintain; /* shared: one pass at a time */
    struct summaries *summaries;
    struct trail *trail;
    bool migrate;        /* bring the database up before its first use */
    bool with_knowledge; /* the knowledge base, too */
    void (*ended)(void *context);
    void *context;

    /* private */
    struct ahead ahead; /* its batches' jobs are the board's */
};

void *worker_main(void *worker);

#endif
