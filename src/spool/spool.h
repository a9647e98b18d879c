/* SPDX-License-Identifier: MIT */
/*
 * spool: the folder tree that producers write into, and the moves of segments in it.
 *
 *     tmp/                        producers' unfinished files (same file system)
 *     incoming/[GATE/]NAME        waiting
 *     processing/BATCH/NAME       claimed; processing/BATCH/.claim.json says for which gate, if not
 * default processing/BATCH/.failed/   what this batch will leave in failed/ once its COMMIT is in
 *     archive/YYYY/MM/DD/BATCH/   retired; the day is the claim's, read from the batch id
 *     failed/BATCH/               segments that can't be loaded, NAME.reason.json, rejects.msgpack
 *     .lock .id .control .hold/   ours
 *
 * Each function leaves every segment in exactly one place when it is killed between any two system
 * calls; docs/INTERNALS.md has the state table. Failures are ERR_SPOOL unless said otherwise.
 *
 *     struct spool spool;
 *     TRY(spool_open(&spool, "/var/spool/spoolgate", true));
 *     TRY(spool_lock(&spool));
 *     ...
 *     spool_close(&spool);
 */
#ifndef SPOOLGATE_SPOOL_SPOOL_H
#define SPOOLGATE_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/uuid.h"

#define SPOOL_GATE 64 /* a gate's name and its NUL */

/* Which gate a folder of incoming/ belongs to: a declared gate may watch a folder of another name.
 * Called from any thread. */
struct spool_names {
    /* The folder of a gate that isn't the default one. */
    void (*folder_of)(void *context, const char *gate, char folder[SPOOL_GATE]);
    /* "" where the folder has a gate's name, but that gate watches another one. */
    void (*gate_of)(void *context, const char *folder, char gate[SPOOL_GATE]);
    void *context;
};

struct spool {
    char *path;
    int root, tmp, incoming, processing, archive, failed; /* folder descriptors */
    dev_t device;                                         /* all of it is on one file system */
    char id[UUID_TEXT]; /* spool/.id: tells this spool's receipts from another's. "" for a producer
                           who was here before the first daemon */
    int lock;           /* -1 unless locked */
    struct spool_names
        names; /* the caller's, after spool_open; zeroed: folders have their gates' names */
};

/* Opens the tree; create makes what is missing, but for an id where it mayn't: then segments can
 * be put all the same, and the daemon makes it. */
struct err spool_open(struct spool *s, const char *path, bool create);
void spool_close(struct spool *s);

/* incoming/ may have been removed, moved away or mounted over: goes on with the one that is there
 * now. */
struct err spool_follow_incoming(const struct spool *s);

/* One process a spool. ERR_BUSY says who has it. Held until spool_close or the process's end. */
struct err spool_lock(struct spool *s);

/* Below incoming/: "" for the default gate. */
void spool_gate_folder(const struct spool *s, const char *gate, char folder[SPOOL_GATE]);
/* The descriptor of the gate's folder is the caller's. */
struct err spool_open_gate(const struct spool *s, const char *gate, bool create, int *fd);

/* A held gate stays held across restarts: the hold is a file, spool/.hold/GATE. */
struct err spool_hold(const struct spool *s, const char *gate, bool hold);
bool spool_is_held(const struct spool *s, const char *gate);

#define SPOOL_DEFAULT_GATE "default"

#endif
