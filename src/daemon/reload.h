/* SPDX-License-Identifier: MIT */
/*
 * reload: reads configuration and manifests anew while the daemon runs, for SIGHUP and `spoolgate
 * reload`. On the loop; the reading itself, from disk or a repository, is not.
 *
 *     struct reload r = {.current = &current, .spool = &spool, .board = &board, ...};
 *     reload_open(&r, &loop);
 *     reload_start(&r, answer, client);   // answer(client, &failure, &found), once it is done
 *     reload_forget(&r, client);          // nobody waits any more
 *
 * Requests that come while one is under way get a second one of their own: what was written before
 * the request is what is read. Each outcome is logged.
 */
#ifndef SPOOLGATE_DAEMON_RELOAD_H
#define SPOOLGATE_DAEMON_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/err.h"
#include "daemon/board.h"
#include "manifest/current.h"
#include "embed/worker.h"
#include "outbox/courier.h"

typedef void reload_done_fn(void *context, const struct err *failure,
                            struct manifest_reload *found);

struct reload_waiter {
    reload_done_fn *done;
    void *context;
    bool is_served; /* by the reload under way */
};

struct reload {
    struct manifest_current *current;
    const struct spool *spool;
    struct board *board;
    struct courier *courier;
    struct embed_worker *embed; /* NULL: chunks are left to others */

    /* private */
    uv_loop_t *loop;
    uv_work_t work;
    bool is_running;
    struct err outcome;
    struct manifest_reload found;
    struct reload_waiter *waiters;
    size_t count, cap;
};

/* The folders of all gates that are named, in the configuration or by a manifest: producers need no
 * mkdir. Also done by each reload. */
struct err reload_make_folders(struct manifest_current *current, const struct spool *spool);

void reload_open(struct reload *r, uv_loop_t *loop);
void reload_close(struct reload *r); /* after the loop has ended */

/* done may be NULL. */
void reload_start(struct reload *r, reload_done_fn *done, void *context);
void reload_forget(struct reload *r, const void *context);

#endif
