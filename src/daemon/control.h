/* SPDX-License-Identifier: MIT */
/*
 * control: the unix socket spool/.control. One line in, one line of JSON out, then it is closed.
 *
 *     status          {"pid", "version", "spool_id", "board": {"started_at", "stopping",
 *                      "database_error", "gates": [...], "loading": [...]}, "manifests": {...},
 *                      "totals": {...}, "courier": {"sinks", "in_flight", "database_error"},
 *                      "embed": {"embedders": [...], "database_error"} or null}
 *     rescan          {"ok": true}
 *     reload          {"ok": true, "changes": [...], "at_start": [...]}, or
 *                     {"ok": false, "error": "...", "errors": [...], "at_start": []}
 *     open GATE       {"ok": true} | {"ok": false, "error": "..."}
 *     park BATCH WHY  the same: a held batch goes to failed/
 *
 * The server half lives on the uv loop; control_ask is the client that the commands use.
 */
#ifndef SPOOLGATE_DAEMON_CONTROL_H
#define SPOOLGATE_DAEMON_CONTROL_H

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/board.h"
#include "daemon/reload.h"
#include "daemon/trail.h"
#include "spool/spool.h"

struct control {
    uv_pipe_t server;
    const struct spool *spool;
    struct board *board;
    struct reload *reload;
    struct trail *trail;
    struct control_client *clients; /* connected now */
};

struct err control_open(struct control *c, uv_loop_t *loop, const struct spool *spool,
                        struct board *board, struct reload *reload, struct trail *trail);
void control_close(struct control *c);

/* The answer to "status"; from any thread, as long as the courier and the embedders are there. */
void control_status(const struct control *c, struct buf *out);

/* Sends one request and reads the answer. *running is false, without an error, where no daemon
 * listens. */
struct err control_ask(const struct spool *spool, const char *request, struct buf *answer,
                       bool *running);

/* Is the answer {"ok": true}? Else ERR_USAGE with what it says. */
struct err control_check(const char *answer);

#endif
