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

/* The id that a file of these bytes has in every repository. */
struct err gitrepo_hash(const void *bytes, size_t len, char id[GITREPO_ID]);

#endif
