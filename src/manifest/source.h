/* SPDX-License-Identifier: MIT */
/*
 * source: reads the manifests that the configuration names, and says which version they are.
 *
 *     struct manifest_files files = {0};
 *     struct manifest_origin origin = {0};
 *     struct err e = manifest_read(&config, &files, &origin, &diag); // a folder, or a repository
 *     ...
 *     manifest_files_free(&files);                                   // on failure, too
 *     manifest_origin_free(&origin);
 *
 * Files come sorted by path. A folder may lie in a git work tree, and what was read is then held
 * against its last commit. A repository is read at a revision, from its objects: there need be no
 * checkout, and no hook, filter or network is involved.
 *
 * Files of a folder that can't be read are errors in diag, and all others are read; entries that
 * are passed over though they look like manifests are warnings in it. What is wrong with the folder
 * as a whole, or with a repository, is the failure: ERR_CONFIG, with the place and what to do.
 * Called from one thread at a time.
 */
#ifndef SPOOLGATE_MANIFEST_SOURCE_H
#define SPOOLGATE_MANIFEST_SOURCE_H

#include "base/err.h"
#include "config/config.h"
#include "manifest/files.h"
#include "yaml/diag.h"

struct manifest_origin {
    /* The commit's 40 digits; with "+dirty" behind them where what was read differs from the
     * commit; "sha256:HEX" of the files where no commit has them; "" where no manifests are
     * configured. */
    char rev[80];
    char *text; /* for people: "/etc/spoolgate/manifests", "/srv/repo.git at main" */
};

struct err manifest_read(const struct config *config, struct manifest_files *files,
                         struct manifest_origin *origin, struct yaml_diag *diag);
void manifest_origin_free(struct manifest_origin *origin);

/* A folder alone, for `lint DIR`: its streams/, gates/, sinks/, embedders/ and templates/. */
struct err manifest_read_dir(const char *dir, struct manifest_files *files, struct yaml_diag *diag);

#endif
