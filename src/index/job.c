/* SPDX-License-Identifier: MIT */
#include "index/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kb/frame.h"

struct err job_begin(struct job *job, const char *source)
{
    job->result->source = mem_strdup(source);
    job->writer = (struct writer){.spool = job->request->spool,
                                  .gate = job->request->gate,
                                  .limits = job->request->limits,
                                  .is_dry = job->request->is_dry};
    writer_open(&job->writer, source);
    return job->request->is_dry ? ERR_OK : writer_check_earlier(&job->writer);
}

void job_end(struct job *job)
{
    job->result->bytes = job->writer.bytes;
    job->result->segments = job->writer.segments;
    job->result->segment_count = job->writer.segment_count;
    job->writer.segments = NULL;
    job->writer.segment_count = 0;
    writer_close(&job->writer);
    buf_free(&job->frame);
}

char *job_uri(const struct job *job, const char *path)
{
    struct buf uri = {0};
    buf_printf(&uri, "%s/", job->result->source);
    document_put_path(&uri, path);
    return buf_take(&uri);
}

/* Changes are listed in a dry run, what is passed over always. */
static void note(struct job *job, enum index_what what, const char *path, const char *detail)
{
    struct index_result *r = job->result;
    r->counts[what]++;
    if ((what != INDEX_SKIP && !job->request->is_dry) || r->note_count == INDEX_NOTES)
        return;
    *MEM_PUSH(r->notes, r->note_count, r->note_cap) =
        (struct index_note){what, mem_strdup(path), detail ? mem_strdup(detail) : NULL};
}

void job_skip(struct job *job, const char *path, const char *why)
{
    note(job, INDEX_SKIP, path, why);
}

struct err job_send(struct job *job, enum index_what what, struct document *d, const char *before,
                    bool *sent)
{
    char *uri = job_uri(job, d->path);
    char *previous = before ? job_uri(job, before) : NULL;
    struct err e = ERR_OK;
    d->uri = uri;
    d->previous_uri = previous;
    d->pack_id = job->request->pack_id;
    buf_clear(&job->frame);
    document_put(&job->frame, d);
    *sent = job->frame.len <= job->request->limits->frame_bytes;
    if (*sent)
        e = writer_put(&job->writer, job->frame.data, job->frame.len);
    if (*sent)
        note(job, what, d->path, before);
    else
        job_skip(job, d->path, "too long: its frame would be longer than limits.frame");
    free(previous);
    free(uri);
    return e;
}

static struct err retire(struct job *job, const char *uri, const char *name)
{
    buf_clear(&job->frame);
    document_put_deleted(&job->frame, uri);
    note(job, INDEX_DELETE, name, NULL);
    return writer_put(&job->writer, job->frame.data, job->frame.len);
}

struct err job_retire(struct job *job, const char *path)
{
    char *uri = job_uri(job, path);
    struct err e = retire(job, uri, path);
    free(uri);
    return e;
}

struct err job_retire_uri(struct job *job, const char *uri)
{
    return retire(job, uri, uri);
}

const char *job_judge_path(const struct job *job, const char *path)
{
    char *uri = job_uri(job, path);
    bool is_long = strlen(uri) > KB_URI_MAX;
    free(uri);
    return is_long ? "its name is too long: its uri would be longer than 2,000 bytes" : NULL;
}

const char *job_judge_length(const struct selection *s, uint64_t len)
{
    return len > s->most ? "too long: longer than limits.string" : NULL;
}

/* bytes: of this file. */
void job_tick(struct job *job, uint64_t files, uint64_t of, uint64_t bytes)
{
    job->progress.files = files;
    job->progress.of = of;
    job->progress.bytes += bytes;
    if (job->request->progress)
        job->request->progress(job->request->context, &job->progress);
}
