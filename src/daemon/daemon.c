/* SPDX-License-Identifier: MIT */
#include "daemon/daemon.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/time.h"
#include "base/version.h"
#include "daemon/board.h"
#include "daemon/control.h"
#include "daemon/history.h"
#include "daemon/loader.h"
#include "daemon/scanner.h"
#include "daemon/serve.h"
#include "daemon/trail.h"
#include "daemon/service.h"
#include "daemon/view.h"
#include "daemon/worker.h"
#include "embed/worker.h"
#include "io/thread.h"
#include "outbox/courier.h"
#include "schema/migrate.h"

#define LOOP_LIMIT_US  (60 * TIME_US_PER_S) /* it never waits */
#define DAEMON_LAST_US (DAEMON_END_S * TIME_US_PER_S + TIME_US_PER_S / 2)

struct daemon {
    const struct config *config;
    struct manifest_current *current;
    bool migrate;
    struct spool spool;
    struct board board;
    struct scanner scanner;
    struct summaries summaries;
    struct fit fit;
    struct kb_context kb;
    struct maintain maintain;
    struct trail trail;
    struct history history;
    struct courier *courier;
    struct embed_worker *embed; /* NULL: chunks are left to others */
    pthread_t scanner_thread;
    struct worker *workers;
    pthread_t *worker_threads;
    unsigned worker_count, workers_started;

    uv_loop_t loop;
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t deadline, sampling, turning;
    uv_async_t somebody_ended;
    uv_work_t cancelling;
    bool giving_up;
    struct reload reload;
    struct control control;
    struct serve serve;
    struct web *web; /* NULL: it is off */
    struct service service;
};

/* PQcancel connects to the server, which may take its time: not on the loop. */
static void cancel_statements(uv_work_t *work)
{
    struct daemon *d = work->data;
    for (unsigned i = 0; i < d->worker_count; i++)
        pg_cancel(&d->workers[i].loader.pg);
    courier_end(d->courier, COURIER_NOW);
    embed_end(d->embed, EMBED_NOW);
}

