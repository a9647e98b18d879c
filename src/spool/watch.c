/* SPDX-License-Identifier: MIT */
#include "spool/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/name.h"

enum { OPEN_FILES_MAX = 1024 }; /* beyond this we know nothing, as after an overflow */

struct err watch_open(struct watch *w)
{
    *w = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (w->fd >= 0)
        return ERR_OK;
    return err_system(ERR_SPOOL, errno, "can't start inotify%s",
                      errno == EMFILE ? " (raise fs.inotify.max_user_instances)" : "");
}

static void forget_open_files(struct watch *w)
{
    for (size_t i = 0; i < w->open_count; i++)
        free(w->open_files[i]);
    w->open_count = 0;
}

void watch_close(struct watch *w)
{
    forget_open_files(w);
    free(w->open_files);
    free(w->gates);
    if (w->fd >= 0)
        (void)close(w->fd);
    *w = (struct watch){.fd = -1};
}

static void know_nothing(struct watch *w)
{
    forget_open_files(w);
    for (size_t i = 0; i < w->gate_count; i++)
        w->gates[i].since_us = time_now();
}

static struct watched_gate *find_gate(struct watch *w, const char *gate)
{
    for (size_t i = 0; i < w->gate_count; i++)
        if (strcmp(w->gates[i].gate, gate) == 0)
            return &w->gates[i];
    return NULL;
}

static struct watched_gate *find_descriptor(struct watch *w, int descriptor)
{
    for (size_t i = 0; i < w->gate_count; i++)
        if (w->gates[i].descriptor == descriptor)
            return &w->gates[i];
    return NULL;
}

struct err watch_root(struct watch *w, const struct spool *s)
{
    if (w->fd < 0)
        return ERR_OK;
    w->root = inotify_add_watch(w->fd, s->path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    return w->root < 0 ? err_system(ERR_SPOOL, errno, "can't watch %s", s->path) : ERR_OK;
}

struct err watch_gate(struct watch *w, const struct spool *s, const char *gate)
{
    char path[4096];
    bool is_default = strcmp(gate, SPOOL_DEFAULT_GATE) == 0;
    if (w->fd < 0) /* no inotify to be had: only time settles files */
        return ERR_OK;
    int n = snprintf(path, sizeof path, "%s/incoming/%s", s->path, is_default ? "" : gate);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_make(ERR_CONFIG, "the spool's path is too long to be watched");
    /* Departures aren't watched: nearly all of them are our own claims, which come by the thousand
     * and would flood the queue. The same folder gives the same descriptor again; a recreated one
     * gives another. */
    int descriptor =
        inotify_add_watch(w->fd, path, IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
    if (descriptor < 0)
        return err_system(ERR_SPOOL, errno, "can't watch %s%s", path,
                          errno == ENOSPC ? " (raise fs.inotify.max_user_watches)" : "");
    struct watched_gate *g = find_gate(w, gate);
    if (!g) {
        g = MEM_PUSH(w->gates, w->gate_count, w->gate_cap);
        *g = (struct watched_gate){.descriptor = -1};
        (void)snprintf(g->gate, sizeof g->gate, "%s", gate);
    }
    if (g->descriptor != descriptor) {
        g->descriptor = descriptor;
        g->since_us = time_now();
    }
    return ERR_OK;
}

static void open_file_key(char *key, size_t size, const char *gate, const char *name)
{
    (void)snprintf(key, size, "%s/%s", gate, name);
}

static size_t find_open_file(const struct watch *w, const char *gate, const char *name)
{
    char key[SPOOL_GATE + NAME_BYTES];
    size_t i = w->open_count;
    if (w->open_count > 0) {
        open_file_key(key, sizeof key, gate, name);
        for (i = 0; i < w->open_count && strcmp(w->open_files[i], key) != 0; i++)
            ;
    }
    return i;
}

static void note_open(struct watch *w, const char *gate, const char *name)
{
    char key[SPOOL_GATE + NAME_BYTES];
    if (find_open_file(w, gate, name) < w->open_count)
        return;
    if (w->open_count == OPEN_FILES_MAX)
        know_nothing(w);
    open_file_key(key, sizeof key, gate, name);
    *MEM_PUSH(w->open_files, w->open_count, w->open_cap) = mem_strdup(key);
}

static void note_closed(struct watch *w, const char *gate, const char *name)
{
    size_t i = find_open_file(w, gate, name);
    if (i == w->open_count)
        return;
    free(w->open_files[i]);
    w->open_files[i] = w->open_files[--w->open_count];
}

static bool handle(struct watch *w, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        w->overflows++;
        LOG_WARN("inotify queue overflowed; scanning everything");
        know_nothing(w);
        return true;
    }
    if (event->wd == w->root) /* another incoming/ in place of ours */
        return event->len > 0 && strcmp(event->name, "incoming") == 0;
    struct watched_gate *g = find_descriptor(w, event->wd);
    if (!g)
        return false;
    if (event->mask & IN_IGNORED) { /* the folder went away; the next scan watches its successor */
        g->descriptor = -1;
        return true;
    }
    if (event->len == 0)
        return false;
    if (event->mask & IN_ISDIR)
        return (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0; /* perhaps a new gate */
    if (name_kind(event->name) != NAME_SEGMENT)
        return false;
    if (event->mask & IN_CREATE)
        note_open(w, g->gate, event->name);
    else
        note_closed(w, g->gate, event->name);
    return (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
}

bool watch_drain(struct watch *w)
{
    _Alignas(struct inotify_event) char events[64 * 1024];
    bool wanted = false;
    for (;;) {
        ssize_t n = read(w->fd, events, sizeof events);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return wanted;
        for (char *p = events; p < events + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)p;
            wanted = handle(w, event) || wanted;
            p += sizeof *event + event->len;
        }
    }
}

bool watch_is_settled(struct watch *w, const char *gate, const char *name, int64_t changed_us)
{
    const struct watched_gate *g = find_gate(w, gate);
    if (!g || g->descriptor < 0 || changed_us <= g->since_us) {
        /* Young, and from before we watched: wait for its close, or for the settling time. */
        note_open(w, gate, name);
        return false;
    }
    return find_open_file(w, gate, name) == w->open_count;
}
