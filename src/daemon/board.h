/* SPDX-License-Identifier: MIT */
/*
 * board: what the daemon's threads know of each other's work.
 *
 * The scanner posts jobs, loaders take them, the loop reads the state for `status`. Everything in
 * here is guarded by one mutex and changed by the functions below only; nobody holds it across a
 * system call that can wait.
 *
 *   scanner: board_post_claim, board_post_resume     loader: board_take, board_claimed, board_end
 *   loop:    board_force, board_stop               anybody: board_view (daemon/view.h)
 *
 * A job lives on the list from its posting to its end, so that a batch in processing/ always
 * belongs to a job, or is nobody's and gets resumed. A job that met an environment error stays on
 * the list with a time before which it isn't tried again: its gate is stalled until then.
 */
#ifndef SPOOLGATE_DAEMON_BOARD_H
#define SPOOLGATE_DAEMON_BOARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "daemon/backlog.h"
#include "spool/claim.h"
#include "spool/scan.h"
#include "status/view.h"

enum job_kind { JOB_CLAIM, JOB_RESUME, JOB_PARK, JOB_MAINTAIN, JOB_FIT };

struct job {
    enum job_kind kind;
    struct uuid id;
    char gate[SPOOL_GATE];     /* "" for a resumed batch until it is read */
    char reason[CLAIM_REASON]; /* why the gate opened; JOB_PARK: why it is given up */
    struct scan_file *files;   /* JOB_CLAIM: what to claim */
    size_t count;
    bool is_found;   /* was nobody's: its files may go back to incoming/ */
    bool is_ordered; /* waits for the jobs of its gate that were posted before it */

    bool running;
    unsigned failures;
    int64_t not_before_us;  /* monotonic */
    int64_t due_us;         /* wall clock: when it was posted, or this try came due */
    int64_t since_us;       /* wall clock: when this try began */
    char stalled[ERR_TEXT]; /* why the last try failed */
    struct job *next;
};

struct board_gate {
    char name[SPOOL_GATE];
    uint64_t waiting, bytes, unsettled, unclaimable;
    bool more; /* than were counted */
    struct load_weight weight;
    int64_t oldest_us;
    bool held, claiming, forced;
    unsigned claim_failures;     /* in a row */
    int64_t claim_not_before_us; /* monotonic */
    char claim_error[ERR_TEXT];
    struct gate_policy policy;
    bool relist;           /* files came back, or stayed: a list of before has no order any more */
    char misfit[ERR_TEXT]; /* why its segments can't become rows of the tables as they are; "": they
                            * can
                            */
    uint64_t scan;         /* the last one that saw it */
    enum view_stall stall; /* as it was counted last */
};

struct board {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *jobs;
    struct board_gate *gates;
    uint64_t scan;      /* counts them */
    int64_t scanned_us; /* wall clock: when the last one ended; 0: none yet */
    size_t gate_count, gate_cap;
    unsigned idle_loaders;         /* connected and without a job */
    unsigned looking_ahead;        /* second threads of loaders that could prepare a batch */
    unsigned loaders;              /* threads that run */
    bool has_database_answer;      /* somebody is connected, or was told why not */
    char database_error[ERR_TEXT]; /* "" while somebody is connected */
    char spool_error[ERR_TEXT];    /* the last scan's failure, "" when it went well */
    char room_error[128];          /* too little room to claim anything, "" while there is enough */
    bool stopping;                 /* no new work */
    atomic_bool give_up;           /* break off work in hand */
    int wake;                      /* eventfd: the scanner should look again */
    int64_t started_us;
};

struct err board_open(struct board *b);
void board_close(struct board *b);

/* ---- scanner and loaders ---- */
bool board_is_stopping(struct board *b);

/* ---- scanner ---- */
void board_scan_begin(struct board *b);
/* What a scan found; the gate appears on the board with its first scan. misfit may be "". */
void board_scanned(struct board *b, const char *gate, const struct gate_policy *policy,
                   const struct backlog *backlog, bool held, const char *misfit);
struct load_weight board_weight(struct board *b, const char *gate);
/* After a scan that went well, gates whose folder is gone leave the board. */
void board_scan_end(struct board *b, const struct err *e);
/* May this gate's files be claimed now? Not while it is stalled or claiming, nor without a loader;
 * of an ordered gate, not before the batch in hand is settled. */
bool board_may_claim(struct board *b, const char *gate);
/* True once after files came back to the gate, or were left: its list is to be made anew. */
bool board_relist(struct board *b, const char *gate);
/* After a claim that failed: how long this gate still waits before the next. */
int64_t board_claim_wait(struct board *b, const char *gate);
void board_room(struct board *b, const char *error); /* NULL: there is room */
bool board_is_forced(struct board *b, const char *gate);
void board_unforce(struct board *b, const char *gate); /* nothing waited: it is over */
/* Takes the files over. */
void board_post_claim(struct board *b, const char *gate, const char *reason,
                      struct scan_file *files, size_t count);
/* The ids of all jobs; the caller's to free. */
struct uuid *board_known(struct board *b, size_t *count);
/* A batch that was found in processing/ and is nobody's job. */
void board_post_resume(struct board *b, const struct uuid *id, const char *gate, bool is_ordered);
/* JOB_MAINTAIN or JOB_FIT, unless one is under way. */
void board_post_upkeep(struct board *b, enum job_kind kind);
void board_wake_scanner(struct board *b);

/* ---- loaders ---- */
void board_loader_started(struct board *b);
void board_loader_ended(struct board *b);
/* Waits for a job that is due. NULL: the daemon stops. */
struct job *board_take(struct board *b);
/* The same for a thread that prepares the next batch: a claim that no idle loader takes. NULL: not
 * *wanted any more (board_wake_loaders makes it look), or the daemon stops. */
struct job *board_take_ahead(struct board *b, const atomic_bool *wanted);
void board_wake_loaders(struct board *b);
/* The gate's files have moved, or, after a failure, some of them: what did is taken up from disk.
 */
void board_claimed(struct board *b, struct job *job, const struct err *e, bool left_some);
/* The job's end: gone when e is ERR_OK, else kept for another try (a claim that didn't begin is
 * gone, too: its files still wait). */
void board_end(struct board *b, struct job *job, const struct err *e, bool claim_began);
void board_weigh(struct board *b, const struct prepared *p);
/* NULL: connected. False where the last one said the same: each loader has its connection. */
bool board_database(struct board *b, const char *error);
/* Waits out `wait_us`, or until the daemon stops. */
void board_database_wait(struct board *b, int64_t wait_us);

/* ---- loop ---- */
bool board_force(struct board *b, const char *gate); /* false: no such gate */
/* A batch that is held becomes a parking job. NULL, or why that can't be now. */
const char *board_park(struct board *b, const struct uuid *id, const char *why);
void board_stop(struct board *b, bool give_up);
unsigned board_loaders(struct board *b);

#endif
