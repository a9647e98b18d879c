/* SPDX-License-Identifier: MIT */
/* Two commits of a repository, file by file. */
#include <git2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/git_private.h"

/* Files that came times files that went: more of them aren't compared line by line. */
#define PAIRS_MAX (UINT64_C(2000) * 2000)

char *gitrepo_folder(const struct gitrepo *repo)
{
    const char *worktree = git_repository_workdir(repo->handle);
    char *folder = realpath(worktree ? worktree : git_repository_path(repo->handle), NULL);
    return folder ? folder : mem_strdup(repo->name);
}

bool gitrepo_has_commit(struct gitrepo *repo, const char *commit)
{
    git_oid id;
    git_commit *found = NULL;
    bool has =
        git_oid_fromstr(&id, commit) == 0 && git_commit_lookup(&found, repo->handle, &id) == 0;
    git_commit_free(found);
    return has;
}

struct err gitrepo_grew_out_of(struct gitrepo *repo, const char *newer, const char *older,
                               bool *grew)
{
    git_oid from;
    git_oid to;
    if (git_oid_fromstr(&from, older) < 0 || git_oid_fromstr(&to, newer) < 0)
        return gitrepo_failed(repo, "read a commit's id");
    int code = git_oid_equal(&from, &to) ? 1 : git_graph_descendant_of(repo->handle, &to, &from);
    *grew = code == 1;
    /* A shallow clone's history ends somewhere: what can't be followed isn't known to be there. */
    return code < 0 && code != GIT_ENOTFOUND ? gitrepo_failed(repo, "follow the history") : ERR_OK;
}

static struct err find_tree(struct gitrepo *repo, const char *commit, git_tree **tree)
{
    git_oid id;
    git_commit *found = NULL;
    *tree = NULL;
    bool is_read = git_oid_fromstr(&id, commit) == 0 &&
                   git_commit_lookup(&found, repo->handle, &id) == 0 &&
                   git_commit_tree(tree, found) == 0;
    git_commit_free(found);
    return is_read ? ERR_OK : gitrepo_failed(repo, "read the commit");
}

static bool is_file(const git_diff_file *file)
{
    return file->mode == GIT_FILEMODE_BLOB || file->mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

/* To compare lines, libgit2 reads whole files: not before all of them are known to be short. */
static bool are_comparable(struct gitrepo *repo, git_diff *diff, uint64_t most)
{
    uint64_t came = 0;
    uint64_t went = 0;
    for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
        git_delta_t status = git_diff_get_delta(diff, i)->status;
        came += status == GIT_DELTA_ADDED;
        went += status == GIT_DELTA_DELETED;
    }
    if (came == 0 || went == 0 || came > PAIRS_MAX / went)
        return false;
    for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
        const git_diff_delta *delta = git_diff_get_delta(diff, i);
        bool is_one = delta->status == GIT_DELTA_ADDED || delta->status == GIT_DELTA_DELETED;
        const git_diff_file *file =
            delta->status == GIT_DELTA_ADDED ? &delta->new_file : &delta->old_file;
        char id[GITREPO_ID];
        uint64_t len = 0;
        if (!is_one || !is_file(file))
            continue;
        struct err e = gitrepo_size(repo, git_oid_tostr(id, sizeof id, &file->id), &len);
        if (err_is(&e) || len > most)
            return false;
    }
    return true;
}

/* Once: libgit2 can't look a second time for what the first look has left. */
static int find_renames(struct gitrepo *repo, git_diff *diff, uint64_t most)
{
    git_diff_find_options find;
    (void)git_diff_find_options_init(&find, GIT_DIFF_FIND_OPTIONS_VERSION);
    find.flags = GIT_DIFF_FIND_RENAMES;
    if (!are_comparable(repo, diff, most))
        find.flags |= GIT_DIFF_FIND_EXACT_MATCH_ONLY;
    find.rename_limit = git_diff_num_deltas(diff); /* else it looks at the first 200 */
    return git_diff_find_similar(diff, &find);
}

static enum gitrepo_kind kind_of(const git_diff_file *file)
{
    return file->mode == GIT_FILEMODE_LINK     ? GITREPO_LINK
           : file->mode == GIT_FILEMODE_COMMIT ? GITREPO_MODULE
           : file->mode == GIT_FILEMODE_TREE   ? GITREPO_FOLDER
                                               : GITREPO_FILE;
}

static struct gitrepo_side side_of(const git_diff_file *file)
{
    struct gitrepo_side side = {.path = file->path, .kind = kind_of(file)};
    (void)git_oid_tostr(side.id, sizeof side.id, &file->id);
    return side;
}

static struct gitrepo_delta describe(const git_diff_delta *found)
{
    struct gitrepo_delta delta = {.change = GITREPO_EDITED};
    if (found->status != GIT_DELTA_ADDED)
        delta.before = side_of(&found->old_file);
    if (found->status != GIT_DELTA_DELETED)
        delta.after = side_of(&found->new_file);
    if (found->status == GIT_DELTA_ADDED)
        delta.change = GITREPO_ADDED;
    else if (found->status == GIT_DELTA_DELETED)
        delta.change = GITREPO_DELETED;
    else if (found->status == GIT_DELTA_RENAMED)
        delta.change = GITREPO_RENAMED;
    else if (strcmp(delta.before.id, delta.after.id) == 0) /* or only its mode changed */
        delta.change = GITREPO_SAME;
    return delta;
}

static struct err visit_all(git_diff *diff, const struct gitrepo_rules *rules,
                            gitrepo_delta_fn *visit, void *context)
{
    size_t count = git_diff_num_deltas(diff);
    for (size_t i = 0; i < count; i++) {
        struct gitrepo_delta delta = describe(git_diff_get_delta(diff, i));
        delta.index = i;
        delta.count = count;
        if (delta.change != GITREPO_SAME || rules->wants_same)
            TRY(visit(context, &delta));
    }
    return ERR_OK;
}

struct err gitrepo_compare(struct gitrepo *repo, const char *before, const char *after,
                           const struct gitrepo_rules *rules, gitrepo_delta_fn *visit,
                           void *context)
{
    git_diff_options options;
    git_tree *from = NULL;
    git_tree *to = NULL;
    git_diff *diff = NULL;
    (void)git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.flags |= GIT_DIFF_SKIP_BINARY_CHECK;
    if (rules->wants_same)
        options.flags |= GIT_DIFF_INCLUDE_UNMODIFIED;
    struct err e = before ? find_tree(repo, before, &from) : ERR_OK;
    if (!err_is(&e))
        e = find_tree(repo, after, &to);
    if (!err_is(&e) && git_diff_tree_to_tree(&diff, repo->handle, from, to, &options) < 0)
        e = gitrepo_failed(repo, "compare the commits");
    if (!err_is(&e) && before && find_renames(repo, diff, rules->most) < 0)
        e = gitrepo_failed(repo, "look for renamed files");
    if (!err_is(&e))
        e = visit_all(diff, rules, visit, context);
    git_diff_free(diff);
    git_tree_free(to);
    git_tree_free(from);
    return e;
}
