/* SPDX-License-Identifier: MIT */
#include "replay/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "io/newer.h"
#include "replay/batch.h"
#include "replay/partition.h"
#include "replay/receipt.h"
#include "replay/transaction.h"

/* Failed segments leave the batch's folder before the COMMIT, so that retiring is two renames. */
static struct err stage_failed(struct batch *b)
{
    bool any = false;
    for (size_t i = 0; i < b->count; i++) {
        struct batch_segment *s = &b->segments[i];
        struct buf reason = {0};
        if (!segment_goes_to_failed(s->fate) || s->staged)
            continue;
        batch_reason_json(b, i, &reason);
        struct err e = claim_stage_failed(b->claim, s->name, buf_cstr(&reason));
        buf_free(&reason);
        if (err_is(&e))
            return e;
        s->staged = any = true;
        LOG_WARN("segment failed", LOG_STR("batch", b->claim->batch),
                 LOG_STR("segment", s->encoded), LOG_STR("reason", s->reason));
    }
    return any ? claim_seal_staging(b->claim) : ERR_OK;
}

/* Too many rejects, or rows that can't be isolated: nothing of the batch goes in, and the receipt
 * says so. */
static struct err fail_batch(struct loader *l, struct prepared *p, int attempt,
                             const struct err *cause)
{
    struct batch *b = &p->batch;
    batch_fail(b, cause->text);
    TRY(claim_unstage_rejects(b->claim));
    TRY(stage_failed(b));
    if (!pg_is_open(&l->pg))
        TRY(pg_open(&l->pg, &l->target));
    struct receipt_end end = {.failed = true, .tables = "{}", .error = cause->text};
    struct batch_watch watch = batch_watch_start();
    struct err e = receipt_begin(&l->pg, b->claim->batch, attempt);
    if (!err_is(&e))
        e = receipt_finish(&l->pg, b, &end);
    batch_watch_stop(&watch, &p->times, BATCH_LOAD);
    if (!err_is(&e)) {
        watch = batch_watch_start();
        e = pg_commit(&l->pg);
        batch_watch_stop(&watch, &p->times, BATCH_COMMIT);
    }
    if (err_is(&e))
        pg_close(&l->pg);
    return e;
}

/* All that has to be there before the transaction begins. */
static struct err make_ready(struct loader *l, struct prepared *p)
{
    struct batch *b = &p->batch;
    struct batch_watch watch = batch_watch_start();
    size_t made = 0;
    TRY(stage_failed(b));
    TRY(partition_ensure(&l->pg, p->terms.streams, &b->partitions, &made));
    batch_watch_stop(&watch, &p->times, BATCH_OPEN);
    if (made > 0)
        LOG_INFO("partitions made", LOG_STR("batch", b->claim->batch), LOG_INT("count", made),
                 LOG_DURATION("took", time_monotonic() - watch.start_us));
    return ERR_OK;
}

static struct err settle(struct loader *l, struct prepared *p, int attempt)
{
    struct batch *b = &p->batch;
    for (;;) {
        bool checked = b->checks_now;
        TRY(make_ready(l, p));
        struct err e = transaction_load(l, p, attempt);
        bool was_careful = b->is_careful && b->checks_now == checked;
        if (e.cls == ERR_ROW && (was_careful || b->too_many_rejects))
            return fail_batch(l, p, attempt, &e);
        if (e.cls != ERR_ROW && e.cls != ERR_SEGMENT)
            return e;
        /* Once more, row by row or without the segment that changed; the attempt is still ours. */
        if (e.cls == ERR_ROW) {
            LOG_WARN("the server refuses a row; loading carefully",
                     LOG_STR("batch", b->claim->batch), LOG_STR("error", e.text));
            b->is_careful = true;
        }
        TRY(pg_open(&l->pg, &l->target));
    }
}

static void report(const struct prepared *p, bool failed, int64_t took_us, struct load_outcome *out)
{
    const struct batch *b = &p->batch;
    struct batch_totals t = batch_totals(b);
    *out = (struct load_outcome){.settled = true,
                                 .failed = failed,
                                 .rows = t.rows,
                                 .rejected = t.rejected,
                                 .skipped = t.skipped,
                                 .segments = b->count,
                                 .segments_failed = t.segments_failed,
                                 .segments_duplicate = t.segments_duplicate,
                                 .bytes = t.bytes,
                                 .bytes_raw = t.bytes_raw,
                                 .id = b->claim->id,
                                 .opened_us = b->claim->opened_us,
                                 .settled_us = time_now(),
                                 .times = p->times};
    (void)snprintf(out->gate, sizeof out->gate, "%s", b->claim->gate);
    (void)snprintf(out->error, sizeof out->error, "%s", failed ? b->error : "");
    receipt_tag(b->claim, out->tag);
    memcpy(out->rejected_by, t.rejected_by, sizeof out->rejected_by);
    LOG_INFO(failed ? "batch failed" : "batch loaded", LOG_STR("batch", b->claim->batch),
             LOG_STR("gate", b->claim->gate), LOG_INT("segments", b->count),
             LOG_INT("segments_failed", t.segments_failed),
             LOG_INT("segments_duplicate", t.segments_duplicate), LOG_INT("rows", out->rows),
             LOG_INT("rejected", t.rejected), LOG_INT("skipped", t.skipped),
             LOG_DURATION("took", took_us));
}

