/* SPDX-License-Identifier: MIT */
/*
 * file: the text of an asset whose uri is a file on this machine, under one of the folders that the
 * configuration allows (knowledge.roots).
 *
 *     enum kb_file found = kb_file_read(roots, uri, len, most, &text, problem);
 *
 * uri: an absolute path, or file:///PATH with %XX. The path is opened below its root and the kernel
 * sees to it that no symbolic link or `..` leads out of there (openat2, RESOLVE_BENEATH). Where no
 * root is configured, files are read nowhere, and such a uri is like any other.
 *
 * What is wrong with a file is its producer's fault; a root that isn't there (a share that isn't
 * mounted), a disk that can't be read and a process without a descriptor left are nobody's, and
 * end.
 */
#ifndef SPOOLGATE_KB_FILE_H
#define SPOOLGATE_KB_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum kb_file {
    KB_FILE_READ,
    KB_FILE_REMOTE,  /* the uri is no file's: its text is elsewhere */
    KB_FILE_REFUSED, /* problem says why: outside the roots, not a regular file, too long, ... */
    KB_FILE_FAILED,  /* it may be fine: problem says what keeps it from being read just now */
};

#define KB_FILE_PROBLEM 160

/* roots: absolute, ends with NULL; may be NULL. The file's bytes, of any sort, join the text; only
 * looked for where text is NULL. */
enum kb_file kb_file_read(const char *const *roots, const void *uri, size_t uri_len, uint64_t most,
                          struct buf *text, char problem[KB_FILE_PROBLEM]);

#endif
