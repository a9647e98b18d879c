/* SPDX-License-Identifier: MIT */
/* oddities: files in incoming/ that are not ours to claim, each logged once in a process's life. */
#ifndef SPOOLGATE_DAEMON_ODDITIES_H
#define SPOOLGATE_DAEMON_ODDITIES_H

#include <stddef.h>

struct oddities { /* zeroed is empty */
    char **seen;
    size_t count, cap;
};

void oddities_report(struct oddities *o, const char *where, const char *reason);
void oddities_free(struct oddities *o);

#endif
