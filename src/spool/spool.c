/* SPDX-License-Identifier: MIT */
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/durable.h"

static const struct {
    const char *name;
    size_t descriptor; /* offset in struct spool */
} folders[] = {
    {"tmp", offsetof(struct spool, tmp)},
    {"incoming", offsetof(struct spool, incoming)},
    {"processing", offsetof(struct spool, processing)},
    {"archive", offsetof(struct spool, archive)},
    {"failed", offsetof(struct spool, failed)},
};
enum { FOLDERS = sizeof folders / sizeof *folders };

static int *descriptor_of(struct spool *s, size_t i)
{
    return (int *)((char *)s + folders[i].descriptor);
}

static struct err open_folder(const struct spool *s, const char *name, bool create, int *fd)
{
    if (create)
        return durable_open_folder(s->root, name, fd);
    *fd = openat(s->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return err_system(ERR_SPOOL, errno, "can't open spool folder %s/%s", s->path, name);
    return ERR_OK;
}

/* Renames are only atomic inside one file system, and the whole design rests on them. */
static struct err check_device(const struct spool *s, const char *name, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_system(ERR_SPOOL, errno, "can't look at %s/%s", s->path, name);
    if (st.st_dev != s->device)
        return err_make(ERR_CONFIG,
                        "%s/%s is on another file system than %s: segments move by rename, so the "
                        "whole spool must be on one",
                        s->path, name, s->path);
    return ERR_OK;
}

static struct err read_id(struct spool *s)
{
    int fd = openat(s->root, ".id", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return err_make(
            ERR_SPOOL,
            "%s has no .id yet: `spoolgate run` or `drain` makes it when it first starts", s->path);
    if (fd < 0)
        return err_system(ERR_SPOOL, errno, "can't read %s/.id", s->path);
    char text[UUID_TEXT] = "";
    ssize_t n = read(fd, text, UUID_TEXT - 1);
    (void)close(fd);
    struct uuid id;
    if (n != UUID_TEXT - 1 || !uuid_parse(text, &id))
        return err_make(ERR_SPOOL,
                        "%s/.id is not a spool's id: put back the one that its receipts carry "
                        "(ingestion_manifest.spool_id), or remove it if there are none",
                        s->path);
    (void)uuid_format(&id, s->id);
    return ERR_OK;
}

/* A producer may write into tmp/ and incoming/ alone. */
static bool is_producer(const struct spool *s)
{
    return faccessat(s->root, ".", W_OK, AT_EACCESS) != 0 && errno == EACCES;
}

static struct err ensure_id(struct spool *s, bool create)
{
    if (create && faccessat(s->root, ".id", F_OK, 0) != 0 && errno == ENOENT) {
        if (is_producer(s))
            return ERR_OK;
        struct uuid id = uuid_new();
        char text[UUID_TEXT + 1];
        (void)uuid_format(&id, text);
        (void)strcat(text, "\n");
        struct durable_file f;
        TRY(durable_create(&f, s->tmp));
        struct err e = durable_write(f.fd, text, strlen(text));
        if (err_is(&e)) {
            durable_discard(&f);
            return e;
        }
        e = durable_publish(&f, s->root, ".id");
        /* Another process may have been first: then its id counts. */
        if (err_is(&e) && faccessat(s->root, ".id", F_OK, 0) != 0)
            return e;
    }
    return read_id(s);
}

static struct err open_tree(struct spool *s, bool create)
{
    struct stat st;
    if (create && mkdir(s->path, 0770) != 0 && errno != EEXIST)
        return err_system(ERR_SPOOL, errno, "can't create the spool %s", s->path);
    s->root = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->root < 0 && errno == EACCES)
        return err_make(ERR_SPOOL,
                        "can't open the spool %s: Permission denied. Producers are in its group, "
                        "from their next login on",
                        s->path);
    if (s->root < 0 || fstat(s->root, &st) != 0)
        return err_system(ERR_SPOOL, errno, "can't open the spool %s", s->path);
    s->device = st.st_dev;
    for (size_t i = 0; i < FOLDERS; i++) {
        TRY(open_folder(s, folders[i].name, create, descriptor_of(s, i)));
        TRY(check_device(s, folders[i].name, *descriptor_of(s, i)));
    }
    return ensure_id(s, create);
}

/* Nothing open: closing it is harmless. */
static void clear(struct spool *s, char *path)
{
    *s = (struct spool){.path = path, .root = -1, .lock = -1};
    for (size_t i = 0; i < FOLDERS; i++)
        *descriptor_of(s, i) = -1;
}

struct err spool_open(struct spool *s, const char *path, bool create)
{
    clear(s, mem_strdup(path));
    struct err e = open_tree(s, create);
    if (err_is(&e))
        spool_close(s);
    return e;
}

struct err spool_follow_incoming(const struct spool *s)
{
    struct stat there;
    struct stat ours;
    int fd;
    if (fstatat(s->root, "incoming", &there, AT_SYMLINK_NOFOLLOW) != 0 ||
        fstat(s->incoming, &ours) != 0)
        return err_system(ERR_SPOOL, errno, "can't look at %s/incoming", s->path);
    if (there.st_dev == ours.st_dev && there.st_ino == ours.st_ino)
        return ERR_OK;
    TRY(open_folder(s, "incoming", false, &fd));
    struct err e = check_device(s, "incoming", fd);
    /* The number stays: other threads use it meanwhile. */
    if (!err_is(&e) && dup3(fd, s->incoming, O_CLOEXEC) < 0)
        e = err_system(ERR_SPOOL, errno, "can't follow incoming/");
    (void)close(fd);
    return e;
}

void spool_close(struct spool *s)
{
    for (size_t i = 0; i < FOLDERS; i++)
        if (*descriptor_of(s, i) >= 0)
            (void)close(*descriptor_of(s, i));
    if (s->root >= 0)
        (void)close(s->root);
    if (s->lock >= 0)
        (void)close(s->lock);
    free(s->path);
    clear(s, NULL);
}

struct err spool_lock(struct spool *s)
{
    char holder[128] = "";
    int fd = openat(s->root, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (fd < 0)
        return err_system(ERR_SPOOL, errno, "can't open %s/.lock", s->path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int number = errno;
        ssize_t n = read(fd, holder, sizeof holder - 1);
        (void)close(fd);
        if (number != EWOULDBLOCK)
            return err_system(ERR_SPOOL, number, "can't lock %s/.lock", s->path);
        if (n <= 0)
            (void)strcpy(holder, "another process");
        return err_make(ERR_BUSY, "spool %s is in use by %s", s->path, holder);
    }
    char host[64] = "";
    char text[128];
    (void)gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "pid %d on %s\n", (int)getpid(), host);
    /* The text only helps people; the flock is the lock. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        (void)0;
    s->lock = fd;
    return ERR_OK;
}

void spool_gate_folder(const struct spool *s, const char *gate, char folder[SPOOL_GATE])
{
    if (strcmp(gate, SPOOL_DEFAULT_GATE) == 0)
        folder[0] = '\0';
    else if (s->names.folder_of)
        s->names.folder_of(s->names.context, gate, folder);
    else
        (void)snprintf(folder, SPOOL_GATE, "%s", gate);
}

struct err spool_open_gate(const struct spool *s, const char *gate, bool create, int *fd)
{
    char folder[SPOOL_GATE];
    spool_gate_folder(s, gate, folder);
    if (!*folder) {
        *fd = openat(s->incoming, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *fd < 0 ? err_system(ERR_SPOOL, errno, "can't open %s/incoming", s->path) : ERR_OK;
    }
    if (create)
        return durable_open_folder(s->incoming, folder, fd);
    *fd = openat(s->incoming, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return err_system(ERR_SPOOL, errno, "can't open %s/incoming/%s", s->path, folder);
    return ERR_OK;
}

struct err spool_hold(const struct spool *s, const char *gate, bool hold)
{
    int folder;
    struct err e = durable_open_folder(s->root, ".hold", &folder);
    if (err_is(&e))
        return e;
    if (hold)
        e = durable_replace(folder, gate, "", 0);
    else if (unlinkat(folder, gate, 0) != 0 && errno != ENOENT)
        e = err_system(ERR_SPOOL, errno, "can't release gate %s", gate);
    else
        e = durable_sync(folder);
    (void)close(folder);
    return e;
}

bool spool_is_held(const struct spool *s, const char *gate)
{
    char path[SPOOL_GATE + 8];
    (void)snprintf(path, sizeof path, ".hold/%s", gate);
    return faccessat(s->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
