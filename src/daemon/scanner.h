/* SPDX-License-Identifier: MIT */
/*
 * scanner: the thread that looks into the spool. inotify, a wake-up, SIGHUP, the clock and start-up
 * all mean the same to it: scan again. It never touches the database and never moves a segment; it
 * decides, and posts what it decided on the board.
 *
 *     struct scanner s = {.config = &config, .current = &current, .spool = &spool, .board =
 * &board}; pthread_create(&thread, NULL, scanner_main, &s);
 */
#ifndef SPOOLGATE_DAEMON_SCANNER_H
#define SPOOLGATE_DAEMON_SCANNER_H

#include "config/config.h"
#include "daemon/backlog.h"
#include "daemon/board.h"
#include "daemon/fit.h"
#include "daemon/oddities.h"
#include "manifest/current.h"
#include "spool/room.h"
#include "spool/watch.h"

struct scanned_gate {
    char name[SPOOL_GATE];
    struct backlog backlog;
    int64_t scanned_us; /* wall clock: when the list was made */
    int64_t began_us;   /* the look that began the pass over the folder */
    int64_t passed_us;  /* wall clock: when the last pass ended; 0: none yet */
    size_t unsettled;   /* in that pass */
    size_t fresh;       /* in this one: segments that have come since */
    int64_t seen_us;    /* the last look that found the folder */
};

struct scanner {
    const struct config *config;
    struct manifest_current *current;
    struct fit *fit;
    const struct spool *spool;
    struct board *board;

    /* private */
    struct manifest *set; /* that this look goes by */
    unsigned loaders;
    char **folders; /* of gates, but the default one's */
    size_t folder_count;
    int64_t folders_us; /* wall clock: when they were listed */
    struct scanned_gate *gates;
    size_t gate_count, gate_cap;
    struct watch watch;
    struct oddities oddities;
    int64_t next_us;       /* wall clock: when to look again, at the latest */
    int64_t maintained_us; /* monotonic: when the last maintenance was posted; 0: never */
    bool is_blind;         /* a batch in processing/ has a gate that can't be read */
    enum room room;
};

void *scanner_main(void *scanner);

#endif
