/* SPDX-License-Identifier: MIT */
/*
 * launch: runs a command and says what it took.
 *
 *   launch RESULT COMMAND [ARGUMENT...]
 *
 * Writes "START END USER SYSTEM RSS STATUS" to the file RESULT: CLOCK_MONOTONIC in ns, CPU times in
 * us (children that it waited for included), peak resident KiB, wait status. A program of its own,
 * because Linux counts what a process was before its exec into its peak: a child of the Python that
 * measures would never look smaller than that Python.
 */
#include <err.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t us(struct timeval t)
{
    return t.tv_sec * INT64_C(1000000) + t.tv_usec;
}

int main(int argc, char **argv)
{
    int status;
    struct rusage use;
    if (argc < 3)
        errx(64, "usage: launch RESULT COMMAND [ARGUMENT...]");
    int64_t start = now();
    pid_t pid = fork();
    if (pid < 0)
        err(71, "fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG,
                    SIGKILL); /* a bench that is broken off leaves nothing behind */
        (void)execvp(argv[2], argv + 2);
        err(127, "%s", argv[2]);
    }
    if (wait4(pid, &status, 0, &use) != pid)
        err(71, "wait4");
    int64_t end = now();
    FILE *result = fopen(argv[1], "we");
    if (!result)
        err(73, "%s", argv[1]);
    (void)fprintf(result, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %ld %d\n", start, end,
                  us(use.ru_utime), us(use.ru_stime), use.ru_maxrss, status);
    return fclose(result) == 0 ? 0 : 73;
}
