/* SPDX-License-Identifier: MIT */
/*
 * scan: what waits in incoming/.
 *
 *     struct scan_result waiting = {0};
 *     TRY(scan_gate(&spool, "default", &rules, &waiting));
 *     ... waiting.files[0 .. waiting.count) oldest first ...
 *     while (waiting.more) {
 *         TRY(scan_continue(&spool, "default", &rules, &waiting));
 *         ... the next files of the same folder ...
 *     }
 *     scan_free(&waiting);
 *
 * A folder of a million files is listed in pieces of rules.max_files: memory has a bound, each file
 * is looked at once in a pass, and the first batches are on their way before the last file was
 * seen. "Oldest first" holds within a piece.
 *
 * A scan is the truth; inotify only says when to look. A file counts as waiting once it is settled:
 * it was renamed in or seen closed (rules.is_settled), or it hasn't changed for SCAN_SETTLE_US.
 * What is not ours to claim is left alone and handed to rules.odd, with the reason; the caller
 * reports each such file once.
 */
#ifndef SPOOLGATE_SPOOL_SCAN_H
#define SPOOLGATE_SPOOL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/time.h"
#include "spool/spool.h"

#define SCAN_SETTLE_US INT64_C(2000000)
#define SCAN_FILES_MAX 65536 /* files of a piece, where the rules name no other number */

/* The kernel sets ctime, by its own clock, at every write, rename and chmod; mtime is whatever the
 * producer (cp -p, tar) says. */
static inline int64_t scan_change_time(const struct stat *st)
{
    return st->st_ctim.tv_sec * TIME_US_PER_S + st->st_ctim.tv_nsec / 1000;
}

/* A file system of 64-bit seconds (btrfs, tmpfs) holds any mtime: what is beyond our range is the
 * earliest or the latest. */
static inline int64_t scan_modified_time(const struct stat *st)
{
    int64_t us;
    if (__builtin_mul_overflow((int64_t)st->st_mtim.tv_sec, TIME_US_PER_S, &us) ||
        __builtin_add_overflow(us, (int64_t)st->st_mtim.tv_nsec / 1000, &us))
        return st->st_mtim.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return us;
}

struct scan_file {
    char *name;
    uint64_t bytes;
    int64_t arrived_us;  /* scan_change_time(): when it was written, renamed or changed last */
    int64_t modified_us; /* mtime: the producer's word */
};

struct scan_result {
    struct scan_file *files; /* settled, oldest first (rules.is_ordered: by mtime), then by name */
    size_t count;
    bool more;             /* the folder wasn't listed to its end */
    size_t unsettled;      /* in this pass: still being written, as far as we can tell */
    size_t unclaimable;    /* in this pass: what was handed to rules.odd */
    int64_t settles_at_us; /* when the first of those may be settled; INT64_MAX for none */

    /* private */
    size_t cap;
    void *stream; /* of the pass in progress */
};

struct scan_rules {
    int64_t now_us;   /* wall clock, right before the listing */
    size_t max_files; /* of a piece; 0: SCAN_FILES_MAX */
    bool is_ordered;  /* the order of all files matters: one piece, by mtime and name */
    /* May be NULL: then only time settles a file. `listed` is called once all files are listed, and
     * before is_settled judges those that changed lately. */
    void (*listed)(void *context);
    bool (*is_settled)(void *context, const char *gate, const char *name);
    /* May be NULL. `where` is "incoming/NAME" or "incoming/GATE/NAME", raw bytes. */
    void (*odd)(void *context, const char *where, const char *reason);
    void *context;
};

struct err scan_gate(const struct spool *s, const char *gate, const struct scan_rules *rules,
                     struct scan_result *found);
/* Only where `more` is set: lets go of the files and lists the next. After a failure the pass is
 * over.
 */
struct err scan_continue(const struct spool *s, const char *gate, const struct scan_rules *rules,
                         struct scan_result *found);
void scan_free(struct scan_result *found);

/* The gate folders below incoming/, besides the default gate. Each name is the caller's to free. */
struct err scan_gate_folders(const struct spool *s, const struct scan_rules *rules, char ***names,
                             size_t *count);

/* The batches in a folder of them (processing/, failed/), oldest first: real folders with a batch's
 * name, and nothing else that stands there. ids is the caller's to free. */
struct err scan_batches(int folder, struct uuid **ids, size_t *count);

/* Calls visit for each entry of the folder but "." and ".."; stops at its first failure. */
struct err scan_folder(int folder, struct err (*visit)(void *context, int folder, const char *name),
                       void *context);

#endif
