/* SPDX-License-Identifier: MIT */
#include "web/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

enum { BACKLOG = 64, MODE = 0660 };

static struct err failure(struct listener *l, int number, const char *what, const char *where)
{
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    return err_system(number == EADDRINUSE ? ERR_BUSY : ERR_CONFIG, number, "%s %s", what, where);
}

const char *listener_name(const struct listener *l, char text[LISTENER_NAME])
{
    char address[ADDRESS_TEXT];
    const struct endpoint *e = &l->endpoint;
    if (l->is_unix)
        (void)snprintf(text, LISTENER_NAME, "%s", l->path.sun_path);
    else if (e->address.any.sa_family == AF_INET6)
        (void)snprintf(text, LISTENER_NAME, "http://[%s]:%u/",
                       address_format(&e->address.any, address), ntohs(e->address.v6.sin6_port));
    else
        (void)snprintf(text, LISTENER_NAME, "http://%s:%u/",
                       address_format(&e->address.any, address), ntohs(e->address.v4.sin_port));
    return text;
}

struct err listener_open_tcp(struct listener *l, const struct endpoint *endpoint)
{
    static const int on = 1;
    char name[LISTENER_NAME];
    int family = endpoint->address.any.sa_family;
    *l = (struct listener){.endpoint = *endpoint};
    (void)listener_name(l, name);
    l->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return failure(l, errno, "can't make a socket for", name);
    /* What is left of a daemon's connections before this one doesn't keep the port. */
    (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        (void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(l->fd, &endpoint->address.any, endpoint->len) != 0 || listen(l->fd, BACKLOG) != 0)
        return failure(l, errno, "can't listen at", name);
    (void)getsockname(l->fd, &l->endpoint.address.any, &(socklen_t){sizeof l->endpoint.address});
    return ERR_OK;
}

/* True: the path is free now. */
static bool remove_stale(const struct sockaddr_un *path)
{
    struct stat found;
    if (lstat(path->sun_path, &found) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(found.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_stale = fd >= 0 && connect(fd, (const struct sockaddr *)path, sizeof *path) != 0 &&
                    errno == ECONNREFUSED;
    if (fd >= 0)
        (void)close(fd);
    return is_stale && unlink(path->sun_path) == 0;
}

struct err listener_open_unix(struct listener *l, const char *path)
{
    *l = (struct listener){.fd = -1, .is_unix = true, .path = {.sun_family = AF_UNIX}};
    if (strlen(path) >= sizeof l->path.sun_path)
        return err_make(ERR_CONFIG, "`http.socket`: the path is longer than %zu bytes",
                        sizeof l->path.sun_path - 1);
    (void)strcpy(l->path.sun_path, path);
    if (!remove_stale(&l->path))
        return failure(l, EADDRINUSE, "can't listen at", path);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return failure(l, errno, "can't make a socket for", path);
    /* The file is made with the socket's mode, less the umask: at no moment with more than MODE. */
    if (fchmod(l->fd, MODE) != 0 ||
        bind(l->fd, (const struct sockaddr *)&l->path, sizeof l->path) != 0)
        return failure(l, errno, "can't listen at", path);
    if (chmod(path, MODE) != 0 || lstat(path, &l->made) != 0 || listen(l->fd, BACKLOG) != 0) {
        struct err e = failure(l, errno, "can't listen at", path);
        (void)unlink(path);
        return e;
    }
    return ERR_OK;
}

void listener_close(struct listener *l)
{
    struct stat found;
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    if (l->is_unix && lstat(l->path.sun_path, &found) == 0 && found.st_ino == l->made.st_ino &&
        found.st_dev == l->made.st_dev)
        (void)unlink(l->path.sun_path);
}