static struct err inspect_and_settle(struct loader *l, struct prepared *p, int attempt,
                                     struct load_outcome *out)
{
    if (!p->is_inspected)
        TRY(prepare_batch(&l->preparer, p));
    int64_t start = time_monotonic();
    TRY(settle(l, p, attempt));
    report(p, batch_totals(&p->batch).segments_failed == p->batch.count, time_monotonic() - start,
           out);
    return ERR_OK;
}

struct err load_retire(const struct spool *spool, const struct claim *c, struct batch_times *times)
{
    struct batch_watch watch = batch_watch_start();
    TRY(claim_retire(spool, c));
    batch_watch_stop(&watch, times, BATCH_RETIRE);
    LOG_INFO("batch retired", LOG_STR("batch", c->batch),
             LOG_DURATION("took", times->of[BATCH_RETIRE].took_us));
    return ERR_OK;
}

void load_note_stall(struct loader *l, const char *batch, const struct err *why)
{
    if (l->preparer.stop && atomic_load(l->preparer.stop))
        return;
    bool was_closed = !pg_is_open(&l->pg);
    if (was_closed) {
        /* The reason is for people who look at the table; without a server there is no table. */
        struct err reopened = pg_open(&l->pg, &l->target);
        (void)reopened;
    }
    receipt_stall(&l->pg, batch, l->spool->id, why->text);
    if (was_closed && why->cls == ERR_CONFIG) /* the next one looks at the database's version */
        pg_close(&l->pg);
}

/* The next connection looks at the database's version as a whole. */
static struct err check_version(struct loader *l)
{
    struct err e = newer_check(&l->pg);
    if (e.cls == ERR_CONFIG)
        pg_close(&l->pg);
    return e;
}

/* Once for each set and connection: another database may be behind the next one. */
static struct err record_manifests(struct loader *l, const struct load_terms *terms)
{
    if (!terms->sha256 ||
        (l->recorded_on == l->pg.connects && strcmp(l->recorded, terms->sha256) == 0))
        return ERR_OK;
    TRY(receipt_record_manifests(&l->pg, terms));
    (void)snprintf(l->recorded, sizeof l->recorded, "%s", terms->sha256);
    l->recorded_on = l->pg.connects;
    return ERR_OK;
}

static struct err open_and_load(struct loader *l, struct prepared *p, struct load_outcome *out)
{
    int attempt;
    if (p->is_inspected)
        batch_watch_stop(&p->queue, &p->times, BATCH_QUEUE);
    struct batch_watch watch = batch_watch_start();
    prepare_start(p);
    TRY(check_version(l));
    TRY(record_manifests(l, &p->terms));
    TRY(receipt_open(&l->pg, &p->batch, l->spool->id, &attempt));
    batch_watch_stop(&watch, &p->times, BATCH_OPEN);
    return inspect_and_settle(l, p, attempt, out);
}

struct err load_claim(struct loader *l, struct prepared *p, struct load_outcome *out)
{
    *out = (struct load_outcome){0};
    struct err e = open_and_load(l, p, out);
    if (err_is(&e))
        load_note_stall(l, p->claim.batch, &e);
    return e;
}

static struct err return_to_incoming(struct loader *l, const struct uuid *id)
{
    struct claim c;
    TRY(claim_read(l->spool, id, &c));
    struct err e = claim_return(l->spool, &c);
    if (!err_is(&e))
        LOG_WARN("claim without a receipt went back to incoming/", LOG_STR("batch", c.batch),
                 LOG_INT("segments", c.count));
    claim_free(&c);
    return e;
}

/* Whatever fails a batch stages its segments first. Those that are there all the same were away
 * when its receipt was closed (abandon): nobody has loaded them, and archive/ isn't their place. */
static struct err stage_returned(struct prepared *p, const struct load_outcome *told)
{
    TRY(claim_list(&p->claim));
    if (p->claim.count == 0)
        return ERR_OK;
    prepare_start(p);
    batch_fail(&p->batch, told->error);
    return stage_failed(&p->batch);
}

