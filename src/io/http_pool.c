/* SPDX-License-Identifier: MIT */
/*
 * curl's multi interface says which sockets it waits for and when it wants to be woken; uv watches
 * them. Two multi handles: each keeps its own connections, so that one which was opened without the
 * guard never serves a request with it.
 *
 * A transfer ends in the order in which things can be taken apart: curl lets go of its handle, the
 * handle is closed, and last its owner hears of it, who may post again or close the pool. None of
 * that happens inside a callback of curl's: they only note what it wants.
 */
#include "io/http_pool.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "io/http_attempt.h"

#define CONNECTIONS 128L /* kept open by each multi handle, idle ones first to go */

struct side {
    struct http_pool *pool;
    CURLM *multi;
    uv_timer_t timer;
};

/* A socket that curl waits for. */
struct socket {
    uv_poll_t poll;
    struct side *side;
    curl_socket_t fd;
    int events; /* of uv */
};

struct transfer {
    struct http_attempt attempt;
    struct http_reply reply;
    struct side *side;
    struct err failure; /* of one that couldn't be started */
    http_done_fn *done;
    void *context;
    TAILQ_ENTRY(transfer) entry;
};
TAILQ_HEAD(transfers, transfer);

struct http_pool {
    uv_loop_t *loop;
    struct side sides[2];       /* guarded and not */
    uv_idle_t idle;             /* runs while there are unstarted ones */
    struct transfers under_way; /* with curl */
    struct transfers unstarted; /* to be told of */
    bool is_closing;
    unsigned open_handles; /* the timers and idle */
};

/* ---- the end of a transfer ---- */

/* curl has let go of it, and nobody looks at the list that it may still be on. */
static void tell(struct transfer *t, const struct err *failure)
{
    http_attempt_close(&t->attempt);
    t->done(t->context, failure, &t->reply);
    free(t);
}

/* One a turn: the owner may post the next that can't be started, or close the pool. */
static void on_idle(uv_idle_t *idle)
{
    struct http_pool *pool = idle->data;
    struct transfer *t = TAILQ_FIRST(&pool->unstarted);
    TAILQ_REMOVE(&pool->unstarted, t, entry);
    if (TAILQ_EMPTY(&pool->unstarted))
        (void)uv_idle_stop(idle);
    tell(t, &t->failure);
}

static void tell_what_ended(struct side *side)
{
    struct CURLMsg *message;
    int left;
    /* A pool that is closed meanwhile is freed by a later turn of the loop, but its multi handles
     * are gone. */
    while (!side->pool->is_closing && (message = curl_multi_info_read(side->multi, &left))) {
        struct transfer *t = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        (void)curl_multi_remove_handle(side->multi, t->attempt.curl);
        TAILQ_REMOVE(&side->pool->under_way, t, entry);
        struct err failure = http_attempt_finish(&t->attempt, code);
        tell(t, &failure);
    }
}

/* ---- curl on uv ---- */

