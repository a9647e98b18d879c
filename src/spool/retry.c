/* SPDX-License-Identifier: MIT */
#include "spool/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "io/durable.h"
#include "spool/claim.h"
#include "spool/name.h"
#include "spool/retired.h"
#include "spool/scan.h"

struct put_back {
    const struct spool *spool;
    const char *batch;
    int incoming;
    bool from_failed, only_rejects;
    struct retry_result *result;
};

/* The reason goes after its segment has gone: a note without a segment says nothing wrong. */
static void forget_reason(int folder, const char *name)
{
    char reason[NAME_BYTES];
    name_of_reason(name, reason);
    (void)unlinkat(folder, reason, 0);
}

struct entry {
    char *name;
    int64_t modified_us;
};

struct entries {
    struct entry *items;
    size_t count, cap;
};

static struct err list_segment(void *context, int folder, const char *name)
{
    struct entries *list = context;
    struct stat st;
    if (name_kind(name) != NAME_SEGMENT || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ERR_OK;
    struct entry *entry = MEM_PUSH(list->items, list->count, list->cap);
    *entry = (struct entry){.name = mem_strdup(name), .modified_us = scan_modified_time(&st)};
    return ERR_OK;
}

/* As the scan of an ordered gate has them (scan.h). */
static int by_modification(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->modified_us != y->modified_us)
        return x->modified_us < y->modified_us ? -1 : 1;
    return strcmp(x->name, y->name);
}

static struct err put_back(struct put_back *p, int folder, const char *name)
{
    char retried[NAME_BYTES];
    bool is_rejects = p->from_failed && strcmp(name, CLAIM_REJECTS) == 0;
    if (p->only_rejects && !is_rejects)
        return ERR_OK;
    if (is_rejects) {
        name_of_retry(p->batch, retried);
        TRY(claim_move_back(folder, name, p->incoming, retried, p->batch));
        p->result->rejects++;
        return ERR_OK;
    }
    TRY(claim_move_back(folder, name, p->incoming, name, p->batch));
    forget_reason(folder, name);
    p->result->segments++;
    return ERR_OK;
}

/* The oldest first: a daemon that is at work claims them as they come, and to an ordered gate a
 * newer row that came before an older one is lost. */
static struct err put_back_all(struct put_back *p, int folder)
{
    struct entries list = {0};
    struct err e = scan_folder(folder, list_segment, &list);
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, by_modification);
    for (size_t i = 0; i < list.count; i++) {
        if (!err_is(&e))
            e = put_back(p, folder, list.items[i].name);
        free(list.items[i].name);
    }
    free(list.items);
    return e;
}

/* All of one folder; what is empty afterwards goes away. */
static struct err put_back_folder(struct put_back *p, const char *gate, int parent,
                                  const char *folder_name)
{
    int folder = openat(parent, folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return err_system(ERR_SPOOL, errno, "can't open the folder of batch %s", p->batch);
    struct err e = spool_open_gate(p->spool, gate, true, &p->incoming);
    if (!err_is(&e)) {
        e = put_back_all(p, folder);
        if (!err_is(&e))
            e = durable_sync(p->incoming);
        if (!err_is(&e))
            e = durable_sync(folder);
        (void)close(p->incoming);
    }
    (void)close(folder);
    if (!err_is(&e))
        claim_remove_folder(parent, folder_name);
    return e;
}

struct err retry_failed(const struct spool *s, const char *batch, const char *gate,
                        bool only_rejects, struct retry_result *result)
{
    struct put_back p = {.spool = s,
                         .batch = batch,
                         .from_failed = true,
                         .only_rejects = only_rejects,
                         .result = result};
    uint64_t before = result->segments + result->rejects;
    if (faccessat(s->failed, batch, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return err_make(ERR_USAGE,
                        "there is no %s/failed/%s: nothing of that batch failed, or it was "
                        "retried already",
                        s->path, batch);
    TRY(put_back_folder(&p, gate, s->failed, batch));
    if (result->segments + result->rejects == before)
        return err_make(ERR_USAGE, "%s/failed/%s holds nothing to retry", s->path, batch);
    result->batches++;
    return ERR_OK;
}

static struct err retry_archived_batch(const struct spool *s, const struct retired_batch *b,
                                       struct retry_result *result)
{
    char batch[UUID_TEXT];
    char gate[SPOOL_GATE];
    const char *path = b->path;
    struct put_back p = {.spool = s, .batch = uuid_format(&b->id, batch), .result = result};
    if (faccessat(s->root, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return ERR_OK; /* pruned since it was listed */
    TRY(claim_gate_of(s->root, path, gate));
    TRY(put_back_folder(&p, gate, s->root, path));
    result->batches++;
    return ERR_OK;
}

/* The list is made first: what a daemon beside us archives anew would be offered again and again,
 * and be loaded each time where the gate's `dedupe` is off. */
struct err retry_archived(const struct spool *s, int64_t since_us, struct retry_result *result)
{
    struct retired r;
    struct err e = retired_list(s, "archive", &r);
    for (size_t i = 0; i < r.count && !err_is(&e); i++)
        if (uuid_v7_ms(&r.items[i].id) * TIME_US_PER_MS >= since_us)
            e = retry_archived_batch(s, &r.items[i], result);
    retired_free(&r);
    return e;
}
