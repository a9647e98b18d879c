/* SPDX-License-Identifier: MIT */
#include "daemon/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "daemon/view.h"
#include "spool/name.h"

#define SOCKET ".control"
enum {
    REQUEST_BYTES = 512,
    ANSWER_BYTES_MAX = 16 << 20,
    BACKLOG = 16,
    ASK_SECONDS = 5,
    RELOAD_SECONDS = 120
};

/* A socket's path holds 107 bytes and a spool's may be longer; /proc gives every folder a short
 * one. */
static void socket_path(const struct spool *s, char path[64])
{
    (void)snprintf(path, 64, "/proc/self/fd/%d/%s", s->root, SOCKET);
}

struct control_client {
    uv_pipe_t pipe;
    uv_write_t write;
    struct control *control;
    char request[REQUEST_BYTES];
    size_t len;
    struct buf answer;
    struct control_client *next;
};

static void client_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    reload_forget(client->control->reload, client);
    struct control_client **at = &client->control->clients;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    buf_free(&client->answer);
    free(client);
}

static void client_close(struct control_client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->pipe))
        uv_close((uv_handle_t *)&client->pipe, client_closed);
}

static void answered(uv_write_t *request, int status)
{
    (void)status;
    client_close(request->data);
}

void control_status(const struct control *c, struct buf *out)
{
    struct jsonw j = {.out = out};
    struct view view;
    struct buf board = {0};
    struct buf manifests = {0};
    struct buf totals = {0};
    struct buf courier = {0};
    struct buf embed = {0};
    board_view(c->board, &view);
    view_json(&view, &board);
    view_free(&view);
    manifest_current_status(c->reload->current, &manifests);
    trail_totals_json(c->trail, &totals);
    courier_status(c->reload->courier, &courier);
    embed_status(c->reload->embed, &embed);
    jsonw_object(&j);
    jsonw_key(&j, "pid");
    jsonw_int(&j, getpid());
    jsonw_key(&j, "version");
    jsonw_str(&j, SPOOLGATE_VERSION);
    jsonw_key(&j, "spool_id");
    jsonw_str(&j, c->spool->id);
    jsonw_key(&j, "board");
    jsonw_raw(&j, buf_cstr(&board));
    jsonw_key(&j, "manifests");
    jsonw_raw(&j, buf_cstr(&manifests));
    jsonw_key(&j, "totals");
    jsonw_raw(&j, buf_cstr(&totals));
    jsonw_key(&j, "courier");
    jsonw_raw(&j, buf_cstr(&courier));
    jsonw_key(&j, "embed");
    jsonw_raw(&j, buf_cstr(&embed));
    jsonw_end(&j);
    buf_free(&board);
    buf_free(&manifests);
    buf_free(&totals);
    buf_free(&courier);
    buf_free(&embed);
}

static void put_result(struct buf *out, const char *error)
{
    struct jsonw j = {.out = out};
    jsonw_object(&j);
    jsonw_key(&j, "ok");
    jsonw_bool(&j, !error);
    if (error) {
        jsonw_key(&j, "error");
        jsonw_str(&j, error);
    }
    jsonw_end(&j);
}

static const char *park(struct board *b, const char *arguments)
{
    char batch[UUID_TEXT] = "";
    struct uuid id;
    (void)snprintf(batch, sizeof batch, "%.36s", arguments);
    if (!uuid_parse(batch, &id) || arguments[UUID_TEXT - 1] != ' ')
        return "park wants a batch id and a reason";
    return board_park(b, &id, arguments + UUID_TEXT);
}

static void send_answer(struct control_client *client)
{
    buf_byte(&client->answer, '\n');
    uv_buf_t out = uv_buf_init((char *)client->answer.data, (unsigned)client->answer.len);
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &out, 1, answered) != 0)
        client_close(client);
}

static void put_lines(struct jsonw *j, const char *key, struct buf *lines)
{
    const char *words = buf_cstr(lines);
    const char *line;
    size_t len;
    jsonw_key(j, key);
    jsonw_array(j);
    while ((line = str_line(&words, &len))) {
        char *text = mem_strndup(line, len);
        jsonw_str(j, text);
        free(text);
    }
    jsonw_end(j);
}

static void reloaded(void *context, const struct err *failure, struct manifest_reload *found)
{
    struct control_client *client = context;
    struct jsonw j = {.out = &client->answer};
    jsonw_object(&j);
    jsonw_key(&j, "ok");
    jsonw_bool(&j, !err_is(failure));
    if (err_is(failure)) {
        jsonw_key(&j, "error");
        jsonw_str(&j, failure->text);
    }
    put_lines(&j, err_is(failure) ? "errors" : "changes", &found->words);
    put_lines(&j, "at_start", &found->at_start);
    jsonw_end(&j);
    send_answer(client);
}

