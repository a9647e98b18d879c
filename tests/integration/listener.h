/* SPDX-License-Identifier: MIT */
/*
 * listener: an HTTP listener on a free port of 127.0.0.1, for tests of our own requests. The path
 * of a request says how it behaves:
 *
 *     static struct listener l;
 *     listener_start(&l);
 *     ... POST to listener_url(&l, "127.0.0.1", "/echo", url) ...
 *     listener_stop(&l);                      // also while requests wait for an answer
 *     ... l.accepted, l.heard ...
 */
#ifndef SPOOLGATE_TESTS_LISTENER_H
#define SPOOLGATE_TESTS_LISTENER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"

#define LISTENER_CONNECTIONS 512
#define LISTENER_URL         200

struct listener {
    int fd;
    unsigned port;
    pthread_t thread;
    struct listener_connection {
        struct listener *listener;
        int fd;
        pthread_t thread;
    } connections[LISTENER_CONNECTIONS];
    atomic_uint accepted; /* connections */
    atomic_uint heard;    /* requests, head and body */
    atomic_bool is_stopping;
};

struct listener_request {
    char head[4096];
    char path[200];
    char body[4096];
    size_t body_len;
};

static inline void listener_say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* One byte at a time: the next request on the connection stays where it is. */
static inline bool listener_read(int fd, struct listener_request *r)
{
    size_t len = 0;
    *r = (struct listener_request){0};
    while (len < 4 || memcmp(r->head + len - 4, "\r\n\r\n", 4) != 0)
        if (len == sizeof r->head - 1 || recv(fd, r->head + len++, 1, 0) != 1)
            return false;
    const char *length = strcasestr(r->head, "\r\nContent-Length:");
    (void)sscanf(r->head, "%*s %199s", r->path);
    r->body_len = length ? strtoul(length + 17, NULL, 10) : 0;
    if (r->body_len == 0 || strcmp(r->path, "/early") == 0)
        return true;
    return r->body_len < sizeof r->body &&
           recv(fd, r->body, r->body_len, MSG_WAITALL) == (ssize_t)r->body_len;
}

/* For ever: until the other side hangs up, or the listener is stopped. */
static inline void listener_repeat(int fd, const char *text, unsigned pause_us)
{
    while (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0)
        if (pause_us > 0)
            (void)usleep(pause_us);
}

#define LISTENER_OK "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

/* False: the connection ends here. */
static inline bool listener_answer(int fd, const struct listener_request *r)
{
    char text[sizeof r->body + 200];
    char byte;
    if (strcmp(r->path, "/echo") == 0) {
        (void)snprintf(text, sizeof text, LISTENER_OK "Content-Length: %zu\r\n\r\n%s", r->body_len,
                       r->body);
        listener_say(fd, text);
        return true;
    }
    if (strcmp(r->path, "/busy") == 0) {
        listener_say(fd, "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
        return true;
    }
    if (strcmp(r->path, "/redirect") == 0) {
        listener_say(fd, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
        return true;
    }
    if (strcmp(r->path, "/never") == 0)
        (void)!recv(fd, &byte, 1, 0);
    else if (strcmp(r->path, "/once") == 0) /* keeps quiet about it */
        listener_say(fd, LISTENER_OK "Content-Length: 0\r\n\r\n");
    else if (strcmp(r->path, "/early") == 0) /* what isn't read resets the connection */
        listener_say(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    else if (strcmp(r->path, "/cut-head") == 0)
        listener_say(fd, LISTENER_OK "X: ");
    else if (strcmp(r->path, "/cut-body") == 0)
        listener_say(fd, LISTENER_OK "Content-Length: 10\r\n\r\n12345");
    else if (strcmp(r->path, "/garbage") == 0)
        listener_say(fd, "SSH-2.0-OpenSSH_9.2\r\n");
    else if (strcmp(r->path, "/huge") == 0) {
        listener_say(fd, LISTENER_OK "\r\n");
        listener_repeat(fd, "0123456789", 0);
    } else if (strcmp(r->path, "/huge-head") == 0) {
        listener_say(fd, LISTENER_OK);
        listener_repeat(fd, "X: 0123456789012345678901234567890123456789\r\n", 0);
    } else if (strcmp(r->path, "/drip-head") == 0) {
        listener_say(fd, "HTTP/1.1 200 OK\r\nX: ");
        listener_repeat(fd, "x", 50000);
    } else if (strcmp(r->path, "/drip-body") == 0) {
        listener_say(fd, LISTENER_OK "\r\n");
        listener_repeat(fd, "x", 50000);
    }
    return false; /* "/close" */
}

static inline void *listener_serve(void *context)
{
    struct listener_connection *c = context;
    struct listener_request r;
    while (listener_read(c->fd, &r)) {
        c->listener->heard++;
        if (!listener_answer(c->fd, &r))
            break;
    }
    /* Its number stays this connection's until the stop, but here it has to be closed: with bytes
     * that nobody read, that resets it. */
    if (strcmp(r.path, "/early") == 0) {
        int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)dup2(other, c->fd);
        (void)close(other);
    }
    (void)shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static inline void *listener_accept(void *context)
{
    struct listener *l = context;
    for (;;) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || l->is_stopping || l->accepted == LISTENER_CONNECTIONS)
            return NULL;
        struct listener_connection *c = &l->connections[l->accepted++];
        c->listener = l;
        c->fd = fd;
        cr_assert_eq(pthread_create(&c->thread, NULL, listener_serve, c), 0);
    }
}

static inline void listener_start(struct listener *l)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *l = (struct listener){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    cr_assert_eq(bind(l->fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(l->fd, LISTENER_CONNECTIONS), 0);
    cr_assert_eq(getsockname(l->fd, (struct sockaddr *)&address, &len), 0);
    l->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&l->thread, NULL, listener_accept, l), 0);
}

static inline void listener_stop(struct listener *l)
{
    l->is_stopping = true;
    (void)shutdown(l->fd, SHUT_RDWR);
    (void)pthread_join(l->thread, NULL);
    (void)close(l->fd);
    for (unsigned i = 0; i < l->accepted; i++) {
        (void)shutdown(l->connections[i].fd, SHUT_RDWR);
        (void)pthread_join(l->connections[i].thread, NULL);
        (void)close(l->connections[i].fd);
    }
}

static inline const char *listener_url(const struct listener *l, const char *host, const char *path,
                                       char url[LISTENER_URL])
{
    (void)snprintf(url, LISTENER_URL, "http://%s:%u%s", host, l->port, path);
    return url;
}

#endif
