/* SPDX-License-Identifier: MIT */
/*
 * What changed in a repository since the last run.
 *
 * A document stands for a file that was selected, is a file (no link, no submodule), and is text.
 * With `was` and `is` for before and now:
 *
 *                    is                             not is
 *     was            edit; rename where the name    delete
 *                    is another; nothing where
 *                    neither changed
 *     not was        add                            nothing
 *
 * So another selection, a file that becomes binary, and a rewritten history need no rules of their
 * own. Each path stands in one frame at the most, so the frames may be loaded in any order: a file
 * that is renamed has gone from its old place, and nothing else has come there (a file that is
 * there before and after counts as edited).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "index/job.h"
#include "index/record.h"

struct compare {
    struct job *job;
    struct gitrepo *repo;
    struct selection before; /* of the last run */
    bool has_before;
    char **seen; /* uris that are documents now; kept where the database is compared with them */
    size_t seen_count, seen_cap;
    bool keeps_seen;
    struct record *record;
    struct buf selection; /* as it is recorded */
};

/* ---- one file ---- */

struct content {
    char *text;
    size_t len;
};

/* A failure that tells which file it is about. */
static struct err name_file(const struct err *e, const char *path)
{
    struct buf name = {0};
    if (!err_is(e))
        return ERR_OK;
    document_put_path(&name, path);
    struct err named = err_make(e->cls,
                                "%.300s; it is %.120s: `git fsck` tells what is broken, and a "
                                "partial clone has not all files",
                                e->text, buf_cstr(&name));
    buf_free(&name);
    return named;
}

/* A file's text, or why it is no document. */
static struct err read_side(struct compare *c, const struct selection *s,
                            const struct gitrepo_side *side, struct content *content,
                            const char **problem)
{
    uint64_t len = 0;
    *content = (struct content){0};
    *problem = side->kind != GITREPO_FILE ? gitrepo_kind_name(side->kind)
                                          : job_judge_path(c->job, side->path);
    if (*problem)
        return ERR_OK;
    struct err e = gitrepo_size(c->repo, side->id, &len);
    TRY(name_file(&e, side->path));
    *problem = job_judge_length(s, len);
    if (*problem)
        return ERR_OK;
    e = gitrepo_read(c->repo, side->id, &content->text, &content->len);
    TRY(name_file(&e, side->path));
    *problem = document_check(content->text, content->len);
    return ERR_OK;
}

static struct err find_out_was(struct compare *c, const struct gitrepo_side *before, bool *was)
{
    struct content content;
    const char *problem;
    *was = c->has_before && before->path && selection_takes(&c->before, before->path);
    if (!*was)
        return ERR_OK;
    TRY(read_side(c, &c->before, before, &content, &problem));
    free(content.text);
    *was = !problem;
    return ERR_OK;
}

static enum index_what what_of(const struct gitrepo_delta *delta, bool was)
{
    return !was ? INDEX_ADD : delta->change == GITREPO_RENAMED ? INDEX_RENAME : INDEX_EDIT;
}

static struct err send(struct compare *c, const struct gitrepo_delta *delta, bool was,
                       const struct content *content, bool *sent)
{
    const struct index_result *r = c->job->result;
    enum index_what what = what_of(delta, was);
    struct document d = {.path = delta->after.path,
                         .repository = r->source,
                         .commit = r->commit,
                         .blob = delta->after.id,
                         .text = content->text,
                         .len = content->len};
    TRY(job_send(c->job, what, &d, what == INDEX_RENAME ? delta->before.path : NULL, sent));
    if (*sent && c->keeps_seen)
        *MEM_PUSH(c->seen, c->seen_count, c->seen_cap) = job_uri(c->job, delta->after.path);
    return ERR_OK;
}

static struct err treat(struct compare *c, const struct gitrepo_delta *delta, bool is,
                        const struct content *content)
{
    bool was;
    bool sent = false;
    TRY(find_out_was(c, &delta->before, &was));
    if (is && was && delta->change == GITREPO_SAME)
        return ERR_OK;
    if (is)
        TRY(send(c, delta, was, content, &sent));
    return was && !sent ? job_retire(c->job, delta->before.path) : ERR_OK;
}

/* A file that is what it was, and was judged by the same rules, needn't be read. */
static bool is_untouched(const struct compare *c, const struct gitrepo_delta *delta)
{
    const struct selection *now = &c->job->request->selection;
    return delta->change == GITREPO_SAME && c->before.most == now->most &&
           selection_takes(now, delta->after.path) ==
               selection_takes(&c->before, delta->before.path);
}

static struct err visit_delta(void *context, const struct gitrepo_delta *delta)
{
    struct compare *c = context;
    struct content content = {0};
    const char *problem = NULL;
    const struct selection *s = &c->job->request->selection;
    if (is_untouched(c, delta))
        return ERR_OK;
    bool is = delta->after.path && selection_takes(s, delta->after.path);
    struct err e = is ? read_side(c, s, &delta->after, &content, &problem) : ERR_OK;
    if (problem)
        job_skip(c->job, delta->after.path, problem);
    if (!err_is(&e))
        e = treat(c, delta, is && !problem, &content);
    job_tick(c->job, delta->index + 1, delta->count, content.len);
    free(content.text);
    return e;
}

