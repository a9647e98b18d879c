/* SPDX-License-Identifier: MIT */
#include "web/server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "web/host.h"
#include "web/latch.h"

struct server {
    struct listener listener;
    const struct web_site *site;
    struct MHD_Daemon *daemon;
    struct latch latch;
    unsigned active; /* requests */
};

/* ---- the request ---- */

struct gathering {
    const struct server *server;
    struct web_request *request;
};

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    const struct gathering *g = context;
    const struct web_site *site = g->server->site;
    (void)kind;
    if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0 && !g->server->listener.is_unix &&
        !host_is_ours(value ? value : "", &g->server->listener.endpoint,
                      site->source->config->http.hosts))
        g->request->is_foreign = true;
    return MHD_YES;
}

static enum MHD_Result take_param(void *context, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    struct web_request *r = ((struct gathering *)context)->request;
    (void)kind;
    if (r->param_count < WEB_PARAMS) {
        r->params[r->param_count].key = key;
        r->params[r->param_count].value = value;
    }
    r->param_count++;
    return MHD_YES;
}

/* ---- the answer ---- */

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct web_answer *a)
{
    const struct {
        const char *name, *value;
    } headers[] = {{MHD_HTTP_HEADER_CONTENT_TYPE, a->type},
                   {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
                   {MHD_HTTP_HEADER_CONTENT_SECURITY_POLICY, a->policy},
                   {MHD_HTTP_HEADER_X_FRAME_OPTIONS, "DENY"},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Referrer-Policy", "no-referrer"},
                   {"Cross-Origin-Resource-Policy", "same-origin"},
                   {MHD_HTTP_HEADER_ALLOW, a->allow}};
    struct MHD_Response *response =
        a->fixed
            ? MHD_create_response_from_buffer(a->fixed_len, (void *)(uintptr_t)a->fixed,
                                              MHD_RESPMEM_PERSISTENT)
            : MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result sent = MHD_NO;
    for (size_t i = 0; response && i < sizeof headers / sizeof *headers; i++)
        if (headers[i].value)
            (void)MHD_add_response_header(response, headers[i].name, headers[i].value);
    if (response)
        sent = MHD_queue_response(connection, a->status, response);
    MHD_destroy_response(response);
    buf_free(&a->body);
    return sent;
}

static bool is_reading(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static void count_active(struct server *s, int change)
{
    latch_lock(&s->latch);
    s->active += (unsigned)change;
    latch_tell(&s->latch);
    latch_unlock(&s->latch);
}

/* Called first with the headers, and then, if the connection is to stay open, until the body has
 * been read. A request that only reads has none: one that sends it anyway is hung up on. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **request_context)
{
    struct server *s = context;
    struct web_request request = {.method = method, .path = path};
    struct web_answer answer;
    (void)version;
    (void)upload;
    if (!*request_context) {
        *request_context = s;
        count_active(s, 1);
        if (is_reading(method))
            return MHD_YES;
    }
    if (*upload_len > 0)
        return MHD_NO;
    struct gathering g = {s, &request};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, &g);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_param, &g);
    routes_answer(s->site, &request, &answer);
    return send_answer(connection, &answer);
}

static void completed(void *context, struct MHD_Connection *connection, void **request_context,
                      enum MHD_RequestTerminationCode how)
{
    (void)connection;
    (void)how;
    if (*request_context)
        count_active(context, -1);
    *request_context = NULL;
}

/* ---- its life ---- */

/* What a client does wrong is nobody's business but for who looks for it. */
static void log_debug(void *context, const char *format, va_list arguments)
{
    char text[256];
    (void)context;
    (void)vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    LOG_DEBUG("http", LOG_STR("said", text));
}

static void free_server(struct server *s)
{
    listener_close(&s->listener);
    latch_close(&s->latch);
    free(s);
}

/* The library closes the socket in some of its failures. Then its number may be another thread's by
 * now, and is nothing for us to close. */
static void forget_if_closed(struct listener *l, const struct stat *socket)
{
    struct stat found;
    if (fstat(l->fd, &found) != 0 || found.st_ino != socket->st_ino ||
        found.st_dev != socket->st_dev)
        l->fd = -1;
}

struct err server_open(struct server **server, const struct listener *l,
                       const struct web_site *site)
{
    struct server *s = mem_calloc(1, sizeof *s);
    struct stat socket = {0};
    *server = NULL;
    s->listener = *l;
    (void)fstat(l->fd, &socket);
    s->site = site;
    latch_open(&s->latch);
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC, 0, NULL, NULL, handle, s,
        MHD_OPTION_EXTERNAL_LOGGER, log_debug, NULL, MHD_OPTION_LISTEN_SOCKET, l->fd,
        MHD_OPTION_THREAD_POOL_SIZE, SERVER_THREADS, MHD_OPTION_CONNECTION_LIMIT, SERVER_CLIENTS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, SERVER_CLIENTS_1, MHD_OPTION_CONNECTION_TIMEOUT,
        SERVER_SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, SERVER_REQUEST,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, completed, s, MHD_OPTION_END);
    if (!s->daemon) {
        forget_if_closed(&s->listener, &socket);
        free_server(s);
        return err_make(ERR_INTERNAL, "the status server's threads can't be started");
    }
    *server = s;
    return ERR_OK;
}

static void finish_answers(struct server *s)
{
    int64_t until_us = time_monotonic() + SERVER_GRACE_US;
    latch_lock(&s->latch);
    while (s->active > 0 && latch_wait(&s->latch, until_us)) {
    }
    latch_unlock(&s->latch);
}

void server_close(struct server *s)
{
    if (!s)
        return;
    (void)MHD_quiesce_daemon(s->daemon); /* the listening socket is ours again, and takes no more */
    finish_answers(s);
    MHD_stop_daemon(s->daemon);
    free_server(s);
}
