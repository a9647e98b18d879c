/* SPDX-License-Identifier: MIT */
/*
 * durable: the only place that renames or fsyncs.
 *
 *     struct durable_file f;
 *     TRY(durable_create(&f, tmp_dir));                        // an invisible name in tmp_dir
 *     ... write to f.fd ...
 *     TRY(durable_publish(&f, incoming_dir, "a.msgpack"));     // fsync, rename, folder fsync
 *     durable_discard(&f);                                     // always; no-op once published
 *
 * Folders are given as descriptors and names relative to them. Failures are ERR_SPOOL, with the
 * name (percent-encoded) and what to do where that is known.
 */
#ifndef SPOOLGATE_IO_DURABLE_H
#define SPOOLGATE_IO_DURABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct durable_file {
    int fd; /* for writing; -1 when there is nothing to discard */
    int dir;
    char name[64];
    bool is_published; /* renamed, though the folder's fsync may have failed */
};

struct err durable_create(struct durable_file *f, int dir);
/* The same under the name .PREFIXuuid.tmp, by which its writer knows its own again. */
struct err durable_create_as(struct durable_file *f, int dir, const char *prefix);
/* Never replaces: a taken name is ERR_SPOOL. The descriptor is closed. */
struct err durable_publish(struct durable_file *f, int dir, const char *name);
void durable_discard(struct durable_file *f);

/* All of write(2): no short writes, no EINTR. */
struct err durable_write(int fd, const void *bytes, size_t len);

/* A small file in one go: what stood under the name is replaced, whole or not at all. */
struct err durable_replace(int dir, const char *name, const void *bytes, size_t len);

/*
 * One rename, never over something else: renameat2(RENAME_NOREPLACE), or link + unlink where the
 * file system lacks it. *taken (may be NULL) tells "the target exists" from other failures. No
 * fsync: the caller syncs both folders once when its batch of renames is done.
 */
struct err durable_move(int from_dir, const char *from, int to_dir, const char *to, bool *taken);

struct err durable_sync(int fd); /* a file or a folder */

/* mkdirat(), with a mode that follows the folder that it is in, less the umask. */
int durable_make_folder(int dir, const char *name);

/* Creates the folder where it is missing and opens it. The umask takes nothing from its mode. */
struct err durable_open_folder(int dir, const char *name, int *fd);

#endif
