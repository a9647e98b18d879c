/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "spool/name.h"
#include "spool/scan.h"

struct walk {
    struct doctor *doctor;
    struct portion portion;
    unsigned level;      /* 0 years, 1 months, 2 days, 3 batches */
    uint64_t unknown;    /* batches without a trace in the database */
    bool is_unexplained; /* one of them, at least, can't have lost its receipt to its age */
    struct uuid oldest_unknown;
    uint64_t pruned; /* batches that lost their receipts only */
    struct uuid newest_pruned;
};

static struct err visit_archive(void *context, int folder, const char *name)
{
    struct walk *w = context;
    struct doctor *d = w->doctor;
    struct uuid id;
    if (w->level == 3) {
        if (!name_is_retired(name, &id))
            return ERR_OK;
        int64_t us = uuid_v7_ms(&id) * TIME_US_PER_MS;
        if (us < d->archive_from_us)
            d->archive_from_us = us;
        d->checked.archived++;
        return portion_add(&w->portion, &id);
    }
    int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (next < 0)
        return ERR_OK; /* not a folder: not ours */
    w->level++;
    struct err e = scan_folder(next, visit_archive, w);
    w->level--;
    (void)close(next);
    return e;
}

/* `keep: {receipts: AGE}` lets receipts go before the archive does. */
static bool may_be_pruned(const struct doctor *d, const struct uuid *id)
{
    int64_t keep_us = d->config->keep.receipts_us;
    return keep_us > 0 && uuid_v7_ms(id) * TIME_US_PER_MS < d->now_us - keep_us;
}

/* A restore to an earlier point takes receipt and ledger of a batch back together, or leaves a
 * receipt that was not finished at that point. */
static struct err judge_archived(void *context, const struct batch_known *k)
{
    struct walk *w = context;
    struct doctor *d = w->doctor;
    struct uuid id;
    if (!uuid_parse(k->batch, &id) || (k->is_ours && k->is_settled))
        return ERR_OK;
    if (k->has_receipt && !k->is_ours) {
        findings_add(&d->findings, FINDING_FOREIGN_BATCH, k->batch, NULL,
                     "nothing, if the spool was copied on purpose",
                     "in archive/, but its receipt is spool %s's", k->spool_id);
    } else if (k->is_in_ledger) {
        if (w->pruned++ == 0 || memcmp(&id, &w->newest_pruned, sizeof id) > 0)
            w->newest_pruned = id;
    } else {
        if (w->unknown++ == 0 || memcmp(&id, &w->oldest_unknown, sizeof id) < 0)
            w->oldest_unknown = id;
        w->is_unexplained = w->is_unexplained || k->has_receipt || !may_be_pruned(d, &id);
    }
    return ERR_OK;
}

static void report_pruned(struct doctor *d, const struct walk *w)
{
    char batch[UUID_TEXT];
    if (w->pruned > 0)
        findings_add(&d->findings, FINDING_RECEIPT_PRUNED, uuid_format(&w->newest_pruned, batch),
                     NULL, NULL,
                     "%" PRIu64 " archived batch%s no receipt any more (this is the newest); the "
                     "ledger still has the segments",
                     w->pruned, w->pruned == 1 ? " has" : "es have");
}

static void report_unknown(struct doctor *d, const struct walk *w)
{
    char since[TIME_TEXT];
    char batch[UUID_TEXT];
    char fix[TIME_TEXT + 64];
    /* Batches of nothing but duplicates never had a row in the ledger: once their receipts are
     * pruned, they look the same. Only a young one among them says that something is wrong. */
    if (w->unknown == 0 || !w->is_unexplained)
        return;
    (void)time_format(uuid_v7_ms(&w->oldest_unknown) * TIME_US_PER_MS, since);
    (void)snprintf(fix, sizeof fix, "spoolgate retry --from-archive --since %s", since);
    findings_add(
        &d->findings, FINDING_ARCHIVE_UNKNOWN, uuid_format(&w->oldest_unknown, batch), NULL, fix,
        "%" PRIu64 " archived batch%s neither a settled receipt nor a row in the ledger, "
        "this one first: the database was restored to an earlier point, or is another one. "
        "See that their rows are gone, too: those would be loaded twice",
        w->unknown, w->unknown == 1 ? " has" : "es have");
}

struct err archive_checks(struct doctor *d, struct pg *pg)
{
    struct walk w = {.doctor = d};
    w.portion = (struct portion){.doctor = d, .pg = pg, .judge = judge_archived, .context = &w};
    d->archive_from_us = INT64_MAX;
    TRY(scan_folder(d->spool->archive, visit_archive, &w));
    TRY(portion_ask(&w.portion));
    report_unknown(d, &w);
    report_pruned(d, &w);
    return ERR_OK;
}
