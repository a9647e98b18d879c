/* SPDX-License-Identifier: MIT */
/*
 * watch: inotify over incoming/ and its gate folders. A hint, never the truth: it says when to
 * scan, and which young files nobody is writing any more.
 *
 *     struct watch w;
 *     TRY(watch_open(&w));
 *     TRY(watch_gate(&w, &spool, "default"));   // before each listing: a folder may be new
 *     ... list the folder ...
 *     watch_drain(&w);                          // before judging the young files of the list
 *     ... watch_is_settled(&w, "default", name) for each of them ...
 *     watch_listed(&w, "default");              // every young file of the folder was judged
 *     poll(w.fd) ...
 *     watch_close(&w);
 *
 * A gate's first complete listing after its watch began finds the files that somebody may have
 * opened before: the young ones, but for those that were seen closed or renamed in since. From then
 * on a file is settled when it isn't on the list of files that were created, or found then, and not
 * closed since. After an overflow of the kernel's queue nothing is known, which is the same as a
 * watch that begins now. Draining after the listing is what makes this safe: the event of a file
 * that readdir showed is in the queue by then.
 */
#ifndef SPOOLGATE_SPOOL_WATCH_H
#define SPOOLGATE_SPOOL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "spool/spool.h"

struct watch_names {
    void *root;
    size_t count;
};

struct watched_gate {
    int descriptor; /* of the watch, -1 when lost */
    char gate[SPOOL_GATE];
    bool knows_all;            /* a listing was completed since the watch began */
    bool is_listing;           /* the listing in progress began after the watch did */
    bool is_announced;         /* a segment, since the last listing was completed */
    struct watch_names open;   /* being written, as far as we can tell */
    struct watch_names closed; /* seen closed or renamed in; kept until knows_all */
};

struct watch {
    int fd; /* non-blocking; readable when something happened */
    uint64_t overflows;

    /* private */
    int root; /* the watch on the spool itself */
    struct watched_gate *gates;
    size_t gate_count, gate_cap;
};

struct err watch_open(struct watch *w);
void watch_close(struct watch *w);

/* Watches the spool itself: another incoming/ may come in place of the one that was there. */
struct err watch_root(struct watch *w, const struct spool *s);

/* Watches the gate's folder, or makes sure that it is still the same folder; a listing of it is to
 * follow. */
struct err watch_gate(struct watch *w, const struct spool *s, const char *gate);

/* Reads all events that are there; true when any of them calls for a scan. */
bool watch_drain(struct watch *w);

/* Of a young file: true when nobody is writing it any more. */
bool watch_is_settled(struct watch *w, const char *gate, const char *name);

/* Since the gate's last complete listing, was there an event of any segment of it? If not, what a
 * listing finds anew is what inotify lost. */
bool watch_has_announced(struct watch *w, const char *gate);

/* The listing that watch_gate announced is complete. */
void watch_listed(struct watch *w, const char *gate);

#endif
