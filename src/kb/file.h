/* SPDX-License-Identifier: MIT */
/*
 * file: the text of an asset whose uri is a file on this machine, under one of the folders that the
 * configuration allows (knowledge.roots).
 *
 *     enum kb_file found = kb_file_read(roots, uri, len, most, &text, problem);
 *
 * uri: an absolute path, or file:///PATH with %XX. The path is opened below its root and the kernel
 * sees to it that no symbolic link, `..` or mount leads out of there (openat2, RESOLVE_BENEATH).
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
};

enum kb_file kb_file_read(const char *const *roots, const void *uri, size_t uri_len, uint64_t most,
                          struct buf *text, char problem[200]);

#endif
