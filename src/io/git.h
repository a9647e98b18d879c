/* SPDX-License-Identifier: MIT */
/*
 * git: reads a local git repository: a commit, its folders, its files. The only owner of libgit2.
 *
 *     struct gitrepo repo = {0};
 *     char commit[GITREPO_ID];
 *     TRY(gitrepo_open(&repo, "/srv/manifests.git"));             // bare or not
 *     TRY(gitrepo_find_commit(&repo, "main", commit));            // branch, tag, id, HEAD~1, ...
 *     TRY(gitrepo_find(&repo, commit, "manifests/streams", &entry, &found));
 *     TRY(gitrepo_list(&repo, entry.id, visit, context));         // visit(context, &entry) ...
 *     TRY(gitrepo_read(&repo, entry.id, &text, &len));
 *     TRY(gitrepo_compare(&repo, older, commit, &rules, visit_change, context));
 *     gitrepo_close(&repo);                                       // always, after a failure too
 *
 * Only objects are read, as they were committed: no index, no checkout, no filter, no hook, no
 * network. Names begin with gitrepo_ because git_ is libgit2's own. One thread at a time.
 *
 * Failures are ERR_CONFIG: they name the repository, as the caller named it, and what to do.
 */
#ifndef SPOOLGATE_IO_GIT_H
#define SPOOLGATE_IO_GIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define GITREPO_ID 41 /* 40 hex digits and a NUL */

struct gitrepo {
    struct git_repository *handle;
    char *name;     /* in messages */
    char *worktree; /* absolute, without links, "/" at its end; NULL: a bare repository */
};

/* The repository at the path: bare, or the top of a work tree. */
struct err gitrepo_open(struct gitrepo *repo, const char *path);
/* The same; *found is false, and repo closed, where the path is no repository. */
struct err gitrepo_open_if(struct gitrepo *repo, const char *path, bool *found);
/* The repository whose work tree holds the folder. *found is false, and repo closed, without one.
 */
struct err gitrepo_open_around(struct gitrepo *repo, const char *folder, bool *found);
void gitrepo_close(struct gitrepo *repo);

/* Any revision that git understands; the failure lists what there is. */
struct err gitrepo_find_commit(struct gitrepo *repo, const char *rev, char commit[GITREPO_ID]);
/* What is checked out; *found is false where nothing was ever committed. */
struct err gitrepo_find_head(struct gitrepo *repo, char commit[GITREPO_ID], bool *found);

enum gitrepo_kind { GITREPO_FILE, GITREPO_FOLDER, GITREPO_LINK, GITREPO_MODULE };
struct gitrepo_entry {
    const char *name; /* during a visit; NULL from gitrepo_find */
    enum gitrepo_kind kind;
    char id[GITREPO_ID];
};
const char *gitrepo_kind_name(enum gitrepo_kind kind); /* "a symbolic link" */

/* path: names with "/" between them; "" is the commit's top folder. */
struct err gitrepo_find(struct gitrepo *repo, const char *commit, const char *path,
                        struct gitrepo_entry *entry, bool *found);

typedef struct err gitrepo_visit_fn(void *context, const struct gitrepo_entry *entry);
struct err gitrepo_list(struct gitrepo *repo, const char *folder_id, gitrepo_visit_fn *visit,
                        void *context);

/* A file's length, to be judged before it is read; its text is malloc'ed, a NUL behind it. */
struct err gitrepo_size(struct gitrepo *repo, const char *file_id, uint64_t *len);
struct err gitrepo_read(struct gitrepo *repo, const char *file_id, char **text, size_t *len);

/* What became of one file between two commits. Neither folders nor what is in submodules. */
enum gitrepo_change {
    GITREPO_SAME,
    GITREPO_ADDED,
    GITREPO_EDITED,
    GITREPO_RENAMED, /* and perhaps edited */
    GITREPO_DELETED,
};
struct gitrepo_side {
    const char *path; /* during a visit */
    enum gitrepo_kind kind;
    char id[GITREPO_ID];
};
struct gitrepo_delta {
    enum gitrepo_change change;
    size_t index, count;               /* of the visits, as far as is known: SAME ones count, too */
    struct gitrepo_side before, after; /* ADDED has no before, DELETED no after: path NULL there */
};
struct gitrepo_rules {
    bool wants_same; /* visit those that didn't change, too */
    uint64_t most;   /* a file that is longer is nobody's new name, unless its bytes are the same */
};
typedef struct err gitrepo_delta_fn(void *context, const struct gitrepo_delta *delta);

/* The files of commit `after` against those of `before`, by path; their histories don't matter.
 * before NULL: all of `after` is added. What only got another name is always found out; what was
 * edited on top, where half of its lines are left and there aren't too many files to compare. */
struct err gitrepo_compare(struct gitrepo *repo, const char *before, const char *after,
                           const struct gitrepo_rules *rules, gitrepo_delta_fn *visit,
                           void *context);
/* Is the commit (40 digits) there? */
bool gitrepo_has_commit(struct gitrepo *repo, const char *commit);
/* Did `newer` grow out of `older`? A commit grew out of itself. Both are there. */
struct err gitrepo_grew_out_of(struct gitrepo *repo, const char *newer, const char *older,
                               bool *grew);
/* The folder that people know the repository by, absolute, without links: the work tree, or the
 * bare repository itself. The caller frees it. */
char *gitrepo_folder(const struct gitrepo *repo);

/* The id that a file of these bytes has in every repository. */
struct err gitrepo_hash(const void *bytes, size_t len, char id[GITREPO_ID]);

#endif
