/* SPDX-License-Identifier: MIT */
#include "spool/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "spool/claim.h"
#include "spool/scan.h"

struct old_batch {
    char path[64 + UUID_TEXT]; /* below the spool */
    struct uuid id;
    uint64_t bytes;
};

struct collection {
    const struct spool *spool;
    char path[64 + UUID_TEXT]; /* of the folder in hand */
    struct old_batch *batches;
    size_t count, cap;
};

static struct err add_size(void *context, int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *(uint64_t *)context += (uint64_t)st.st_size;
    return ERR_OK;
}

static struct err visit_entries(const struct spool *s, const char *path,
                                struct err (*visit)(void *, int, const char *), void *context)
{
    int folder = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? ERR_OK
                   : err_system(ERR_SPOOL, errno, "can't open %s/%s", s->path, path);
    struct err e = scan_folder(folder, visit, context);
    (void)close(folder);
    return e;
}

/* Batches are found by their names, which are ids; folders of another name are years, months and
 * days of the archive. Anything else isn't ours. */
static struct err collect(void *context, int folder, const char *name)
{
    struct collection *c = context;
    struct uuid id;
    size_t len = strlen(c->path);
    (void)folder;
    if (len + 1 + strlen(name) >= sizeof c->path)
        return ERR_OK;
    (void)snprintf(c->path + len, sizeof c->path - len, "/%s", name);
    struct err e = ERR_OK;
    if (uuid_parse(name, &id)) {
        struct old_batch *b = MEM_PUSH(c->batches, c->count, c->cap);
        *b = (struct old_batch){.id = id};
        (void)snprintf(b->path, sizeof b->path, "%s", c->path);
        e = visit_entries(c->spool, c->path, add_size, &b->bytes);
    } else if (strspn(name, "0123456789") == strlen(name)) {
        e = visit_entries(c->spool, c->path, collect, c);
    }
    c->path[len] = '\0';
    return e;
}

static struct err remove_file(void *context, int folder, const char *name)
{
    (void)context;
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
        return err_system(ERR_SPOOL, errno, "can't prune an old batch's file");
    return ERR_OK;
}

/* The day's folder goes with its last batch, the month's with its last day, and so on. */
static void remove_empty_parents(const struct spool *s, char *path)
{
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        if (unlinkat(s->root, path, AT_REMOVEDIR) != 0)
            return;
        *slash = '\0';
    }
}

static struct err remove_batch(const struct spool *s, struct old_batch *b)
{
    TRY(visit_entries(s, b->path, remove_file, NULL));
    remove_empty_parents(s, b->path);
    return ERR_OK;
}

static int by_age(const void *a, const void *b)
{
    return memcmp(&((const struct old_batch *)a)->id, &((const struct old_batch *)b)->id,
                  sizeof(struct uuid));
}

static struct err prune_folder(const struct spool *s, const char *folder,
                               const struct prune_rules *rules, struct prune_result *result)
{
    struct collection c = {.spool = s};
    uint64_t total = 0;
    (void)snprintf(c.path, sizeof c.path, "%s", folder);
    struct err e = visit_entries(s, folder, collect, &c);
    if (c.count > 0)
        qsort(c.batches, c.count, sizeof *c.batches, by_age);
    for (size_t i = 0; i < c.count; i++)
        total += c.batches[i].bytes;
    for (size_t i = 0; i < c.count && !err_is(&e); i++) {
        struct old_batch *b = &c.batches[i];
        bool too_old = uuid_v7_ms(&b->id) * TIME_US_PER_MS < rules->before_us;
        bool too_much = rules->keep_bytes > 0 && total > rules->keep_bytes;
        if (!too_old && !too_much)
            break;
        e = remove_batch(s, b);
        total -= b->bytes;
        result->batches++;
        result->bytes += b->bytes;
    }
    free(c.batches);
    return e;
}

struct err prune_archive(const struct spool *s, const struct prune_rules *rules,
                         struct prune_result *result)
{
    return prune_folder(s, "archive", rules, result);
}

struct err prune_failed(const struct spool *s, const struct prune_rules *rules,
                        struct prune_result *result)
{
    return prune_folder(s, "failed", rules, result);
}
