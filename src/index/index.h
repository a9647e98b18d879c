/* SPDX-License-Identifier: MIT */
/*
 * index: a folder's files, or what changed in a git repository, become segments of `document`
 * frames in the spool (docs/KNOWLEDGE.md).
 *
 *     struct index_request request = {.path = "/srv/handbook.git", .gate = "default", ...};
 *     struct index_result result = {0};
 *     struct err e = index_run(&request, &result);
 *     ... result says what was sent and what was passed over; also after a failure ...
 *     index_result_free(&result);
 *
 * Of plain files all are sent, each time, and nothing is known of those that went. Of a repository
 * the commit of the last run is in the database, with the selection of that run: what differs
 * between the files that were selected there and those that are selected now is sent: documents
 * that came, changed, got another name, and went. Where that commit is gone, or --all is wanted,
 * every file is sent, and documents that the database has beyond them are retired.
 *
 * The record moves on once all segments are in incoming/. A run that is killed before is repeated
 * by the next one, and the loader skips what it knows; where that one is for another commit, every
 * file is sent.
 *
 * Failures: ERR_CONFIG for what can't be read (with its name), ERR_DATABASE and ERR_BUSY of a
 * repository's record, ERR_BUSY where segments of the last run still wait, ERR_SPOOL.
 */
#ifndef SPOOLGATE_INDEX_INDEX_H
#define SPOOLGATE_INDEX_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "frame/limits.h"
#include "index/select.h"
#include "io/git.h"
#include "io/pg.h"
#include "spool/spool.h"

struct index_progress {
    uint64_t files, of, bytes;
};

struct index_request {
    const char *path;       /* a file, a folder, or a repository */
    const char *rev, *name; /* of a repository; NULL: HEAD, and its folder */
    const char *gate;
    const char *pack_id; /* or NULL */
    struct selection selection;
    bool is_all; /* as if there had been no run before */
    bool is_dry; /* tell, and write nothing */
    const struct spool *spool;
    const struct frame_limits *limits;
    struct pg_target target; /* asked of a repository only */
    void (*progress)(void *context, const struct index_progress *p); /* may be NULL */
    void *context;
};

enum index_what { INDEX_ADD, INDEX_EDIT, INDEX_RENAME, INDEX_DELETE, INDEX_SKIP, INDEX_WHATS };
extern const char *const index_what_names[]; /* "add", ... */

struct index_note {
    enum index_what what;
    char *path;   /* raw bytes */
    char *detail; /* RENAME: the path before; SKIP: why; or NULL */
};
#define INDEX_NOTES 1000 /* the first ones are kept */

struct index_result {
    char *source; /* what the uris begin with: "git:/srv/handbook.git", "file:///srv/docs" */
    bool is_repository;
    char commit[GITREPO_ID], previous[GITREPO_ID]; /* of a repository; previous "": no run before */
    char remark[160]; /* why not only what changed was looked at, or ""; one sentence */
    uint64_t counts[INDEX_WHATS];
    uint64_t bytes; /* of the segments, decompressed */
    char **segments;
    size_t segment_count;
    struct index_note *notes; /* skipped files; of a dry run all changes */
    size_t note_count, note_cap;
};

struct err index_run(const struct index_request *request, struct index_result *result);
void index_result_free(struct index_result *result);

#endif
