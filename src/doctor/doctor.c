/* SPDX-License-Identifier: MIT */
#include "doctor/doctor.h"

#include <stdlib.h>

#include "doctor/checks.h"
#include "replay/load.h"
#include "schema/knowledge.h"
#include "schema/migrate.h"
#include "spool/claim.h"
#include "spool/scan.h"

/* ---- fix: what is safe to do, while we have the lock ---- */

struct fixing {
    struct doctor *doctor;
    struct loader *loader;
    struct err first; /* one batch that can't be helped doesn't keep us from the next */
};

static void keep_first(struct err *first, const struct err *e)
{
    if (!err_is(first))
        *first = *e;
}

/* load_resume knows what is owed; an unfinished batch is left to a run, since loading it may take
 * hours and reject what an operator wants to look at first. */
static struct err fix_batch(void *context, const struct batch_known *k)
{
    struct fixing *f = context;
    struct doctor *d = f->doctor;
    struct load_outcome outcome;
    struct batch_contents contents;
    struct uuid id;
    bool is_owed = !k->has_receipt || (k->is_ours && k->is_settled);
    if (!is_owed || !uuid_parse(k->batch, &id))
        return ERR_OK;
    struct err e = claim_contents(d->spool, k->batch, &contents);
    if (!err_is(&e))
        e = load_resume(f->loader, &id, &outcome);
    keep_first(&f->first, &e);
    if (!err_is(&e) && !claim_exists(d->spool, &id))
        findings_add(&d->findings, FINDING_FIXED, k->batch, NULL, NULL, "%s",
                     k->has_receipt          ? "retired: processing/ is left"
                     : contents.segments > 0 ? "its segments are back in incoming/"
                                             : "the empty folder is removed");
    return ERR_OK;
}

static struct err fix_failed(void *context, int folder, const char *name)
{
    struct fixing *f = context;
    struct batch_contents contents;
    struct uuid id;
    if (!uuid_parse(name, &id))
        return ERR_OK;
    TRY(failed_contents(f->doctor->spool, name, &contents));
    if (!contents.exists || contents.segments > 0 || contents.has_rejects || contents.others > 0)
        return ERR_OK;
    claim_remove_folder(folder, name);
    TRY(failed_contents(f->doctor->spool, name, &contents));
    if (!contents.exists)
        findings_add(&f->doctor->findings, FINDING_FIXED, name, NULL, NULL,
                     "the empty folder in failed/ is removed");
    return ERR_OK;
}

static struct err fix_all(struct doctor *d, struct loader *l)
{
    struct fixing f = {.doctor = d, .loader = l};
    struct uuid *ids;
    size_t count;
    TRY(scan_batches(d->spool->processing, &ids, &count));
    struct err e = batches_ask(d, &l->pg, ids, count, fix_batch, &f);
    free(ids);
    if (!err_is(&e))
        e = scan_folder(d->spool->failed, fix_failed, &f);
    if (!err_is(&e) && d->config->knowledge.is_on)
        e = knowledge_fix(d, &l->pg);
    keep_first(&f.first, &e);
    return f.first;
}

/* ---- all of it ---- */

/* Is there a database to be asked, and is it at this version? If not, that is a finding, too. */
static struct err reach_database(struct doctor *d, struct loader *l)
{
    struct stream_set shipped = manifest_shipped_streams(d->set);
    struct err e = pg_open(&l->pg, &l->target);
    if (!err_is(&e))
        e = migrate_require(&l->pg, &shipped, d->config->knowledge.is_on);
    if (e.cls == ERR_CONFIG && pg_is_open(&l->pg))
        findings_add(&d->findings, FINDING_DATABASE_VERSION, NULL, NULL,
                     "`spoolgate migrate`, unless the message says otherwise", "%s", e.text);
    else if (err_is(&e))
        findings_add(&d->findings, FINDING_DATABASE_UNREACHABLE, NULL, NULL,
                     "start it, or correct --database; what is in the spool waits meanwhile", "%s",
                     e.text);
    d->checked.database = !err_is(&e);
    return e;
}

static struct err check_all(struct doctor *d, struct loader *l, bool fix)
{
    struct err first = ERR_OK;
    struct err reached = reach_database(d, l);
    struct err e;
    if (fix && !err_is(&reached))
        first = fix_all(d, l);
    keep_first(&first, &reached);
    e = spool_checks(d);
    keep_first(&first, &e);
    if (err_is(&reached))
        return first;
    /* A table that somebody has locked (a migration, VACUUM FULL) must not hold a monitor. */
    e = pg_exec(&l->pg, "SET lock_timeout = '5s'");
    if (!err_is(&e))
        e = database_checks(d, &l->pg);
    if (!err_is(&e))
        e = archive_checks(d, &l->pg);
    if (!err_is(&e))
        e = receipt_checks(d, &l->pg);
    if (!err_is(&e))
        e = event_checks(d, &l->pg);
    if (!err_is(&e) && d->config->knowledge.is_on)
        e = knowledge_checks(d, &l->pg);
    keep_first(&first, &e);
    d->checked.complete = !err_is(&first);
    return first;
}

struct err doctor_run(struct doctor *d, bool fix)
{
    struct loader l = {.spool = d->spool,
                       .preparer = {.terms = manifest_current_terms(d->current)},
                       .target = {d->config->database, d->config->schema}};
    struct err locked = ERR_OK;
    pg_init(&l.pg);
    d->set = manifest_current_get(d->current);
    d->streams = &d->set->streams;
    d->now_us = time_now();
    if (fix)
        locked = spool_lock(d->spool);
    d->in_use = d->in_use || err_is(&locked);
    struct err first = check_all(d, &l, fix && !err_is(&locked));
    keep_first(&first, &locked);
    pg_close(&l.pg);
    preparer_close(&l.preparer);
    manifest_release(d->set);
    return first;
}

void doctor_free(struct doctor *d)
{
    findings_free(&d->findings);
}
