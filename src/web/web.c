/* SPDX-License-Identifier: MIT */
#include "web/web.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "io/thread.h"
#include "web/latch.h"
#include "web/server.h"

#define AGAIN_US INT64_C(30000000) /* between two tries to listen */

/* One place where it listens, or would. */
struct place {
    bool is_wanted;
    struct server *server; /* NULL: not now */
    char told[500];        /* why not, as it was logged last */
};

struct web {
    struct web_source source;
    struct web_site site;
    pthread_t thread;
    struct place tcp, unix_socket;

    struct latch latch;
    bool stopping, is_over;
};

static struct err listen_tcp(const struct web *w, struct listener *l)
{
    struct endpoint endpoint;
    if (!endpoint_parse(w->source.config->http.listen, &endpoint))
        return err_make(ERR_INTERNAL, "http.listen was not checked");
    return listener_open_tcp(l, &endpoint);
}

static struct err listen_unix(const struct web *w, struct listener *l)
{
    return listener_open_unix(l, w->source.config->http.socket);
}

/* A failure is told once, and again when it is another one. */
static void try_place(struct web *w, struct place *p,
                      struct err (*open)(const struct web *w, struct listener *l))
{
    struct listener l;
    char name[LISTENER_NAME];
    if (!p->is_wanted || p->server)
        return;
    struct err e = open(w, &l);
    if (!err_is(&e)) {
        (void)listener_name(&l, name);
        e = server_open(&p->server, &l, &w->site);
    }
    if (!err_is(&e))
        LOG_INFO("status server listens", LOG_STR("at", name));
    else if (strcmp(p->told, e.text) != 0)
        LOG_WARN("the status server can't be reached; tried again every 30 s",
                 LOG_STR("error", e.text));
    (void)strcpy(p->told, e.text);
}

static bool is_missing(const struct place *p)
{
    return p->is_wanted && !p->server;
}

/* Until it is time for another try; false: until the end. */
static bool wait_for_next(struct web *w)
{
    bool is_whole = !is_missing(&w->tcp) && !is_missing(&w->unix_socket);
    int64_t until_us = is_whole ? LATCH_FOR_EVER : time_monotonic() + AGAIN_US;
    latch_lock(&w->latch);
    while (!w->stopping && latch_wait(&w->latch, until_us)) {
    }
    bool goes_on = !w->stopping;
    latch_unlock(&w->latch);
    return goes_on;
}

/* The servers' threads are started here, since they inherit that signals aren't theirs. */
static void *web_main(void *web)
{
    struct web *w = web;
    do {
        try_place(w, &w->tcp, listen_tcp);
        try_place(w, &w->unix_socket, listen_unix);
    } while (wait_for_next(w));
    collect_end(w->site.collect);
    server_close(w->tcp.server);
    server_close(w->unix_socket.server);
    collect_stop(w->site.collect);
    latch_lock(&w->latch);
    w->is_over = true;
    latch_unlock(&w->latch);
    if (w->source.over)
        w->source.over(w->source.context);
    return NULL;
}

struct err web_start(struct web **web, const struct web_source *source)
{
    const struct http_rules *http = &source->config->http;
    bool is_tcp = strcmp(http->listen, CONFIG_LISTEN_OFF) != 0;
    *web = NULL;
    if (!is_tcp && !*http->socket)
        return ERR_OK;
    struct web *w = mem_calloc(1, sizeof *w);
    w->source = *source;
    w->site.source = &w->source;
    w->tcp.is_wanted = is_tcp;
    w->unix_socket.is_wanted = *http->socket != '\0';
    latch_open(&w->latch);
    struct err e = collect_start(&w->site.collect, &w->source);
    if (!err_is(&e))
        e = thread_start(&w->thread, web_main, w);
    if (err_is(&e)) {
        collect_stop(w->site.collect);
        free(w);
        return e;
    }
    *web = w;
    return ERR_OK;
}

void web_end(struct web *w)
{
    if (!w)
        return;
    latch_lock(&w->latch);
    w->stopping = true;
    latch_tell(&w->latch);
    latch_unlock(&w->latch);
}

bool web_is_over(struct web *w)
{
    if (!w)
        return true;
    latch_lock(&w->latch);
    bool is_over = w->is_over;
    latch_unlock(&w->latch);
    return is_over;
}

void web_stop(struct web *w)
{
    if (!w)
        return;
    web_end(w);
    (void)pthread_join(w->thread, NULL);
    latch_close(&w->latch);
    free(w);
}