static struct err finish_retiring(struct loader *l, const struct uuid *id, struct load_outcome *out)
{
    struct prepared p;
    struct load_outcome told;
    TRY(receipt_recall(&l->pg, id, &told));
    prepared_open(&p, &l->preparer);
    struct err e = claim_read_committed(l->spool, id, &p.claim);
    if (!err_is(&e) && told.failed)
        e = stage_returned(&p, &told);
    if (!err_is(&e))
        e = load_retire(l->spool, &p.claim, &told.times);
    if (!err_is(&e))
        *out = told;
    prepared_close(&p);
    return e;
}

static struct err load_again(struct loader *l, const struct uuid *id, struct load_outcome *out)
{
    struct prepared p;
    int attempt;
    TRY(check_version(l));
    prepared_open(&p, &l->preparer);
    struct err e = claim_read(l->spool, id, &p.claim);
    struct batch_watch watch = batch_watch_start();
    if (!err_is(&e))
        prepare_start(&p);
    if (!err_is(&e))
        e = record_manifests(l, &p.terms);
    if (!err_is(&e))
        e = receipt_start(&l->pg, p.claim.batch, &attempt);
    batch_watch_stop(&watch, &p.times, BATCH_OPEN);
    if (!err_is(&e))
        e = inspect_and_settle(l, &p, attempt, out);
    if (!err_is(&e))
        e = load_retire(l->spool, &p.claim, &out->times);
    prepared_close(&p);
    return e;
}

static struct err resume(struct loader *l, const struct uuid *id, const char *batch,
                         struct load_outcome *out)
{
    enum receipt_state state;
    if (!claim_exists(l->spool, id)) /* retired already, or never made: nothing is owed */
        return ERR_OK;
    TRY(receipt_find(&l->pg, batch, l->spool->id, &state));
    switch (state) {
    case RECEIPT_NONE:
        return return_to_incoming(l, id);
    case RECEIPT_SETTLED:
        return finish_retiring(l, id, out);
    default:
        return load_again(l, id, out);
    }
}

struct err load_resume(struct loader *l, const struct uuid *id, struct load_outcome *out)
{
    char batch[UUID_TEXT];
    *out = (struct load_outcome){0};
    struct err e = resume(l, id, uuid_format(id, batch), out);
    if (err_is(&e))
        load_note_stall(l, batch, &e);
    return e;
}

static struct err park(struct loader *l, struct prepared *p, const char *why,
                       struct load_outcome *out)
{
    int attempt;
    struct err cause = err_make(ERR_ROW, "parked by hand: %s", why);
    int64_t start = time_monotonic();
    TRY(check_version(l));
    TRY(receipt_start(&l->pg, p->claim.batch, &attempt));
    prepare_start(p);
    TRY(record_manifests(l, &p->terms));
    TRY(fail_batch(l, p, attempt, &cause));
    report(p, true, time_monotonic() - start, out);
    return load_retire(l->spool, &p->claim, &out->times);
}

/* A batch's folder is there before its receipt, and until that is settled: without one, this
 * receipt is nobody's work any more. */
static struct err abandon(struct loader *l, const struct uuid *id, const char *why,
                          struct load_outcome *out)
{
    struct prepared p;
    struct load_outcome known;
    struct err cause = err_make(ERR_ROW, "parked by hand, without its segments: %s", why);
    TRY(check_version(l));
    TRY(receipt_recall(&l->pg, id, &known));
    prepared_open(&p, &l->preparer);
    claim_without_folder(&p.claim, id, known.gate);
    prepare_start(&p);
    struct err e = receipt_abandon(&l->pg, &p.batch, l->spool->id, cause.text);
    prepared_close(&p);
    return err_is(&e) ? e : receipt_recall(&l->pg, id, out);
}

struct err load_park(struct loader *l, const struct uuid *id, const char *why,
                     struct load_outcome *out)
{
    char batch[UUID_TEXT];
    enum receipt_state state;
    struct prepared p;
    *out = (struct load_outcome){0};
    TRY(receipt_find(&l->pg, uuid_format(id, batch), l->spool->id, &state));
    bool is_there = claim_exists(l->spool, id); /* after the receipt was seen: see abandon() */
    if (!is_there && state == RECEIPT_UNFINISHED)
        return abandon(l, id, why, out);
    if (!is_there)
        return err_make(ERR_USAGE, "batch %s is not in processing/", batch);
    if (state == RECEIPT_NONE)
        return return_to_incoming(l, id);
    if (state == RECEIPT_SETTLED)
        return finish_retiring(l, id, out);
    prepared_open(&p, &l->preparer);
    struct err e = claim_read(l->spool, id, &p.claim);
    if (!err_is(&e))
        e = park(l, &p, why, out);
    prepared_close(&p);
    return e;
}
