/* SPDX-License-Identifier: MIT */
#include "spool/watch.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "spool/name.h"

enum {
    NAMES_MAX = 8192
}; /* of a gate's files; beyond this we know nothing, as after an overflow */

/* ---- sets of names: search.h's balanced tree ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool names_has(const struct watch_names *set, const char *name)
{
    return tfind(name, &set->root, by_name) != NULL;
}

/* False when the set is full. */
static bool names_add(struct watch_names *set, const char *name)
{
    if (names_has(set, name))
        return true;
    char *copy = set->count < NAMES_MAX ? mem_strdup(name) : NULL;
    if (!copy || !tsearch(copy, &set->root, by_name)) {
        free(copy);
        return false;
    }
    set->count++;
    return true;
}

static void names_remove(struct watch_names *set, const char *name)
{
    void *node = tfind(name, &set->root, by_name);
    if (!node)
        return;
    char *kept = *(char **)node; /* a node begins with its key */
    (void)tdelete(name, &set->root, by_name);
    free(kept);
    set->count--;
}

static void names_clear(struct watch_names *set)
{
    tdestroy(set->root, free);
    *set = (struct watch_names){0};
}

/* ---- gates ---- */

/* The watch of this gate begins now, as far as what it has seen goes. */
static void begin_anew(struct watched_gate *g)
{
    names_clear(&g->open);
    names_clear(&g->closed);
    g->knows_all = g->is_listing = false;
}

static void know_nothing(struct watch *w)
{
    for (size_t i = 0; i < w->gate_count; i++)
        begin_anew(&w->gates[i]);
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

struct err watch_open(struct watch *w)
{
    *w = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (w->fd >= 0)
        return ERR_OK;
    return err_system(ERR_SPOOL, errno, "can't start inotify%s",
                      errno == EMFILE ? " (raise fs.inotify.max_user_instances)" : "");
}

void watch_close(struct watch *w)
{
    know_nothing(w);
    free(w->gates);
    if (w->fd >= 0)
        (void)close(w->fd);
    *w = (struct watch){.fd = -1};
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
    char folder[SPOOL_GATE];
    if (w->fd < 0) /* no inotify to be had: only time settles files */
        return ERR_OK;
    spool_gate_folder(s, gate, folder);
    int n = snprintf(path, sizeof path, "%s/incoming/%s", s->path, folder);
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
        struct watched_gate *before = find_descriptor(w, descriptor);
        if (before) { /* the folder was another gate's: its events are ours now */
            before->descriptor = -1;
            begin_anew(before);
        }
        g->descriptor = descriptor;
        begin_anew(g);
    }
    g->is_listing = true;
    return ERR_OK;
}

static void note_open(struct watched_gate *g, const char *name)
{
    names_remove(&g->closed, name);
    if (!names_add(&g->open, name))
        begin_anew(g);
}

static void note_closed(struct watched_gate *g, const char *name)
{
    names_remove(&g->open, name);
    /* The full set is no harm: what isn't in it waits until it is quiet. */
    if (!g->knows_all)
        (void)names_add(&g->closed, name);
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
    g->is_announced = true;
    if (event->mask & IN_CREATE)
        note_open(g, event->name);
    else
        note_closed(g, event->name);
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

bool watch_is_settled(struct watch *w, const char *gate, const char *name)
{
    struct watched_gate *g = find_gate(w, gate);
    if (!g || g->descriptor < 0)
        return false;
    if (g->knows_all)
        return !names_has(&g->open, name);
    if (names_has(&g->closed, name))
        return true;
    /* Young, and perhaps opened before we watched: wait for its close, or until it is quiet. A
     * listing that no longer counts needs no notes. */
    if (g->is_listing)
        note_open(g, name);
    return false;
}

bool watch_has_announced(struct watch *w, const char *gate)
{
    const struct watched_gate *g = find_gate(w, gate);
    return g && g->is_announced;
}

void watch_listed(struct watch *w, const char *gate)
{
    struct watched_gate *g = find_gate(w, gate);
    if (g)
        g->is_announced = false;
    if (!g || g->descriptor < 0 || !g->is_listing)
        return;
    g->knows_all = true;
    names_clear(&g->closed);
}
