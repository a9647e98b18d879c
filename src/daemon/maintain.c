/* SPDX-License-Identifier: MIT */
#include "daemon/maintain.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "db/queries.h"
#include "spool/prune.h"
#include "spool/scan.h"

bool maintain_is_wanted(const struct keep_rules *keep)
{
    return keep->archive_us || keep->archive_bytes || keep->failed_us || keep->failed_bytes ||
           keep->receipts_us || keep->rejects_us;
}

static struct prune_rules rules_for(int64_t keep_us, uint64_t keep_bytes)
{
    return (struct prune_rules){.before_us = keep_us > 0 ? time_now() - keep_us : INT64_MIN,
                                .keep_bytes = keep_bytes};
}

static struct err prune_spool(const struct maintain *m, struct prune_result *result)
{
    const struct keep_rules *k = m->keep;
    struct prune_rules archive = rules_for(k->archive_us, k->archive_bytes);
    struct prune_rules failed = rules_for(k->failed_us, k->failed_bytes);
    if (k->archive_us || k->archive_bytes)
        TRY(prune_archive(m->spool, &archive, result));
    if (k->failed_us || k->failed_bytes)
        TRY(prune_failed(m->spool, &failed, result));
    return ERR_OK;
}

/* Statements of a bounded number of rows each, until one finds none. */
static struct err delete_some(struct pg *pg, const char *sql, int count, const char *const *params,
                              uint64_t *deleted)
{
    uint64_t some;
    do {
        PGresult *result;
        TRY(pg_query(pg, sql, count, params, &result));
        some = strtoull(PQcmdTuples(result), NULL, 10);
        PQclear(result);
        *deleted += some;
    } while (some > 0);
    return ERR_OK;
}

static struct err prune_rejects(const struct maintain *m, struct pg *pg, uint64_t *deleted)
{
    char before[TIME_TEXT];
    if (m->keep->rejects_us == 0)
        return ERR_OK;
    (void)time_format(time_now() - m->keep->rejects_us, before);
    return delete_some(pg, sql_reject_prune, PG_PARAMS(before, m->spool->id), deleted);
}

/* Batches that still wait in failed/ for a retry: `retry` finds them by their receipts. */
static struct err waiting_in_failed(const struct spool *s, struct buf *array)
{
    struct uuid *ids;
    size_t count;
    char id[UUID_TEXT];
    TRY(scan_batches(s->failed, &ids, &count));
    buf_byte(array, '{');
    for (size_t i = 0; i < count; i++)
        buf_printf(array, "%s%s", i > 0 ? "," : "", uuid_format(&ids[i], id));
    buf_byte(array, '}');
    free(ids);
    return ERR_OK;
}

static struct err prune_receipts(const struct maintain *m, struct pg *pg, uint64_t *deleted)
{
    char before[TIME_TEXT];
    struct buf kept = {0};
    if (m->keep->receipts_us == 0)
        return ERR_OK;
    (void)time_format(time_now() - m->keep->receipts_us, before);
    struct err e = waiting_in_failed(m->spool, &kept);
    if (!err_is(&e))
        e = delete_some(pg, sql_receipt_prune, PG_PARAMS(before, m->spool->id, buf_cstr(&kept)),
                        deleted);
    buf_free(&kept);
    return e;
}

struct err maintain_run(const struct maintain *m, struct pg *pg)
{
    struct prune_result files = {0};
    uint64_t receipts = 0;
    uint64_t rejects = 0;
    if (!maintain_is_wanted(m->keep))
        return ERR_OK;
    int64_t start = time_monotonic();
    struct err e = prune_spool(m, &files);
    if (!err_is(&e))
        e = prune_rejects(m, pg, &rejects);
    if (!err_is(&e))
        e = prune_receipts(m, pg, &receipts);
    if (files.batches + receipts + rejects > 0)
        LOG_INFO("pruned", LOG_INT("batches", files.batches), LOG_INT("bytes", files.bytes),
                 LOG_INT("receipts", receipts), LOG_INT("rejects", rejects),
                 LOG_DURATION("took", time_monotonic() - start));
    return e;
}
