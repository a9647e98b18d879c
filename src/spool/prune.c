/* SPDX-License-Identifier: MIT */
#include "spool/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/retired.h"
#include "spool/scan.h"

static void keep_first(struct err *first, const struct err *e)
{
    if (!err_is(first))
        *first = *e;
}

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

/* A folder in a batch's is somebody else's: it stays, and keeps the batch's folder. */
static struct err remove_file(void *context, int folder, const char *name)
{
    (void)context;
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT && errno != EISDIR)
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

static struct err remove_batch(const struct spool *s, struct retired_batch *b, bool *gone)
{
    struct stat st;
    char parents[RETIRED_PATH];
    TRY(visit_entries(s, b->path, remove_file, NULL));
    (void)strcpy(parents, b->path);
    remove_empty_parents(s, parents);
    *gone = fstatat(s->root, b->path, &st, AT_SYMLINK_NOFOLLOW) != 0;
    if (!*gone)
        LOG_WARN("an old batch's folder stays: something in it isn't ours",
                 LOG_STR("folder", b->path));
    return ERR_OK;
}

static bool is_too_old(const struct retired_batch *b, const struct prune_rules *rules)
{
    return uuid_v7_ms(&b->id) * TIME_US_PER_MS < rules->before_us;
}

/* One batch that can't be removed keeps nobody from the others. It counts as if it had gone: those
 * that are newer must not go in its place. */
static struct err prune_folder(const struct spool *s, const char *folder,
                               const struct prune_rules *rules, struct prune_result *result)
{
    struct retired r;
    uint64_t total = 0;
    TRY(retired_list(s, folder, &r));
    uint64_t *bytes = mem_calloc(r.count, sizeof *bytes);
    struct err first = ERR_OK;
    for (size_t i = 0; i < r.count; i++) {
        if (rules->keep_bytes == 0 && !is_too_old(&r.items[i], rules))
            break; /* nobody asks for the size of what stays */
        struct err e = visit_entries(s, r.items[i].path, add_size, &bytes[i]);
        keep_first(&first, &e);
        total += bytes[i];
    }
    for (size_t i = 0; i < r.count; i++) {
        bool too_much = rules->keep_bytes > 0 && total > rules->keep_bytes;
        bool gone = false;
        if (!is_too_old(&r.items[i], rules) && !too_much)
            break;
        struct err e = remove_batch(s, &r.items[i], &gone);
        keep_first(&first, &e);
        total -= bytes[i];
        result->batches += gone;
        result->bytes += gone ? bytes[i] : 0;
    }
    free(bytes);
    retired_free(&r);
    return first;
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
