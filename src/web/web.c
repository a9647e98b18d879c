/* SPDX-License-Identifier: MIT */
#include "web/web.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "io/thread.h"
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

    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic clock */
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
    int64_t until_us = time_monotonic() + AGAIN_US;
    struct timespec until = {.tv_sec = until_us / TIME_US_PER_S,
                             .tv_nsec = until_us % TIME_US_PER_S * 1000};
    bool is_late = false;
    (void)pthread_mutex_lock(&w->lock);
    while (!w->stopping && !is_late) {
        if (!is_missing(&w->tcp) && !is_missing(&w->unix_socket))
            (void)pthread_cond_wait(&w->changed, &w->lock);
        else
            is_late = pthread_cond_timedwait(&w->changed, &w->lock, &until) != 0;
    }
    bool goes_on = !w->stopping;
    (void)pthread_mutex_unlock(&w->lock);
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
    (void)pthread_mutex_lock(&w->lock);
    w->is_over = true;
    (void)pthread_mutex_unlock(&w->lock);
    if (w->source.over)
        w->source.over(w->source.context);
    return NULL;
}

struct err web_start(struct web **web, const struct web_source *source)
{
    const struct http_rules *http = &source->config->http;
    bool is_tcp = strcmp(http->listen, CONFIG_LISTEN_OFF) != 0;
    pthread_condattr_t attributes;
    *web = NULL;
    if (!is_tcp && !*http->socket)
        return ERR_OK;
    struct web *w = mem_calloc(1, sizeof *w);
    w->source = *source;
    w->site.source = &w->source;
    w->tcp.is_wanted = is_tcp;
    w->unix_socket.is_wanted = *http->socket != '\0';
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
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
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

bool web_is_over(struct web *w)
{
    if (!w)
        return true;
    (void)pthread_mutex_lock(&w->lock);
    bool is_over = w->is_over;
    (void)pthread_mutex_unlock(&w->lock);
    return is_over;
}

void web_stop(struct web *w)
{
    if (!w)
        return;
    web_end(w);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
