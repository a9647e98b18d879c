/* SPDX-License-Identifier: MIT */
/*
 * view: how a running daemon is at one moment, without asking the database or the disk. The daemon
 * fills it (daemon/view of its board), `status` and the web server read it.
 *
 *     struct view v;
 *     board_view(&board, &v);                         // a copy; arrays belong to it
 *     view_json(&v, &out);                            // "board" of the control socket's answer
 *     view_free(&v);
 */
#ifndef SPOOLGATE_STATUS_VIEW_H
#define SPOOLGATE_STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "gate/gate.h"
#include "spool/spool.h"

#define VIEW_REASON ERR_TEXT

/* Why a gate's segments don't become rows now: the label `reason` of the metrics. */
enum view_stall {
    VIEW_NOT_STALLED,
    VIEW_STALLED_BATCH,    /* a batch of it is held: the environment's errors, tried again */
    VIEW_STALLED_MISFIT,   /* a table doesn't fit a stream that it takes */
    VIEW_STALLED_CLAIM,    /* its files can't be moved */
    VIEW_STALLED_ROOM,     /* the spool's file system is too full */
    VIEW_STALLED_SPOOL,    /* the spool can't be read */
    VIEW_STALLED_DATABASE, /* nobody is connected, and segments wait */
    VIEW_STALL_COUNT
};
extern const char *const view_stall_names[VIEW_STALL_COUNT]; /* "", "batch", "misfit", ... */

struct view_gate {
    char name[SPOOL_GATE];
    uint64_t waiting, bytes, unsettled;
    uint64_t unclaimable;      /* files that are left alone: unreadable, a foreign name */
    bool more;                 /* than were counted */
    int64_t oldest_us;         /* wall clock; 0: nothing waits */
    struct gate_policy policy; /* when it opens */
    bool held;                 /* by hand */
    enum view_stall stall;
    char stalled[VIEW_REASON]; /* for people; "" when it isn't */
};

struct view_job {
    struct uuid id;
    char gate[SPOOL_GATE]; /* "": not known yet */
    const char *state;     /* "queued", "loading", "held" */
    int64_t since_us;      /* wall clock; 0: hasn't begun */
    unsigned failures;
    char error[VIEW_REASON];
};

struct view {
    int64_t started_us; /* wall clock */
    int64_t scanned_us; /* wall clock: the end of the last scan; 0: none yet */
    bool stopping;
    char database_error[VIEW_REASON]; /* "" while somebody is connected */
    struct view_gate *gates;
    size_t gate_count;
    struct view_job *jobs;
    size_t job_count;
};

void view_json(const struct view *v, struct buf *json);
void view_free(struct view *v);

#endif
