/* SPDX-License-Identifier: MIT */
/*
 * web: the status server. Read-only: metrics, health, JSON and one page, for people, monitors and
 * load balancers. docs/MONITORING.md is its contract.
 *
 *     struct web *web;
 *     TRY(web_start(&web, &source));        // threads of its own; none where `http` is off
 *     web_end(web);                         // asks, and doesn't wait
 *     web_stop(web);                        // asks, waits and frees
 *
 * It can't hurt what it watches: it holds no lock of the daemon's while it talks to a client or the
 * database, has one connection of its own (made when somebody asks), a bound on clients, memory and
 * time, and where its port is taken the daemon runs without it: that is logged, tried again, and no
 * failure.
 */
#ifndef SPOOLGATE_WEB_WEB_H
#define SPOOLGATE_WEB_WEB_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "manifest/current.h"
#include "spool/spool.h"
#include "status/view.h"

/* How the daemon is asked; from the server's threads, never waiting on disk or database. */
struct web_source {
    const struct config *config;
    struct manifest_current *current;
    const struct spool *spool;
    void (*view)(void *context, struct view *view);   /* view_free() is the server's */
    void (*live)(void *context, struct buf *json);    /* the control socket's answer to "status" */
    void (*trail)(void *context, struct buf *json);   /* "batches": daemon/trail.h */
    void (*totals)(void *context, struct buf *json);  /* "totals": daemon/trail.h */
    void (*history)(void *context, struct buf *json); /* "history": daemon/history.h */
    /* Is the process making progress? "" or why not. What feeds the watchdog, and /healthz. */
    void (*health)(void *context, char problem[VIEW_REASON]);
    /* Called on a thread of the server's when it is over; NULL: nobody wants to know. */
    void (*over)(void *context);
    void *context;
};

struct web; /* see web.c; NULL where `http` is off: then it is over, and nothing is done */

/* source is copied; what it points to has to outlive web_stop. */
struct err web_start(struct web **web, const struct web_source *source);

/* Answers under way are finished, for a second at the most. */
void web_end(struct web *web);
bool web_is_over(struct web *web);
void web_stop(struct web *web);

#endif