static void cancelled(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

static void end_hard(uv_timer_t *timer)
{
    (void)timer;
    LOG_WARN(
        "a batch or a delivery didn't let go in time; ending, it is taken up at the next start");
    _exit(0);
}

static void give_up(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    if (d->giving_up)
        return;
    d->giving_up = true;
    LOG_WARN("breaking off what is in hand; it is taken up at the next start");
    board_stop(&d->board, true);
    d->cancelling.data = d;
    (void)uv_queue_work(&d->loop, &d->cancelling, cancel_statements, cancelled);
    (void)uv_timer_start(&d->deadline, end_hard, (DAEMON_END_S - DAEMON_GRACE_S) * UINT64_C(1000),
                         0);
}

static void stop(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    if (board_is_stopping(&d->board)) { /* asked twice: don't wait */
        give_up(&d->deadline);
        return;
    }
    service_stopping();
    service_end_by(DAEMON_LAST_US); /* the deadlines of the loop end with it */
    LOG_INFO("stopping", LOG_STR("signal", number == SIGTERM ? "TERM" : "INT"));
    board_stop(&d->board, false);
    courier_end(d->courier, COURIER_SOON);
    embed_end(d->embed, EMBED_SOON);
    (void)uv_timer_start(&d->deadline, give_up, DAEMON_GRACE_S * UINT64_C(1000), 0);
    (void)uv_async_send(&d->somebody_ended); /* all may have ended by themselves */
}

static void reload(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    (void)number;
    if (board_is_stopping(&d->board)) /* nothing would go by it, and the end would wait for it */
        return;
    LOG_INFO("reload asked for");
    reload_start(&d->reload, NULL, NULL); /* which also wakes the scanner */
}

static void take_sample(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    struct trail_totals totals = trail_sum(&d->trail);
    struct view v;
    uint64_t waiting = 0;
    uint64_t bytes = 0;
    board_view(&d->board, &v);
    for (size_t i = 0; i < v.gate_count; i++) {
        waiting += v.gates[i].waiting;
        bytes += v.gates[i].bytes;
    }
    view_free(&v);
    history_add(&d->history, &totals, waiting, bytes, time_now());
}

/* That the loop turns is part of being well. */
static void turn(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    struct view v;
    char status[SERVICE_STATUS];
    pulse_beat();
    board_view(&d->board, &v);
    service_describe(&v, manifest_current_is_refused(d->current), status);
    view_free(&v);
    service_turn(&d->service, status);
}

static void tell_loop(void *context)
{
    struct daemon *d = context;
    (void)uv_async_send(&d->somebody_ended);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* The last loader, the courier and the embedders are gone: nothing is left to wait for but the
 * status server, which has been telling that we stop. */
static void check_ended(uv_async_t *async)
{
    struct daemon *d = async->data;
    if (!board_is_stopping(&d->board) || board_loaders(&d->board) > 0 ||
        !courier_is_over(d->courier) || !embed_is_over(d->embed))
        return;
    web_end(d->web);
    if (!web_is_over(d->web))
        return;
    control_close(&d->control);
    uv_close((uv_handle_t *)&d->on_term, NULL);
    uv_close((uv_handle_t *)&d->on_int, NULL);
    uv_close((uv_handle_t *)&d->on_hup, NULL);
    /* A reload may still be reading: it has what time there is. close_loop() closes the timer. */
    uint64_t left_ms = uv_timer_get_due_in(&d->deadline);
    if (!d->giving_up)
        left_ms += (DAEMON_END_S - DAEMON_GRACE_S) * UINT64_C(1000);
    (void)uv_timer_start(&d->deadline, end_hard, left_ms, 0);
    uv_unref((uv_handle_t *)&d->deadline);
    uv_close((uv_handle_t *)&d->sampling, NULL);
    uv_close((uv_handle_t *)&d->somebody_ended, NULL);
}

static void start_signal(struct daemon *d, uv_signal_t *handle, uv_signal_cb callback, int number)
{
    (void)uv_signal_init(&d->loop, handle);
    handle->data = d;
    (void)uv_signal_start(handle, callback, number);
}

static struct err open_loop(struct daemon *d)
{
    if (uv_loop_init(&d->loop) != 0)
        return err_make(ERR_INTERNAL, "libuv: no loop");
    start_signal(d, &d->on_term, stop, SIGTERM);
    start_signal(d, &d->on_int, stop, SIGINT);
    start_signal(d, &d->on_hup, reload, SIGHUP);
    (void)uv_timer_init(&d->loop, &d->deadline);
    d->deadline.data = d;
    (void)uv_timer_init(&d->loop, &d->sampling);
    d->sampling.data = d;
    (void)uv_timer_start(&d->sampling, take_sample, HISTORY_STEP_S * UINT64_C(1000),
                         HISTORY_STEP_S * UINT64_C(1000));
    (void)uv_timer_init(&d->loop, &d->turning);
    d->turning.data = d;
    uv_unref((uv_handle_t *)&d->turning);
    (void)uv_async_init(&d->loop, &d->somebody_ended, check_ended);
    d->somebody_ended.data = d;
    d->reload.current = d->current;
    d->reload.board = &d->board;
    d->reload.spool = &d->spool;
    reload_open(&d->reload, &d->loop);
    return control_open(&d->control, &d->loop, &d->spool, &d->board, &d->reload, &d->trail);
}

static void close_loop(struct daemon *d)
{
    uv_walk(&d->loop, close_handle, NULL);
    (void)uv_run(&d->loop, UV_RUN_DEFAULT);
    reload_close(&d->reload);
    (void)uv_loop_close(&d->loop);
}

static struct err start_workers(struct daemon *d)
{
    d->worker_count = config_loaders(d->config);
    d->workers = mem_calloc(d->worker_count, sizeof *d->workers);
    d->worker_threads = mem_calloc(d->worker_count, sizeof *d->worker_threads);
    for (unsigned i = 0; i < d->worker_count; i++) {
        struct worker *w = &d->workers[i];
        *w = (struct worker){.board = &d->board,
                             .current = d->current,
                             .fit = &d->fit,
                             .kb = &d->kb,
                             .maintain = &d->maintain,
                             .summaries = &d->summaries,
                             .trail = &d->trail,
                             .migrate = d->migrate,
                             .with_knowledge = d->config->knowledge.is_on,
                             .ended = tell_loop,
                             .context = d};
        loader_init(&w->loader, d->config, d->current, &d->kb, &d->spool, &d->board.give_up);
        w->loader.pg.who = "loader";
        w->loader.check_table = fit_check_table;
        w->loader.check_context = &d->fit;
    }
    for (unsigned i = 0; i < d->worker_count; i++) {
        board_loader_started(&d->board);
        struct err e = thread_start(&d->worker_threads[i], worker_main, &d->workers[i]);
        if (err_is(&e)) {
            board_loader_ended(&d->board);
            return e;
        }
        d->workers_started++;
    }
    return ERR_OK;
}

static struct err start_threads(struct daemon *d, bool *scanner_runs)
{
    d->scanner = (struct scanner){.config = d->config,
                                  .current = d->current,
                                  .fit = &d->fit,
                                  .spool = &d->spool,
                                  .board = &d->board};
    struct err e = thread_start(&d->scanner_thread, scanner_main, &d->scanner);
    *scanner_runs = !err_is(&e);
    if (!err_is(&e))
        e = courier_start(&d->courier, d->config, d->current, tell_loop, d);
    d->reload.courier = d->courier;
    if (!err_is(&e) && d->config->knowledge.is_on && d->config->knowledge.is_embed)
        e = embed_start(&d->embed, d->config, d->current, tell_loop, d);
    d->reload.embed = d->embed;
    if (!err_is(&e))
        e = start_workers(d);
    d->serve = (struct serve){.board = &d->board,
                              .control = &d->control,
                              .trail = &d->trail,
                              .history = &d->history,
                              .over = tell_loop,
                              .context = d};
    return err_is(&e) ? e : serve_start(&d->serve, &d->web, d->config, d->current, &d->spool);
}

static void run_loop(struct daemon *d)
{
    pulse_begin("main loop", LOOP_LIMIT_US);
    service_open(&d->service);
    service_ready();
    uint64_t period_ms = (uint64_t)(service_period_us(&d->service) / TIME_US_PER_MS);
    (void)uv_timer_start(&d->turning, turn, 0, period_ms);
    (void)uv_run(&d->loop, UV_RUN_DEFAULT);
    pulse_end();
}

static void run_threads(struct daemon *d, struct err *e)
{
    bool scanner_runs;
    struct pg_target target = {d->config->database, d->config->schema};
    fit_open(&d->fit);
    kb_context_open(&d->kb, d->config);
    d->maintain = (struct maintain){.spool = &d->spool, .limit = MAINTAIN_PARTITIONS};
    summaries_start(&d->summaries, &target);
    *e = start_threads(d, &scanner_runs);
    if (err_is(e))
        board_stop(&d->board, true);
    else
        run_loop(d);
    web_stop(d->web);
    for (unsigned i = 0; i < d->workers_started; i++)
        (void)pthread_join(d->worker_threads[i], NULL);
    courier_stop(d->courier, COURIER_NOW, NULL);
    embed_stop(d->embed, EMBED_NOW, NULL);
    summaries_stop(&d->summaries, false);
    if (scanner_runs)
        (void)pthread_join(d->scanner_thread, NULL);
    fit_close(&d->fit);
    kb_context_close(&d->kb);
    maintain_close(&d->maintain);
    free(d->workers);
    free(d->worker_threads);
}

/* A database at another version is a mistake to be told of at once; one that is down is not. Where
 * we may migrate, the loaders do, as soon as it is there. */
static struct err check_database(const struct daemon *d)
{
    struct pg pg;
    struct pg_target target = {d->config->database, d->config->schema};
    pg_init(&pg);
    struct manifest *set = manifest_current_get(d->current);
    struct stream_set shipped = manifest_shipped_streams(set);
    struct err e = pg_open(&pg, &target);
    if (e.cls == ERR_DATABASE)
        LOG_WARN("starting without the database", LOG_STR("error", e.text));
    if (!err_is(&e) && d->migrate)
        e = migrate_up(&pg, d->config->schema, &shipped, d->config->knowledge.is_on);
    if (!err_is(&e))
        e = migrate_require(&pg, &shipped, d->config->knowledge.is_on);
    manifest_release(set);
    pg_close(&pg);
    return e.cls == ERR_DATABASE ? ERR_OK : e;
}

static void log_start(const struct daemon *d)
{
    char *database = pg_describe(d->config->database);
    LOG_INFO("spoolgate is watching", LOG_STR("version", SPOOLGATE_VERSION),
             LOG_STR("spool", d->spool.path), LOG_STR("spool_id", d->spool.id),
             LOG_STR("database", database), LOG_INT("loaders", config_loaders(d->config)),
             LOG_INT("pid", getpid()));
    free(database);
}

static struct err run_open_spool(struct daemon *d)
{
    TRY(spool_lock(&d->spool));
    TRY(reload_make_folders(d->current, &d->spool));
    TRY(check_database(d));
    TRY(board_open(&d->board));
    struct err e = open_loop(d);
    if (!err_is(&e)) {
        log_start(d);
        run_threads(d, &e);
    }
    close_loop(d);
    board_close(&d->board);
    if (!err_is(&e))
        LOG_INFO("stopped");
    return e;
}

struct err daemon_run(const struct config *config, struct manifest_current *current, bool migrate)
{
    struct daemon d = {.config = config, .current = current, .migrate = migrate};
    /* A dead client of the control socket, or server, is an error code and not a signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    TRY(spool_open(&d.spool, config->spool, true));
    d.spool.names = manifest_current_names(current);
    trail_open(&d.trail);
    history_open(&d.history);
    struct err e = run_open_spool(&d);
    history_close(&d.history);
    trail_close(&d.trail);
    spool_close(&d.spool);
    return e;
}