/* ---- documents that the database has beyond them ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct err retire_unseen(void *context, const char *uri)
{
    struct compare *c = context;
    bool is_seen = c->seen_count > 0 &&
                   bsearch(&uri, c->seen, c->seen_count, sizeof *c->seen, by_text) != NULL;
    return is_seen ? ERR_OK : job_retire_uri(c->job, uri);
}

static struct err retire_others(struct compare *c)
{
    if (c->seen_count > 0)
        qsort(c->seen, c->seen_count, sizeof *c->seen, by_text);
    return record_list(c->record, retire_unseen, c);
}

/* ---- from where on ---- */

static void remark(struct index_result *r, const char *text)
{
    (void)snprintf(r->remark, sizeof r->remark, "%s", text);
}

/* What the last run has left is compared with; without it, everything is sent. */
static bool same_text(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

/* Some of its segments were published. Those of the same commit and files are sent once more;
 * beside any others, what the documents are is only known when all are sent. */
static bool is_half_done(struct compare *c)
{
    const struct record *record = c->record;
    return record->sending_commit &&
           !(same_text(record->sending_commit, c->job->result->commit) &&
             same_text(record->sending_selection, buf_cstr(&c->selection)));
}

/* What the last run has left is compared with; without it, everything is sent. */
static struct err find_before(struct compare *c)
{
    static const char all[] = "so every file is sent, and documents beyond them are retired";
    const struct record *record = c->record;
    struct index_result *r = c->job->result;
    bool grew = true;
    if (record->commit)
        (void)snprintf(r->previous, sizeof r->previous, "%s", record->commit);
    if (is_half_done(c))
        (void)snprintf(r->remark, sizeof r->remark, "the last run was broken off, %s", all);
    else if (record->commit && !gitrepo_has_commit(c->repo, record->commit))
        (void)snprintf(r->remark, sizeof r->remark, "the commit of the last run is gone, %s", all);
    if (c->job->request->is_all || !record->commit || *r->remark)
        return ERR_OK;
    TRY(selection_read(&c->before, record->selection));
    c->has_before = true;
    TRY(gitrepo_grew_out_of(c->repo, r->commit, record->commit, &grew));
    if (!grew)
        remark(r, "the history was rewritten, or another branch is indexed: the files of both "
                  "commits are compared");
    else if (!same_text(record->selection, buf_cstr(&c->selection)))
        remark(r, "other files are selected than in the last run: those that come in are sent, "
                  "those that fall out are retired");
    return ERR_OK;
}

static struct err before_publishing(void *context)
{
    struct compare *c = context;
    return record_begin(c->record, c->job->result->commit, buf_cstr(&c->selection));
}

static struct err compare(struct compare *c)
{
    struct index_result *r = c->job->result;
    const struct selection *now = &c->job->request->selection;
    selection_print(now, &c->selection);
    TRY(find_before(c));
    c->keeps_seen = !c->has_before;
    c->job->writer.before = before_publishing;
    c->job->writer.context = c;
    struct gitrepo_rules rules = {
        .wants_same = c->has_before && !same_text(c->record->selection, buf_cstr(&c->selection)),
        .most = now->most};
    TRY(gitrepo_compare(c->repo, c->has_before ? r->previous : NULL, r->commit, &rules, visit_delta,
                        c));
    if (!c->has_before)
        TRY(retire_others(c));
    TRY(writer_end(&c->job->writer));
    return c->job->request->is_dry ? ERR_OK
                                   : record_end(c->record, r->commit, buf_cstr(&c->selection));
}

/* "git:" and the name, which is the repository's folder unless another one is given. */
static char *source_of(const struct gitrepo *repo, const char *name)
{
    struct buf source = {0};
    char *folder = gitrepo_folder(repo);
    buf_str(&source, "git:");
    document_put_path(&source, name ? name : folder);
    free(folder);
    return buf_take(&source);
}

struct err index_repository(struct job *job, struct gitrepo *repo)
{
    const struct index_request *request = job->request;
    struct record record = {0};
    struct compare c = {.job = job, .repo = repo, .record = &record};
    TRY(gitrepo_find_commit(repo, request->rev ? request->rev : "HEAD", job->result->commit));
    char *source = source_of(repo, request->name);
    struct err e = record_open(&record, &request->target, source);
    if (!err_is(&e))
        e = job_begin(job, source);
    if (!err_is(&e))
        e = compare(&c);
    for (size_t i = 0; i < c.seen_count; i++)
        free(c.seen[i]);
    free(c.seen);
    buf_free(&c.selection);
    selection_free(&c.before);
    record_close(&record);
    free(source);
    return e;
}
