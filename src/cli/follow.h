/* SPDX-License-Identifier: MIT */
/*
 * follow: lines of a pipe that doesn't end, as one sealed segment after the other.
 *
 *     struct follow f = {.spool = &spool, .gate = "logs", .prefix = "put", .zstd = true};
 *     TRY(cut_rule(&f.cut, "5s"));
 *     struct err e = follow_run(&f, &lines);        // until the end of the input, or a signal
 *     cut_free(&f.cut);
 *
 * SIGHUP seals what there is. SIGTERM and SIGINT take what is in the pipe, seal what is complete,
 * and end it. Each path is printed once its segment is in incoming/; while nobody reads them
 * nothing more is read, either, and at the end what couldn't be printed is ERR_SPOOL.
 *
 * A wrong line is told of on stderr and left out; at the end that is ERR_SEGMENT. While the spool
 * can't be written (a full disk), nothing is read, and the same segment is tried again each second:
 * ERR_SPOOL only where it fails at the start, or once more after a signal to end.
 */
#ifndef SPOOLGATE_CLI_FOLLOW_H
#define SPOOLGATE_CLI_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/lines.h"
#include "spool/cut.h"
#include "spool/spool.h"

struct follow {
    const struct spool *spool;
    const char *gate;
    const char *prefix; /* of the names: PREFIX-ID.msgpack; ids sort by time */
    bool zstd;
    struct cut cut; /* with its rules */

    /* private */
    int signals;
    bool is_ending;
    int64_t last_ms;     /* of the last segment's name */
    unsigned long wrong; /* lines */
    struct err untold;   /* why paths were not printed */
    struct buf frame;
};

struct err follow_run(struct follow *f, struct lines *in);

#endif
