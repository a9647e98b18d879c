/* SPDX-License-Identifier: MIT */
/*
 * select: which files of a folder or repository are documents, as far as their names and lengths
 * tell. Pure.
 *
 *     struct selection s = {.include = include, .most = limits.string_bytes};
 *     if (selection_takes(&s, "docs/start.md")) ...
 *     selection_print(&s, &text);              // what is recorded beside the commit
 *     TRY(selection_read(&before, text));      // and read again; selection_free(&before)
 */
#ifndef SPOOLGATE_INDEX_SELECT_H
#define SPOOLGATE_INDEX_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct selection {
    const char *const *include; /* patterns, see glob.h; ends with NULL. NULL or empty: all files */
    const char *const *exclude; /* of these, not those */
    bool is_hidden;             /* also what begins with a dot, or lies in such a folder */
    uint64_t most;              /* bytes of a file */

    struct arena arena; /* private: of one that was read */
};

/* path: relative to the top. */
bool selection_takes(const struct selection *s, const char *path);
/* False: nothing in the folder is taken. */
bool selection_enters(const struct selection *s, const char *folder);

/* The same text for the same selection. Patterns that aren't UTF-8 are percent-encoded. */
void selection_print(const struct selection *s, struct buf *out);
/* ERR_CONFIG where the text is none of ours. */
struct err selection_read(struct selection *s, const char *text);
void selection_free(struct selection *s);

#endif
