/* SPDX-License-Identifier: MIT */
/*
 * progress: how far a command is, on the last line of the terminal.
 *
 *     struct progress p;
 *     progress_open(&p, "indexing");
 *     if (progress_is_due(&p))                             // ten times a second at the most
 *         progress_show(&p, files, of, "12 of 40 files");
 *     progress_close(&p);                                  // the line is empty again
 *
 * It stands on stderr, and only where that is a terminal that can move its cursor; log lines are
 * written above it. It has no colours, so NO_COLOR has nothing to take away. One at a time, one
 * thread at a time.
 */
#ifndef SPOOLGATE_CLI_PROGRESS_H
#define SPOOLGATE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *name;
    bool is_on;
    int64_t begun_us, shown_us; /* monotonic */
};

void progress_open(struct progress *p, const char *name);
bool progress_is_due(struct progress *p);
/* With a bar where `of` is known, that is more than 0. */
void progress_show(struct progress *p, uint64_t done, uint64_t of, const char *text);
/* A second, since it was opened. */
uint64_t progress_rate(const struct progress *p, uint64_t count);
void progress_close(struct progress *p);

#endif
