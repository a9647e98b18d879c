/* SPDX-License-Identifier: MIT */
/*
 * glob: does a path fit a pattern, as .gitignore has them? Pure.
 *
 *     if (glob_matches("docs/en", "docs/en/start.md", false)) ...
 *
 * Without a slash inside, the pattern is a name, of a file or a folder, wherever it stands: `*.md`,
 * `node_modules`. With one, it begins at the top: `docs/en`, `/README`. `*` and `?` stay within a
 * name; `**`, alone between slashes, stands for any number of folders, none included; `[a-z]` and
 * `[!a-z]` are one of the bytes; `\` takes what follows as it is. What fits a folder fits all that
 * is in it; with a slash at its end the pattern fits folders only. Paths are bytes, relative,
 * without `.` and `..`. Time is bounded, however many stars there are.
 */
#ifndef SPOOLGATE_INDEX_GLOB_H
#define SPOOLGATE_INDEX_GLOB_H

#include <stdbool.h>

bool glob_matches(const char *pattern, const char *path, bool is_folder);

#endif
