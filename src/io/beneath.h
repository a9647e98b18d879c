/* SPDX-License-Identifier: MIT */
/*
 * beneath: opens a file below a folder, and the kernel sees to it that no `..` and no link leads
 * out of there, whatever is renamed meanwhile (openat2, RESOLVE_BENEATH; Linux 5.6).
 *
 *     int fd = beneath_open(folder, "notes/a.md", 0, RESOLVE_NO_SYMLINKS);     // <linux/openat2.h>
 *
 * For reading; neither waits for the other end of a FIFO nor takes over a terminal. Like open(2):
 * -1 and errno.
 */
#ifndef SPOOLGATE_IO_BENEATH_H
#define SPOOLGATE_IO_BENEATH_H

#include <stdint.h>

/* flags and resolve come on top of what is said above. */
int beneath_open(int folder, const char *path, uint64_t flags, uint64_t resolve);

#endif
