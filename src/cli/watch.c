/* SPDX-License-Identifier: MIT */
#include "cli/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/str.h"
#include "base/time.h"
#include "base/version.h"
#include "cli/cli.h"
#include "cli/glance.h"
#include "cli/pipe.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "io/thread.h"

#define REDRAW_US TIME_US_PER_S /* while an answer is overdue */

/* What the daemon had done when it was asked. */
struct totals {
    int64_t pid, at_us, rows, rejected;
};

struct watch {
    struct survey *survey;
    int64_t every_us;
    bool json;

    /* The looks are a thread's, so that neither keys nor the clock wait for a database. */
    pthread_t thread;
    int asked, answered; /* eventfds: one look is under way at the most */
    bool is_asking;
    json_t *found;      /* this and */
    struct err outcome; /* this are the thread's while it is asked */

    struct terminal terminal;
    int signals;
    int64_t asked_us, due_us; /* monotonic */
    bool has_looked;
    struct err failure; /* of the last look */
    json_t *status;     /* of the last look that went well, or NULL */
    struct totals before;
};

/* ---- the thread ---- */

static void *look_when_asked(void *argument)
{
    struct watch *w = argument;
    eventfd_t n;
    while (eventfd_read(w->asked, &n) == 0) {
        w->found = json_object();
        w->outcome = survey_take(w->survey, w->found);
        (void)eventfd_write(w->answered, 1);
    }
    return NULL;
}

static void ask(struct watch *w)
{
    w->asked_us = time_monotonic();
    w->due_us = w->asked_us + w->every_us;
    w->is_asking = true;
    (void)eventfd_write(w->asked, 1);
}

/* ---- rates ---- */

static int64_t rate(int64_t now, int64_t before, int64_t took_us)
{
    double per_s = (double)(now - before) * 1e6 / (double)(took_us > 0 ? took_us : 1);
    return (int64_t)(per_s + 0.5);
}

/* "rates": since the look before, of the same daemon; else null. */
static void add_rates(struct watch *w)
{
    const json_t *daemon = json_object_get(w->status, "daemon");
    const json_t *totals = json_object_get(daemon, "totals");
    const struct totals *before = &w->before;
    struct totals now = {.pid = show_int(daemon, "pid"),
                         .at_us = w->asked_us,
                         .rows = show_int(totals, "frames_loaded"),
                         .rejected = show_int(totals, "frames_rejected")};
    int64_t took_us = now.at_us - before->at_us;
    bool is_known = json_is_object(totals) && before->pid == now.pid;
    (void)json_object_set_new(
        w->status, "rates",
        is_known ? json_pack("{s:I, s:I}", "rows_per_s",
                             (json_int_t)rate(now.rows, before->rows, took_us), "rejected_per_s",
                             (json_int_t)rate(now.rejected, before->rejected, took_us))
                 : json_null());
    w->before = json_is_object(totals) ? now : (struct totals){0};
}

/* ---- showing ---- */

static void put_head(const struct watch *w, struct buf *out)
{
    const json_t *rates = json_object_get(w->status, "rates");
    char text[STR_HUMAN];
    char moment[TIME_TEXT];
    int64_t overdue_us = w->is_asking ? time_monotonic() - w->asked_us : 0;
    buf_printf(out, "spoolgate " SPOOLGATE_VERSION "  %.19sZ", time_format(time_now(), moment));
    if (json_is_object(rates)) {
        buf_printf(out, "  %s rows/s", show_count(rates, "rows_per_s", text));
        if (show_int(rates, "rejected_per_s") > 0)
            buf_printf(out, ", %s rejected/s", show_count(rates, "rejected_per_s", text));
    }
    if (err_is(&w->failure))
        buf_printf(out, "\n%s", w->failure.text);
    else if (overdue_us > REDRAW_US)
        buf_printf(out, "  NO ANSWER for %s", str_duration(overdue_us, text));
    else
        buf_printf(out, "  every %s%s", str_duration(w->every_us, text),
                   w->terminal.keys >= 0 ? ", q ends" : "");
    buf_str(out, "\n\n");
}

static struct err show(struct watch *w)
{
    struct buf text = {0};
    put_head(w, &text);
    if (w->status)
        glance_put(&text, w->status);
    struct err e = terminal_show(&w->terminal, buf_cstr(&text));
    buf_free(&text);
    return e;
}

/* ---- what happens ---- */

