/* SPDX-License-Identifier: MIT */
#include "io/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pulse.h"
#include "base/str.h"
#include "base/uuid.h"

static struct err failure(int number, const char *doing, const char *name)
{
    struct buf text = {0};
    str_percent_encode(&text, name);
    struct err e = err_system(ERR_SPOOL, number, "can't %s %s", doing, buf_cstr(&text));
    buf_free(&text);
    return e;
}

/* Of a descriptor, whose name the kernel knows. */
static struct err failure_of(int number, const char *doing, int fd)
{
    char link[32];
    char path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    return failure(number, doing, n < 0 ? "a file" : path);
}

struct err durable_create_as(struct durable_file *f, int dir, const char *prefix)
{
    char id[UUID_TEXT];
    struct uuid unique = uuid_new();
    *f = (struct durable_file){.dir = dir};
    (void)snprintf(f->name, sizeof f->name, ".%s%s.tmp", prefix, uuid_format(&unique, id));
    f->fd = openat(dir, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    return f->fd < 0 ? failure(errno, "create", f->name) : ERR_OK;
}

struct err durable_create(struct durable_file *f, int dir)
{
    return durable_create_as(f, dir, "");
}

struct err durable_write(int fd, const void *bytes, size_t len)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failure_of(n == 0 ? ENOSPC : errno, "write", fd);
        p += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

struct err durable_sync(int fd)
{
    struct err e = ERR_OK;
    pulse_wait(); /* as long as the disk takes */
    while (!err_is(&e) && fsync(fd) != 0)
        if (errno != EINTR)
            e = failure_of(errno, "fsync", fd);
    pulse_go_on();
    return e;
}

static struct err sync_and_close(struct durable_file *f)
{
    struct err e = durable_sync(f->fd);
    if (close(f->fd) != 0 && !err_is(&e))
        e = failure(errno, "close", f->name);
    f->fd = -1;
    return e;
}

struct err durable_publish(struct durable_file *f, int dir, const char *name)
{
    bool taken = false;
    struct err e = durable_sync(f->fd);
    if (!err_is(&e))
        e = durable_move(f->dir, f->name, dir, name, &taken);
    /* Only now: the caller's lock on it says that the draft is somebody's until it has its name.
     * What close() might say of the bytes, fsync() has said. */
    (void)close(f->fd);
    f->fd = -1;
    if (err_is(&e)) {
        (void)unlinkat(f->dir, f->name, 0);
        return e;
    }
    f->is_published = true;
    return durable_sync(dir);
}

void durable_discard(struct durable_file *f)
{
    if (f->fd < 0)
        return;
    (void)close(f->fd);
    (void)unlinkat(f->dir, f->name, 0);
    f->fd = -1;
}

struct err durable_replace(int dir, const char *name, const void *bytes, size_t len)
{
    struct durable_file f;
    TRY(durable_create(&f, dir));
    struct err e = durable_write(f.fd, bytes, len);
    if (err_is(&e)) {
        durable_discard(&f);
        return e;
    }
    e = sync_and_close(&f);
    if (!err_is(&e) && renameat(dir, f.name, dir, name) != 0)
        e = failure(errno, "rename to", name);
    if (err_is(&e)) {
        (void)unlinkat(dir, f.name, 0);
        return e;
    }
    return durable_sync(dir);
}

static bool is_same_file(int a_dir, const char *a, int b_dir, const char *b)
{
    struct stat x;
    struct stat y;
    return fstatat(a_dir, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(b_dir, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static bool is_folder(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Neither NFS nor some FUSE file systems know RENAME_NOREPLACE. A folder is never renamed over one
 * that has something in it. link() refuses a taken name; one that is taken by the same file was
 * left by a crash between the two calls. */
static int move_without_flag(int from_dir, const char *from, int to_dir, const char *to)
{
    if (is_folder(from_dir, from)) {
        int r = renameat(from_dir, from, to_dir, to);
        if (r != 0 && (errno == ENOTEMPTY || errno == ENOTDIR))
            errno = EEXIST;
        return r;
    }
    int r = linkat(from_dir, from, to_dir, to, 0);
    if (r != 0 && errno == EEXIST) {
        r = is_same_file(from_dir, from, to_dir, to) ? 0 : -1;
        errno = EEXIST;
    }
    return r == 0 ? unlinkat(from_dir, from, 0) : r;
}

struct err durable_move(int from_dir, const char *from, int to_dir, const char *to, bool *taken)
{
    int r = renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);
    if (r != 0 && (errno == EINVAL || errno == ENOSYS))
        r = move_without_flag(from_dir, from, to_dir, to);
    if (taken)
        *taken = r != 0 && errno == EEXIST;
    return r == 0 ? ERR_OK : failure(errno, "move", from);
}

/* The group may do in it what it may do beside it. Where a sticky folder keeps producers from each
 * other's files, one of ours in it does, too; one that a producer makes doesn't, or its files
 * couldn't be claimed: in a sticky folder only its owner moves others' files. */
static int mode_beside(int dir, mode_t *mode)
{
    struct stat parent;
    if (fstat(dir, &parent) != 0)
        return -1;
    *mode = 0700 | (parent.st_mode & S_IRWXG);
    if (parent.st_uid == geteuid())
        *mode |= parent.st_mode & S_ISVTX;
    return 0;
}

int durable_make_folder(int dir, const char *name)
{
    mode_t mode;
    return mode_beside(dir, &mode) != 0 ? -1 : mkdirat(dir, name, mode);
}

/* What a producer's umask (022, mostly) took away: the daemon couldn't claim from its folder. */
static void restore_mode(int dir, int fd)
{
    struct stat st;
    mode_t mode;
    if (mode_beside(dir, &mode) == 0 && fstat(fd, &st) == 0 && (st.st_mode & mode) != mode)
        (void)fchmod(fd, (st.st_mode & 07777) | mode);
}

struct err durable_open_folder(int dir, const char *name, int *fd)
{
    bool made = durable_make_folder(dir, name) == 0;
    if (!made && errno != EEXIST)
        return failure(errno, "create folder", name);
    *fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return failure(errno, "open folder", name);
    if (!made)
        return ERR_OK;
    restore_mode(dir, *fd);
    return durable_sync(dir);
}
