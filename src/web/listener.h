/* SPDX-License-Identifier: MIT */
/*
 * listener: the sockets that the status server accepts from.
 *
 *     TRY(listener_open_tcp(&l, &endpoint));            // or listener_open_unix(&l, path)
 *     ... accept from l.fd, listener_name(&l, text) ...
 *     listener_close(&l);                               // the unix socket's path goes, too
 *
 * Failures are ERR_BUSY where somebody else listens there, ERR_CONFIG otherwise.
 */
#ifndef SPOOLGATE_WEB_LISTENER_H
#define SPOOLGATE_WEB_LISTENER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/endpoint.h"
#include "base/err.h"

#define LISTENER_NAME 128

struct listener {
    int fd;
    bool is_unix;
    struct endpoint endpoint; /* with the port that it got */
    struct sockaddr_un path;
    struct stat made; /* the unix socket's file: only our own is removed */
};

struct err listener_open_tcp(struct listener *l, const struct endpoint *endpoint);

/* Mode 0660. A socket that nobody listens on any more is replaced; any other file stays. */
struct err listener_open_unix(struct listener *l, const char *path);
void listener_close(struct listener *l); /* l->fd may be -1: somebody has closed it */

/* "http://127.0.0.1:9647/", or the path. */
const char *listener_name(const struct listener *l, char text[LISTENER_NAME]);

#endif
