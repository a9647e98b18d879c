/* SPDX-License-Identifier: MIT */
/*
 * tree: the manifests of a commit.
 *
 *     TRY(manifest_tree_read(&repo, commit, "manifests", &files));            // all of them
 *     TRY(manifest_tree_compare(&repo, commit, "manifests", &files, &match)); // or: are they
 * these?
 *
 * `folder` is the manifests' folder in the repository, "" for its top. Failures are ERR_CONFIG.
 */
#ifndef SPOOLGATE_MANIFEST_TREE_H
#define SPOOLGATE_MANIFEST_TREE_H

#include "base/err.h"
#include "io/git.h"
#include "manifest/files.h"

/* Appends, in no order. */
struct err manifest_tree_read(struct gitrepo *repo, const char *commit, const char *folder,
                              struct manifest_files *files);

enum manifest_match {
    MANIFEST_EQUAL,   /* the same files with the same bytes */
    MANIFEST_DIFFERS, /* another text, one more, or one less */
    MANIFEST_UNKNOWN, /* the commit has no such folder */
};
/* files: sorted. */
struct err manifest_tree_compare(struct gitrepo *repo, const char *commit, const char *folder,
                                 const struct manifest_files *files, enum manifest_match *match);

#endif
