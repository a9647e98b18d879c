/* SPDX-License-Identifier: MIT */
#include "web/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double resident_bytes(void)
{
    double pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*s %lf", &pages) != 1)
        pages = 0;
    (void)fclose(f);
    return pages * (double)sysconf(_SC_PAGESIZE);
}

/* Without the one that counts them. */
static double open_fds(void)
{
    double count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count > 0 ? count - 1 : 0;
}

static double seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

void process_look(struct process *p)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    *p = (struct process){.resident_bytes = resident_bytes(),
                          .open_fds = open_fds(),
                          .cpu_seconds = seconds(&usage.ru_utime) + seconds(&usage.ru_stime)};
}
