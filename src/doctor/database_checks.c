/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/checks.h"
#include "spool/claim.h"
#include "spool/scan.h"

/* ---- processing/ ---- */

static int64_t claimed_us(const char *batch)
{
    struct uuid id;
    return uuid_parse(batch, &id) ? uuid_v7_ms(&id) * TIME_US_PER_MS : INT64_MIN;
}

/* A batch that was prepared ahead gets its receipt when the one before it is loaded, which may take
 * its time. One that was claimed since the daemon was asked is young. */
static bool is_in_hand(const struct doctor *d, const char *batch)
{
    struct uuid id;
    bool found = d->is_drain || d->now_us - claimed_us(batch) < DOCTOR_YOUNG_US;
    for (size_t i = 0; i < d->in_hand_count && !found && uuid_parse(batch, &id); i++)
        found = memcmp(&d->in_hand[i], &id, sizeof id) == 0;
    return found;
}

static void judge_unopened(struct doctor *d, const struct batch_known *k,
                           const struct batch_contents *c)
{
    if (d->in_use && is_in_hand(d, k->batch))
        return;
    if (c->segments > 0)
        findings_add(&d->findings, FINDING_CLAIM_WITHOUT_RECEIPT, k->batch, NULL,
                     "the next run does it; `spoolgate doctor --fix` does it now",
                     "%" PRIu64 " segment%s", c->segments, c->segments == 1 ? "" : "s");
    else if (c->others > 0)
        findings_add(
            &d->findings, FINDING_CLAIM_EMPTY, k->batch, NULL,
            "the next run moves the folder to failed/; `spoolgate doctor --fix` does it now",
            "no receipt and no segments, but %" PRIu64 " other file%s", c->others,
            c->others == 1 ? "" : "s");
    else
        findings_add(&d->findings, FINDING_CLAIM_EMPTY, k->batch, NULL,
                     "the next run removes it; `spoolgate doctor --fix` does it now",
                     "neither a receipt nor files");
}

static void judge_unfinished(struct doctor *d, const struct batch_known *k,
                             const struct batch_contents *c)
{
    bool has_error = *k->error != '\0';
    const char *why = has_error ? ": " : "";
    if (d->in_use && has_error)
        findings_add(&d->findings, FINDING_BATCH_STUCK, k->batch, NULL,
                     "what the error says; the daemon tries again. `spoolgate fail BATCH` parks it",
                     "held with receipt `%s`: %s", k->status, k->error);
    else if (d->in_use)
        return;
    else if (c->segments < k->file_count)
        findings_add(
            &d->findings, FINDING_SEGMENTS_MISSING, k->batch, NULL,
            "find out with `spoolgate receipt show --file NAME`, and look in incoming/; the "
            "next run loads what is left",
            "%" PRIu64 " of %" PRIu64 " segments are there", c->segments, k->file_count);
    else if (k->is_young && !has_error)
        findings_add(&d->findings, FINDING_BATCH_UNFINISHED, k->batch, NULL,
                     "`spoolgate run` or `spoolgate drain` loads it", "receipt `%s`", k->status);
    else
        findings_add(&d->findings, FINDING_BATCH_STUCK, k->batch, NULL,
                     "`spoolgate run` or `spoolgate drain` loads it",
                     "receipt `%s`, and nobody is at work%s%s", k->status, why, k->error);
}

static struct err judge_processing(void *context, const struct batch_known *k)
{
    struct doctor *d = context;
    struct batch_contents c;
    TRY(claim_contents(d->spool, k->batch, &c));
    if (!c.exists) /* retired since we listed it */
        return ERR_OK;
    if (!k->has_receipt)
        judge_unopened(d, k, &c);
    else if (!k->is_ours)
        findings_add(&d->findings, FINDING_FOREIGN_BATCH, k->batch, NULL,
                     "move its segments to incoming/ and remove the folder: the ledger knows what "
                     "was loaded",
                     "in processing/, but its receipt is spool %s's: was the folder copied?",
                     k->spool_id);
    else if (!k->is_settled)
        judge_unfinished(d, k, &c);
    else if (!(d->in_use && k->is_young))
        findings_add(&d->findings, FINDING_RETIRE_OWED, k->batch, NULL,
                     "the next run does it; `spoolgate doctor --fix` does it now",
                     "receipt `%s`: only the rename is owed", k->status);
    return ERR_OK;
}

static struct err check_processing(struct doctor *d, struct pg *pg)
{
    struct uuid *ids;
    size_t count;
    TRY(scan_batches(d->spool->processing, &ids, &count));
    struct err e = batches_ask(d, pg, ids, count, judge_processing, d);
    free(ids);
    return e;
}

/* ---- failed/ ---- */

static struct err judge_failed(void *context, const struct batch_known *k)
{
    struct doctor *d = context;
    struct batch_contents c;
    char fix[UUID_TEXT + 32];
    TRY(failed_contents(d->spool, k->batch, &c));
    (void)snprintf(fix, sizeof fix, "spoolgate retry %s", k->batch);
    if (!c.exists)
        return ERR_OK;
    if (c.segments == 0 && !c.has_rejects)
        findings_add(&d->findings, FINDING_FAILED_EMPTY, k->batch, NULL, "remove the folder",
                     c.others > 0 ? "only files that are not segments" : "nothing, or notes only");
    else if (!k->has_receipt)
        findings_add(&d->findings, FINDING_FAILED_WITHOUT_RECEIPT, k->batch, NULL,
                     "move its segments to incoming/ to offer them again, or remove the folder",
                     "%" PRIu64 " segment%s%s; the receipt was pruned, or the database restored",
                     c.segments, c.segments == 1 ? "" : "s", c.has_rejects ? " and rejects" : "");
    else if (!k->is_ours)
        findings_add(&d->findings, FINDING_FOREIGN_BATCH, k->batch, NULL, "remove the folder",
                     "in failed/, but its receipt is spool %s's: was the folder copied?",
                     k->spool_id);
    else if (c.segments == 0)
        findings_add(&d->findings, FINDING_RETRY_WAITS, k->batch, NULL, fix, "rejected frames");
    else
        findings_add(&d->findings, FINDING_RETRY_WAITS, k->batch, NULL, fix,
                     "%" PRIu64 " failed segment%s%s", c.segments, c.segments == 1 ? "" : "s",
                     c.has_rejects ? ", and rejected frames" : "");
    return ERR_OK;
}

static struct err visit_failed(void *context, int folder, const char *name)
{
    struct uuid id;
    (void)folder;
    return uuid_parse(name, &id) ? portion_add(context, &id) : ERR_OK;
}

static struct err check_failed(struct doctor *d, struct pg *pg)
{
    struct portion p = {.doctor = d, .pg = pg, .judge = judge_failed, .context = d};
    TRY(scan_folder(d->spool->failed, visit_failed, &p));
    return portion_ask(&p);
}

struct err database_checks(struct doctor *d, struct pg *pg)
{
    TRY(check_processing(d, pg));
    return check_failed(d, pg);
}
