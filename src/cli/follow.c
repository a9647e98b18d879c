/* SPDX-License-Identifier: MIT */
#include "cli/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/time.h"
#include "base/uuid.h"
#include "cli/cli.h"
#include "cli/pipe.h"
#include "spool/name.h"
#include "spool/seal.h"

enum { TRY_AGAIN_MS = 1000, WRONG_TOLD = 100, PIPE_BYTES_MAX = 1 << 20 };

/* ---- signals ---- */

/* From here on signals wait until they are asked for. Whoever read the paths may be gone: that must
 * not end us with lines in hand. */
static struct err watch_signals(struct follow *f)
{
    sigset_t set;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_system(ERR_INTERNAL, errno, "can't block signals");
    f->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return f->signals < 0 ? err_system(ERR_INTERNAL, errno, "can't watch for signals") : ERR_OK;
}

/* True: something is to be done now. */
static bool take_signals(struct follow *f)
{
    struct signalfd_siginfo info;
    bool any = false;
    while (read(f->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        any = true;
        f->is_ending = f->is_ending || info.ssi_signo != SIGHUP;
    }
    return any;
}

/* ---- a segment ---- */

/* Two in one millisecond, or after the clock was set back, keep their order. */
static void make_id(struct follow *f, char id[UUID_TEXT])
{
    struct uuid unique = uuid_new();
    int64_t ms = uuid_v7_ms(&unique);
    f->last_ms = ms > f->last_ms ? ms : f->last_ms + 1;
    unique = uuid_v7(f->last_ms * TIME_US_PER_MS, unique.bytes + 6);
    (void)uuid_format(&unique, id);
}

/* Lines of a log may say the same again, and count again: so a segment has an id. It stays the same
 * however often the segment is tried, so that it can't be loaded twice. */
static struct err write_segment(const struct follow *f, const char *id, const char *name,
                                struct seal *seal)
{
    if (!seal->file.is_published) {
        seal_close(seal);
        TRY(seal_open(seal, f->spool, f->zstd));
        (void)snprintf(seal->id, sizeof seal->id, "%s", id);
        TRY(seal_frames(seal, f->cut.frames.data, f->cut.frames.len, f->cut.count));
    }
    TRY(spool_follow_incoming(f->spool));
    return seal_publish(seal, f->spool, f->gate, name);
}

/* True: try again. */
static bool wait_to_try_again(struct follow *f, const struct err *why, struct err *told)
{
    struct pollfd ready = {.fd = f->signals, .events = POLLIN};
    if (f->is_ending)
        return false;
    if (strcmp(why->text, told->text) != 0)
        (void)fprintf(stderr,
                      "spoolgate: %s; nothing more is read, and lines in hand (%" PRIu64
                      ") are tried again each second\n",
                      why->text, f->cut.count);
    *told = *why;
    (void)poll(&ready, 1, TRY_AGAIN_MS);
    (void)take_signals(f);
    return true;
}

/* Whoever isn't read any more is only told of at the end: the segment is where it should be. */
static void print_path(struct follow *f, const char *name)
{
    struct buf line = {0};
    cli_put_segment(&line, f->spool, f->gate, name);
    const char *text = buf_cstr(&line);
    size_t len = line.len;
    bool is_patient = true;
    while (len > 0 && is_patient && !err_is(&f->untold)) {
        is_patient = !f->is_ending;
        f->untold = pipe_write(&text, &len, is_patient ? f->signals : -1);
        (void)take_signals(f);
    }
    if (len > 0 && !err_is(&f->untold))
        f->untold = err_make(ERR_SPOOL,
                             "can't write the result: nobody reads standard output; the first path "
                             "that it lacks is that of %s",
                             name);
    buf_free(&line);
}

static struct err seal_now(struct follow *f)
{
    char id[UUID_TEXT];
    char name[NAME_BYTES];
    struct seal seal = {.file = {.fd = -1}};
    struct err e;
    struct err told = ERR_OK;
    if (f->cut.count == 0)
        return ERR_OK;
    make_id(f, id);
    (void)snprintf(name, sizeof name, "%s-%s.msgpack%s", f->prefix, id, f->zstd ? ".zst" : "");
    do {
        e = write_segment(f, id, name, &seal);
    } while (e.cls == ERR_SPOOL && wait_to_try_again(f, &e, &told));
    bool is_there = seal.file.is_published;
    seal_close(&seal);
    if (err_is(&e) && is_there)
        return err_make(e.cls, "%.300s; %s is in incoming/, but may be lost when the power fails",
                        e.text, name);
    if (err_is(&e))
        return err_make(e.cls, "%.300s; lines in hand are lost: %" PRIu64, e.text, f->cut.count);
    if (err_is(&told))
        (void)fprintf(stderr, "spoolgate: the spool can be written again\n");
    cut_clear(&f->cut);
    print_path(f, name);
    return ERR_OK;
}

/* ---- lines ---- */

static void tell_wrong(struct follow *f, const struct err *e)
{
    if (f->wrong < WRONG_TOLD)
        (void)fprintf(stderr, "spoolgate: %s; left out\n", e->text);
    else if (f->wrong == WRONG_TOLD)
        (void)fprintf(stderr, "spoolgate: more wrong lines are only counted\n");
    f->wrong++;
}

/* All lines that were read. */
static struct err take_lines(struct follow *f, struct lines *in)
{
    bool found = true;
    while (found) {
        struct err e = lines_next(in, &f->frame, &found);
        if (err_is(&e)) {
            tell_wrong(f, &e);
            found = true;
            continue;
        }
        if (found)
            cut_add(&f->cut, f->frame.data, f->frame.len, time_monotonic());
        if (cut_is_due(&f->cut, time_monotonic()))
            TRY(seal_now(f));
    }
    return ERR_OK;
}

/* For bytes, a signal, or the segment's time. */
static struct err wait_for_more(struct follow *f, struct lines *in)
{
    struct pollfd ready[] = {{.fd = f->signals, .events = POLLIN},
                             {.fd = in->fd, .events = POLLIN}};
    int64_t us = cut_wait_us(&f->cut, time_monotonic());
    int64_t ms = us < 0 ? -1 : (us + TIME_US_PER_MS - 1) / TIME_US_PER_MS;
    if (poll(ready, 2, (int)ms) < 0 && errno != EINTR)
        return err_system(ERR_SPOOL, errno, "can't wait for %s", in->name);
    if (ready[0].revents && take_signals(f))
        return f->is_ending ? ERR_OK : seal_now(f);
    return ready[1].revents ? lines_read(in, SIZE_MAX) : ERR_OK;
}

/* The producer may have got the same signal, and what it wrote last be in the pipe; but one that
 * goes on writing doesn't keep us. */
static struct err take_rest(struct follow *f, struct lines *in)
{
    int left = 0;
    if (ioctl(in->fd, FIONREAD, &left) != 0 || left > PIPE_BYTES_MAX)
        left = PIPE_BYTES_MAX;
    struct pollfd ready = {.fd = in->fd, .events = POLLIN};
    while (left > 0 && !in->is_ended && poll(&ready, 1, 0) == 1) {
        size_t before = lines_rest(in);
        TRY(lines_read(in, (size_t)left));
        left -= (int)(lines_rest(in) - before);
        TRY(take_lines(f, in));
    }
    if (lines_rest(in) > 0)
        (void)fprintf(stderr, "spoolgate: %s: the last line has no end; left out\n", in->name);
    return ERR_OK;
}

static struct err follow(struct follow *f, struct lines *in)
{
    while (!in->is_ended && !f->is_ending) {
        TRY(wait_for_more(f, in));
        TRY(take_lines(f, in));
    }
    if (!in->is_ended)
        TRY(take_rest(f, in));
    return seal_now(f);
}

/* What keeps every segment from being written had better be told before the first line is read. */
static struct err check_spool(const struct follow *f)
{
    struct seal seal;
    int folder;
    TRY(spool_open_gate(f->spool, f->gate, true, &folder));
    (void)close(folder);
    TRY(seal_clean(f->spool));
    struct err e = seal_open(&seal, f->spool, f->zstd);
    seal_close(&seal);
    return e;
}

struct err follow_run(struct follow *f, struct lines *in)
{
    f->signals = -1;
    struct err e = check_spool(f);
    if (!err_is(&e))
        e = watch_signals(f);
    if (!err_is(&e))
        e = follow(f, in);
    if (!err_is(&e) && f->wrong > 0)
        e = err_make(ERR_SEGMENT, "%s: %lu wrong line%s left out", in->name, f->wrong,
                     f->wrong == 1 ? " was" : "s were");
    if (!err_is(&e))
        e = f->untold;
    buf_free(&f->frame);
    if (f->signals >= 0)
        (void)close(f->signals);
    return e;
}