static void respond(struct control_client *client)
{
    struct control *c = client->control;
    const char *line = client->request;
    (void)uv_read_stop((uv_stream_t *)&client->pipe);
    if (strcmp(line, "reload") == 0) {
        reload_start(c->reload, reloaded, client);
        return;
    }
    if (strcmp(line, "status") == 0) {
        control_status(c, &client->answer);
    } else if (strcmp(line, "rescan") == 0) {
        board_wake_scanner(c->board);
        put_result(&client->answer, NULL);
    } else if (strncmp(line, "open ", 5) == 0) {
        bool known = board_force(c->board, line + 5);
        put_result(&client->answer, known ? NULL : "no such gate: it has no folder in incoming/");
    } else if (strncmp(line, "park ", 5) == 0) {
        put_result(&client->answer, park(c->board, line + 5));
    } else {
        put_result(&client->answer, "unknown request");
    }
    send_answer(client);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
    struct control_client *client = handle->data;
    (void)suggested;
    *room = uv_buf_init(client->request + client->len,
                        (unsigned)(sizeof client->request - 1 - client->len));
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *room)
{
    struct control_client *client = stream->data;
    (void)room;
    if (n < 0) { /* gone, or a request that doesn't fit (ENOBUFS) */
        client_close(client);
        return;
    }
    client->len += (size_t)n;
    client->request[client->len] = '\0';
    char *end = strchr(client->request, '\n');
    if (end) {
        *end = '\0';
        respond(client);
    }
}

static void connected(uv_stream_t *server, int status)
{
    struct control *c = server->data;
    if (status < 0)
        return;
    struct control_client *client = mem_calloc(1, sizeof *client);
    client->control = c;
    client->next = c->clients;
    c->clients = client;
    (void)uv_pipe_init(server->loop, &client->pipe, 0);
    client->pipe.data = client;
    if (uv_accept(server, (uv_stream_t *)&client->pipe) != 0 ||
        uv_read_start((uv_stream_t *)&client->pipe, give_room, received) != 0)
        client_close(client);
}

struct err control_open(struct control *c, uv_loop_t *loop, const struct spool *spool,
                        struct board *board, struct reload *reload, struct trail *trail)
{
    char path[64];
    *c = (struct control){.spool = spool, .board = board, .reload = reload, .trail = trail};
    socket_path(spool, path);
    (void)unlinkat(spool->root, SOCKET, 0); /* ours, or a dead one's: we have the lock */
    (void)uv_pipe_init(loop, &c->server, 0);
    c->server.data = c;
    int r = uv_pipe_bind(&c->server, path);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&c->server, BACKLOG, connected);
    if (r == 0 && fchmodat(spool->root, SOCKET, 0660, 0) != 0)
        r = -errno;
    return r == 0 ? ERR_OK
                  : err_make(ERR_SPOOL, "can't listen on %s/" SOCKET ": %s", spool->path,
                             uv_strerror(r));
}

void control_close(struct control *c)
{
    (void)unlinkat(c->spool->root, SOCKET, 0);
    if (!uv_is_closing((uv_handle_t *)&c->server))
        uv_close((uv_handle_t *)&c->server, NULL);
    /* A client that says nothing must not keep the loop, and so the process, alive. */
    for (struct control_client *client = c->clients; client; client = client->next)
        client_close(client);
}

static struct err read_answer(int fd, struct buf *answer)
{
    for (;;) {
        ssize_t n = read(fd, buf_reserve(answer, 65536), 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system(ERR_BUSY, errno, "the daemon doesn't answer on " SOCKET);
        if (n == 0)
            return ERR_OK;
        answer->len += (size_t)n;
        if (answer->len > ANSWER_BYTES_MAX)
            return err_make(ERR_INTERNAL, "the daemon's answer has no end");
    }
}

struct err control_check(const char *answer)
{
    json_t *root = json_loads(answer, 0, NULL);
    struct err e = ERR_OK;
    if (!json_is_true(json_object_get(root, "ok"))) {
        const char *why = json_string_value(json_object_get(root, "error"));
        e = err_make(ERR_USAGE, "the daemon refuses: %s", why ? why : "no reason given");
    }
    json_decref(root);
    return e;
}

struct err control_ask(const struct spool *spool, const char *request, struct buf *answer,
                       bool *running)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool is_slow = strcmp(request, "reload") == 0; /* reads a repository, perhaps */
    struct timeval patience = {.tv_sec = is_slow ? RELOAD_SECONDS : ASK_SECONDS};
    *running = false;
    socket_path(spool, address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_system(ERR_SPOOL, errno, "can't make a socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct err e = ERR_OK;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != ENOENT && errno != ECONNREFUSED)
            e = err_system(ERR_SPOOL, errno, "can't reach the daemon at %s/" SOCKET, spool->path);
    } else {
        struct buf line = {0};
        buf_printf(&line, "%s\n", request);
        *running = true;
        if (send(fd, line.data, line.len, MSG_NOSIGNAL) != (ssize_t)line.len)
            e = err_system(ERR_BUSY, errno, "the daemon doesn't listen on " SOCKET);
        buf_free(&line);
        if (!err_is(&e))
            e = read_answer(fd, answer);
    }
    (void)close(fd);
    return e;
}
