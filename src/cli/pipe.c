/* SPDX-License-Identifier: MIT */
#include "cli/pipe.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

struct err pipe_write(const char **text, size_t *len, int signals)
{
    struct pollfd fds[] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                           {.fd = signals, .events = POLLIN}};
    while (*len > 0) {
        int ready = poll(fds, 2, signals < 0 ? 0 : -1);
        if (ready < 0 && errno == EINTR) /* stopped, and gone on with */
            continue;
        if (ready < 0)
            return err_system(ERR_SPOOL, errno, "can't wait for standard output");
        if (!fds[0].revents)
            return ERR_OK;
        /* A pipe that can be written takes so much without blocking. */
        ssize_t n = write(STDOUT_FILENO, *text, *len < PIPE_BUF ? *len : PIPE_BUF);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return err_system(ERR_SPOOL, errno, "can't write the result");
        *text += n > 0 ? n : 0;
        *len -= n > 0 ? (size_t)n : 0;
    }
    return ERR_OK;
}
