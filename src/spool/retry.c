/* SPDX-License-Identifier: MIT */
#include "spool/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "io/durable.h"
#include "spool/claim.h"
#include "spool/name.h"
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

static struct err put_back(void *context, int folder, const char *name)
{
    struct put_back *p = context;
    char retried[NAME_BYTES];
    bool is_rejects = p->from_failed && strcmp(name, CLAIM_REJECTS) == 0;
    if (name_kind(name) != NAME_SEGMENT || (p->only_rejects && !is_rejects))
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

/* All of one folder; what is empty afterwards goes away. */
static struct err put_back_folder(struct put_back *p, const char *gate, int parent,
                                  const char *folder_name)
{
    int folder = openat(parent, folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return err_system(ERR_SPOOL, errno, "can't open the folder of batch %s", p->batch);
    struct err e = spool_open_gate(p->spool, gate, true, &p->incoming);
    if (!err_is(&e)) {
        e = scan_folder(folder, put_back, p);
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

struct archive_walk {
    const struct spool *spool;
    int64_t since_us;
    int level; /* 0: years, 1: months, 2: days, 3: batches */
    struct retry_result *result;
};

static struct err retry_archived_batch(const struct archive_walk *w, int day, const char *name)
{
    struct put_back p = {.spool = w->spool, .batch = name, .result = w->result};
    char gate[SPOOL_GATE];
    struct uuid id;
    if (!uuid_parse(name, &id) || uuid_v7_ms(&id) * TIME_US_PER_MS < w->since_us)
        return ERR_OK;
    TRY(claim_gate_of(day, name, gate));
    TRY(put_back_folder(&p, gate, day, name));
    w->result->batches++;
    return ERR_OK;
}

static struct err walk_archive(void *context, int folder, const char *name)
{
    const struct archive_walk *w = context;
    if (w->level == 3)
        return retry_archived_batch(w, folder, name);
    int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (next < 0)
        return ERR_OK; /* not a folder: not ours */
    struct archive_walk deeper = *w;
    deeper.level++;
    struct err e = scan_folder(next, walk_archive, &deeper);
    (void)close(next);
    return e;
}

struct err retry_archived(const struct spool *s, int64_t since_us, struct retry_result *result)
{
    struct archive_walk w = {.spool = s, .since_us = since_us, .result = result};
    return scan_folder(s->archive, walk_archive, &w);
}
