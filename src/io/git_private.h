/* SPDX-License-Identifier: MIT */
/* git_private: what git.c and git_compare.c share. */
#ifndef SPOOLGATE_IO_GIT_PRIVATE_H
#define SPOOLGATE_IO_GIT_PRIVATE_H

#include "io/git.h"

/* ERR_CONFIG: "git repository NAME: can't WHAT: " and libgit2's last words. */
struct err gitrepo_failed(const struct gitrepo *repo, const char *what);

#endif
