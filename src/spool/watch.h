/* SPDX-License-Identifier: MIT */
/*
 * watch: inotify over incoming/ and its gate folders. A hint, never the truth: it says when to
 * scan, and which young files nobody is writing any more.
 *
 *     struct watch w;
 *     TRY(watch_open(&w));
 *     TRY(watch_gate(&w, &spool, "default"));   // again before every scan: a folder may be new
 *     poll(w.fd) ... watch_drain(&w);           // after listing a folder, before judging its files
 *     watch_is_settled(&w, gate, name, changed_us)
 *     watch_close(&w);
 *
 * A file is settled when its last change came after the watch began and it isn't on the list of
 * files that were created (or found young) and not closed since. After an overflow of the kernel's
 * queue nothing is known, which is the same as a watch that begins now. Draining after the listing
 * is what makes this safe: the event of a file that readdir showed is in the queue by then.
 */
#ifndef SPOOLGATE_SPOOL_WATCH_H
#define SPOOLGATE_SPOOL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "spool/spool.h"

struct watched_gate {
    int descriptor; /* of the watch, -1 when lost */
    char gate[SPOOL_GATE];
    int64_t since_us;
};

struct watch {
    int fd; /* non-blocking; readable when something happened */
    uint64_t overflows;

    /* private */
    int root; /* the watch on the spool itself */
    struct watched_gate *gates;
    size_t gate_count, gate_cap;
    char **open_files; /* "GATE/NAME" being written */
    size_t open_count, open_cap;
};

struct err watch_open(struct watch *w);
void watch_close(struct watch *w);

/* Watches the spool itself: another incoming/ may come in place of the one that was there. */
struct err watch_root(struct watch *w, const struct spool *s);

/* Watches the gate's folder, or makes sure that it is still the same folder. */
struct err watch_gate(struct watch *w, const struct spool *s, const char *gate);

/* Reads all events that are there; true when any of them calls for a scan. */
bool watch_drain(struct watch *w);

bool watch_is_settled(struct watch *w, const char *gate, const char *name, int64_t changed_us);

#endif