static struct err take_signal(struct watch *w, bool *is_over)
{
    struct signalfd_siginfo info;
    if (read(w->signals, &info, sizeof info) != sizeof info)
        return ERR_OK;
    if (info.ssi_signo == SIGTSTP && w->terminal.is_open)
        terminal_suspend(&w->terminal);
    else if (info.ssi_signo == SIGTSTP)
        (void)raise(SIGSTOP);
    else if (info.ssi_signo == SIGWINCH)
        terminal_measure(&w->terminal);
    else
        *is_over = true;
    return w->terminal.is_open && !*is_over ? show(w) : ERR_OK;
}

static void put_json(struct buf *out, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_printf(out, "%s\n", text ? text : "null");
    free(text);
}

/* For programs and files: each look once. */
static struct err print(struct watch *w, bool *is_over)
{
    struct buf out = {0};
    struct err e = ERR_OK;
    if (err_is(&w->failure)) {
        (void)cli_fail(&w->failure);
    } else if (w->json) {
        put_json(&out, w->status);
    } else {
        put_head(w, &out);
        glance_put(&out, w->status);
        buf_byte(&out, '\n');
    }
    const char *text = buf_cstr(&out);
    size_t len = out.len;
    while (len > 0 && !*is_over && !err_is(&e)) {
        e = pipe_write(&text, &len, w->signals);
        if (len > 0 && !err_is(&e))
            e = take_signal(w, is_over);
    }
    buf_free(&out);
    return e;
}

static struct err take_answer(struct watch *w, bool *is_over)
{
    eventfd_t n;
    (void)eventfd_read(w->answered, &n);
    w->is_asking = false;
    w->failure = w->outcome;
    if (err_is(&w->failure)) {
        json_decref(w->found);
        if (!w->has_looked)
            return w->failure;
    } else {
        json_decref(w->status);
        w->status = w->found;
        add_rates(w);
    }
    w->has_looked = true;
    w->found = NULL;
    return w->terminal.is_open ? show(w) : print(w, is_over);
}

static void take_key(struct watch *w, bool *is_over)
{
    char key;
    ssize_t n = read(w->terminal.keys, &key, 1);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        w->terminal.keys = -1;
    else if (n == 1 && (key == 'q' || key == 'Q'))
        *is_over = true;
    else if (n == 1 && key == ' ')
        w->due_us = 0;
}

static int wait_ms(const struct watch *w)
{
    int64_t now = time_monotonic();
    int64_t until = w->is_asking ? now + REDRAW_US : w->due_us;
    if (w->is_asking && !w->terminal.is_open)
        return -1;
    return until > now ? (int)((until - now + 999) / TIME_US_PER_MS) : 0;
}

static struct err turn(struct watch *w, bool *is_over)
{
    enum { SIGNAL, ANSWER, KEY };
    struct pollfd fds[] = {{w->signals, POLLIN, 0},
                           {w->answered, POLLIN, 0},
                           {w->terminal.is_open ? w->terminal.keys : -1, POLLIN, 0}};
    if (!w->is_asking && time_monotonic() >= w->due_us)
        ask(w);
    int ready = poll(fds, sizeof fds / sizeof *fds, wait_ms(w));
    if (ready == 0 && w->is_asking)
        return show(w);
    if (ready <= 0)
        return ERR_OK;
    if (fds[KEY].revents)
        take_key(w, is_over);
    if (fds[SIGNAL].revents)
        TRY(take_signal(w, is_over));
    return fds[ANSWER].revents && !*is_over ? take_answer(w, is_over) : ERR_OK;
}

static struct err start(struct watch *w)
{
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        (void)sigaddset(&set, ours[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    w->signals = signalfd(-1, &set, SFD_CLOEXEC);
    w->asked = eventfd(0, EFD_CLOEXEC);
    w->answered = eventfd(0, EFD_CLOEXEC);
    if (w->signals < 0 || w->asked < 0 || w->answered < 0)
        return err_system(ERR_INTERNAL, errno, "can't watch");
    return thread_start(&w->thread, look_when_asked, w);
}

struct err watch_run(struct survey *survey, int64_t every_us, bool json)
{
    struct watch w = {
        .survey = survey, .every_us = every_us, .json = json, .terminal = {.keys = -1}};
    bool is_over = false;
    TRY(start(&w));
    if (!json)
        (void)terminal_open(&w.terminal);
    struct err e = ERR_OK;
    while (!is_over && !err_is(&e))
        e = turn(&w, &is_over);
    terminal_close(&w.terminal);
    if (w.is_asking)
        _exit(err_is(&e) ? cli_fail(&e) : cli_finish(0));
    (void)pthread_cancel(w.thread); /* it waits to be asked */
    (void)pthread_join(w.thread, NULL);
    (void)close(w.asked);
    (void)close(w.answered);
    (void)close(w.signals);
    json_decref(w.status);
    return e;
}