static void act(struct side *side, curl_socket_t fd, int what)
{
    int running;
    (void)curl_multi_socket_action(side->multi, fd, what, &running);
    tell_what_ended(side);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct side *side = context;
    (void)multi;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&side->timer);
    else
        (void)uv_timer_start(&side->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket *s = poll->data;
    /* An error is found by whoever reads or writes: there may be an answer before it. */
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    act(s->side, s->fd,
        (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
            (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0));
    /* uv has stopped watching it, of which curl knows nothing. */
    if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
        (void)uv_poll_start(poll, s->events, on_poll);
}

static void free_socket(uv_handle_t *poll)
{
    free(poll->data);
}

/* NULL where uv can't watch it: then nothing happens on it, and the request's time-out ends it. */
static struct socket *watch_socket(struct side *side, curl_socket_t fd)
{
    struct socket *s = mem_calloc(1, sizeof *s);
    *s = (struct socket){.side = side, .fd = fd};
    if (uv_poll_init_socket(side->pool->loop, &s->poll, fd) != 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    (void)curl_multi_assign(side->multi, fd, s);
    return s;
}

static int on_curl_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *watched)
{
    struct side *side = context;
    struct socket *s = watched;
    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        /* The descriptor is closed as soon as we return: closing the handle stops it at once, only
         * its memory stays until the loop's next turn. */
        if (s)
            uv_close((uv_handle_t *)&s->poll, free_socket);
        (void)curl_multi_assign(side->multi, fd, NULL);
        return 0;
    }
    if (!s)
        s = watch_socket(side, fd);
    if (s) {
        s->events =
            (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
        (void)uv_poll_start(&s->poll, s->events, on_poll);
    }
    return 0;
}

/* ---- the pool ---- */

static void open_side(struct http_pool *pool, struct side *side)
{
    side->pool = pool;
    (void)uv_timer_init(pool->loop, &side->timer);
    side->timer.data = side;
    (void)curl_multi_setopt(side->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(side->multi, CURLMOPT_SOCKETDATA, side);
    (void)curl_multi_setopt(side->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(side->multi, CURLMOPT_TIMERDATA, side);
    (void)curl_multi_setopt(side->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
}

struct err http_pool_open(struct http_pool **pool, uv_loop_t *loop)
{
    /* Counted, and never undone: others in the process use curl, too. */
    CURLM *guarded = NULL;
    CURLM *unguarded = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        guarded = curl_multi_init();
        unguarded = curl_multi_init();
    }
    if (!guarded || !unguarded) {
        (void)curl_multi_cleanup(guarded);
        (void)curl_multi_cleanup(unguarded);
        return err_make(ERR_INTERNAL, "libcurl can't start");
    }
    struct http_pool *p = mem_calloc(1, sizeof *p);
    p->loop = loop;
    p->open_handles = 3;
    p->sides[false].multi = guarded;
    p->sides[true].multi = unguarded;
    open_side(p, &p->sides[false]);
    open_side(p, &p->sides[true]);
    (void)uv_idle_init(loop, &p->idle);
    p->idle.data = p;
    TAILQ_INIT(&p->under_way);
    TAILQ_INIT(&p->unstarted);
    *pool = p;
    return ERR_OK;
}

static struct err start(struct transfer *t, const struct http_request *request)
{
    struct http_request alone = *request;
    alone.exchange = NULL;
    TRY(http_attempt_open(&t->attempt, &alone, &t->reply));
    CURLMcode code = CURLM_INTERNAL_ERROR;
    if (curl_easy_setopt(t->attempt.curl, CURLOPT_PRIVATE, t) == CURLE_OK)
        code = curl_multi_add_handle(t->side->multi, t->attempt.curl);
    if (code != CURLM_OK)
        return err_make(ERR_INTERNAL, "libcurl can't start a transfer: %s",
                        curl_multi_strerror(code));
    return ERR_OK;
}

void http_pool_post(struct http_pool *pool, const struct http_request *request, http_done_fn *done,
                    void *context)
{
    assert(!pool->is_closing);
    struct transfer *t = mem_calloc(1, sizeof *t);
    t->side = &pool->sides[request->allow_private];
    t->done = done;
    t->context = context;
    t->failure = start(t, request);
    if (err_is(&t->failure)) {
        TAILQ_INSERT_TAIL(&pool->unstarted, t, entry);
        (void)uv_idle_start(&pool->idle, on_idle);
    } else {
        TAILQ_INSERT_TAIL(&pool->under_way, t, entry);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_pool *pool = handle->data;
    if (--pool->open_handles == 0)
        free(pool);
}

static void break_off(struct transfer *t)
{
    const struct err stopped = err_make(ERR_STOPPED, "broken off");
    (void)curl_multi_remove_handle(t->side->multi, t->attempt.curl);
    struct err failure = http_attempt_finish(&t->attempt, CURLE_ABORTED_BY_CALLBACK);
    tell(t, err_is(&failure) ? &stopped : &failure);
}

void http_pool_close(struct http_pool *pool)
{
    struct transfer *next;
    pool->is_closing = true;
    for (struct transfer *t = TAILQ_FIRST(&pool->under_way); t; t = next) {
        next = TAILQ_NEXT(t, entry);
        break_off(t);
    }
    for (struct transfer *t = TAILQ_FIRST(&pool->unstarted); t; t = next) {
        next = TAILQ_NEXT(t, entry);
        tell(t, &t->failure);
    }
    for (size_t i = 0; i < 2; i++) {
        (void)curl_multi_cleanup(pool->sides[i].multi);
        pool->sides[i].timer.data = pool;
        uv_close((uv_handle_t *)&pool->sides[i].timer, on_handle_closed);
    }
    uv_close((uv_handle_t *)&pool->idle, on_handle_closed);
}
