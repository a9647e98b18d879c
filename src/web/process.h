/* SPDX-License-Identifier: MIT */
/* process: what the kernel says of this process. What can't be had is 0. */
#ifndef SPOOLGATE_WEB_PROCESS_H
#define SPOOLGATE_WEB_PROCESS_H

struct process {
    double resident_bytes;
    double open_fds;
    double cpu_seconds; /* user and system */
};

void process_look(struct process *p);

#endif
