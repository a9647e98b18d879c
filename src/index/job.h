/* SPDX-License-Identifier: MIT */
/* job: what a run over a folder and one over a repository share; private to src/index. */
#ifndef SPOOLGATE_INDEX_JOB_H
#define SPOOLGATE_INDEX_JOB_H

#include "index/document.h"
#include "index/index.h"
#include "index/writer.h"

struct job {
    const struct index_request *request;
    struct index_result *result;
    struct writer writer;

    /* private */
    struct buf frame;
    struct index_progress progress;
};

/* source: see index_result. */
struct err job_begin(struct job *job, const char *source);
void job_end(struct job *job); /* always */

/* SOURCE/PATH, the path percent-encoded. The caller frees it. */
char *job_uri(const struct job *job, const char *path);

/* A document, and what happened to it; before: its path so far, of INDEX_RENAME. *sent is false
 * where its frame would be too long, which is noted. */
struct err job_send(struct job *job, enum index_what what, struct document *d, const char *before,
                    bool *sent);
struct err job_retire(struct job *job, const char *path);
struct err job_retire_uri(struct job *job, const char *uri);
void job_skip(struct job *job, const char *path, const char *why);

/* Why a file of this name can't be a document; NULL when it can. */
const char *job_judge_path(const struct job *job, const char *path);
/* Why a file of so many bytes is too long; NULL when it isn't. */
const char *job_judge_length(const struct selection *s, uint64_t len);

void job_tick(struct job *job, uint64_t files, uint64_t of, uint64_t bytes);

struct err index_folder(struct job *job);
struct err index_repository(struct job *job, struct gitrepo *repo);

#endif
