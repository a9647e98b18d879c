/* SPDX-License-Identifier: MIT */
/*
 * oddities: what we come across and leave alone (a file in incoming/ that is no segment, a
 * partition that nobody of ours made), each logged once in a process's life.
 */
#ifndef SPOOLGATE_DAEMON_ODDITIES_H
#define SPOOLGATE_DAEMON_ODDITIES_H

#include <stddef.h>

struct oddities { /* zeroed is empty */
    char **seen;
    size_t count, cap;
};

/* kind: "file", "partition". */
void oddities_report(struct oddities *o, const char *kind, const char *where, const char *reason);
void oddities_free(struct oddities *o);

#endif
