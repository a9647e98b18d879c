/* SPDX-License-Identifier: MIT */
#include "replay/load.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/time.h"
#include "db/queries.h"
#include "replay/batch.h"
#include "replay/careful.h"
#include "replay/copier.h"
#include "replay/ledger.h"
#include "replay/partition.h"
#include "replay/receipt.h"
#include "replay/rejects.h"
#include "stream/ddl.h"

/* One pass over a batch's segments inside its transaction. */
struct replay {
    struct loader *loader;
    struct prepared *prepared;
    struct batch *batch;  /* the prepared one's */
    size_t segment;       /* the one in hand */
    struct copier copier; /* tables: the streams', then ingestion_reject */
    struct rejects rejects;
    bool is_careful;
    struct careful careful; /* where it is: rows go through it */
};

static bool replay_row(void *context, const struct frame *frame, const struct copybin_row *row,
                       struct err *failure)
{
    struct replay *r = context;
    if (r->is_careful)
        *failure = careful_add(&r->careful, row->stream, &r->copier.rows[row->stream], r->segment,
                               frame, row->time_us);
    else
        *failure = copier_row_added(&r->copier, row->stream);
    return !err_is(failure);
}

static struct err keep_reject(struct replay *r, size_t segment, const struct frame *frame,
                              const struct reject *reject)
{
    size_t table = r->loader->preparer.streams->count;
    TRY(rejects_add(&r->rejects, &r->copier.rows[table], r->batch->segments[segment].encoded, frame,
                    reject));
    if (!r->is_careful)
        return copier_row_added(&r->copier, table);
    copier_row_kept(&r->copier, table);
    return ERR_OK;
}

static bool replay_reject(void *context, const struct frame *frame, const struct reject *reject,
                          struct err *failure)
{
    struct replay *r = context;
    *failure = keep_reject(r, r->segment, frame, reject);
    return !err_is(failure);
}

/* ERR_ROW with the batch's whole story: it fails. */
static struct err check_rejects(struct batch *b)
{
    struct batch_totals t = batch_totals(b);
    if (!rules_too_many(&b->rules->max_rejects, t.rejected, t.frames))
        return ERR_OK;
    b->too_many_rejects = true;
    return err_make(ERR_ROW,
                    "more frames are rejected (%" PRIu64 " of %" PRIu64
                    ") than the gate's max_rejects allows",
                    t.rejected, t.frames);
}

/* A row that the server refused, in careful mode. */
static struct err keep_refused(void *context, size_t segment, const struct frame *frame,
                               const struct reject *reject)
{
    struct replay *r = context;
    r->batch->segments[segment].refused++;
    TRY(check_rejects(r->batch));
    return keep_reject(r, segment, frame, reject);
}

static void name_tables(struct replay *r)
{
    const struct stream_set *streams = r->loader->preparer.streams;
    for (size_t i = 0; i < streams->count; i++) {
        struct buf command = {0};
        ddl_copy(&command, &streams->streams[i]);
        copier_name(&r->copier, i, buf_cstr(&command));
        buf_free(&command);
    }
    copier_name(&r->copier, streams->count, sql_reject_copy);
}

/* The bytes that are loaded must be the bytes that were inspected and entered into the ledger. */
static struct err check_same(const struct segment_summary *inspected,
                             const struct segment_summary *loaded)
{
    if (memcmp(inspected->sha256, loaded->sha256, HASH_BYTES) != 0 ||
        inspected->frames != loaded->frames || inspected->rejected != loaded->rejected)
        return err_make(ERR_SEGMENT, "the file changed between inspection and loading");
    return ERR_OK;
}

/* From the files: in careful mode, and where the rows didn't fit into memory. */
static struct err copy_segments(struct replay *r)
{
    struct preparer *preparer = &r->loader->preparer;
    struct segment_walk walk = {.tools = &preparer->tools,
                                .encoder = &r->prepared->encoder,
                                .limits = preparer->limits,
                                .rows = r->copier.rows,
                                .stop = preparer->stop,
                                .on_row = replay_row,
                                .on_reject = replay_reject,
                                .context = r};
    struct batch *b = r->batch;
    for (r->segment = 0; r->segment < b->count; r->segment++) {
        struct batch_segment *s = &b->segments[r->segment];
        struct segment_summary loaded;
        if (s->fate != SEGMENT_LOADED)
            continue;
        walk.encoder->segment = s->encoded;
        struct err e = segment_walk(&walk, b->claim->folder, s->name, &loaded);
        if (!err_is(&e))
            e = check_same(&s->sum, &loaded);
        if (e.cls == ERR_SEGMENT)
            batch_fail_segment(b, r->segment, e.text); /* the caller starts over without it */
        if (err_is(&e))
            return e;
    }
    if (r->is_careful)
        TRY(careful_finish(&r->careful));
    return copier_finish(&r->copier);
}

/* From memory: what the inspection kept. */
static struct err copy_held(struct replay *r)
{
    const struct held *h = &r->prepared->held;
    const struct batch_segment *segments = r->batch->segments;
    for (size_t i = 0; i < h->run_count; i++) {
        const struct held_run *run = &h->runs[i];
        if (segments[run->segment].fate == SEGMENT_LOADED)
            TRY(copier_rows(&r->copier, run->stream, h->rows[run->stream].data + run->at, run->len,
                            run->rows));
    }
    for (size_t i = 0; i < h->reject_count; i++) {
        const struct held_reject *held = &h->rejects[i];
        struct frame frame = held_frame(h, held);
        if (segments[held->segment].fate == SEGMENT_LOADED)
            TRY(keep_reject(r, held->segment, &frame, &held->reject));
    }
    return copier_finish(&r->copier);
}

static void tables_json(const struct replay *r, struct buf *out)
{
    struct jsonw j = {.out = out};
    const struct stream_set *streams = r->loader->preparer.streams;
    char label[STREAM_LABEL];
    jsonw_object(&j);
    for (size_t i = 0; i < streams->count; i++)
        if (r->copier.counts[i] > 0) {
            jsonw_key(&j, stream_label(&streams->streams[i], label));
            jsonw_int(&j, (int64_t)r->copier.counts[i]);
        }
    jsonw_end(&j);
}

/* Everything up to the COMMIT. */
static struct err fill_transaction(struct loader *l, struct replay *r, int attempt)
{
    struct buf tables = {0};
    TRY(receipt_begin(&l->pg, r->batch->claim->batch, attempt));
    TRY(ledger_claim(&l->pg, r->batch));
    TRY(check_rejects(r->batch));
    if (r->is_careful)
        TRY(careful_begin(&r->careful));
    TRY(r->is_careful || r->prepared->held.is_over ? copy_segments(r) : copy_held(r));
    if (r->is_careful) {
        r->batch->ts_min_us = r->careful.ts_min_us;
        r->batch->ts_max_us = r->careful.ts_max_us;
        TRY(ledger_release(&l->pg, r->batch));
    }
    TRY(rejects_stage(&r->rejects));
    tables_json(r, &tables);
    bool all_failed = batch_totals(r->batch).segments_failed == r->batch->count;
    struct receipt_end end = {.tables = buf_cstr(&tables), .failed = all_failed};
    if (all_failed)
        end.error = "no segment of the batch can be loaded";
    struct err e = receipt_finish(&l->pg, r->batch, &end);
    buf_free(&tables);
    return e;
}

static struct err run_transaction(struct loader *l, struct prepared *p, int attempt)
{
    struct batch *b = &p->batch;
    size_t streams = l->preparer.streams->count;
    struct replay r = {.loader = l,
                       .prepared = p,
                       .batch = b,
                       .rejects = {.claim = b->claim},
                       .is_careful = b->is_careful};
    for (size_t i = 0; i < b->count; i++)
        b->segments[i].refused = 0;
    TRY(claim_unstage_rejects(b->claim)); /* of a try that got as far as that */
    copier_open(&r.copier, &l->pg, streams + 1);
    name_tables(&r);
    careful_open(&r.careful, &l->pg, &r.copier, streams, keep_refused, &r);
    struct err e = fill_transaction(l, &r, attempt);
    if (!err_is(&e))
        e = pg_commit(&l->pg);
    /* A COPY that was broken off leaves the connection in the middle of the protocol; what is cheap
     * and certain is a new connection, and the server rolls back by itself. */
    if (err_is(&e))
        pg_close(&l->pg);
    rejects_discard(&r.rejects);
    careful_close(&r.careful);
    copier_close(&r.copier);
    return e;
}

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
static struct err fail_batch(struct loader *l, struct batch *b, int attempt,
                             const struct err *cause)
{
    batch_fail(b, cause->text);
    TRY(claim_unstage_rejects(b->claim));
    TRY(stage_failed(b));
    if (!pg_is_open(&l->pg))
        TRY(pg_open(&l->pg, &l->target));
    struct receipt_end end = {.failed = true, .tables = "{}", .error = cause->text};
    struct err e = receipt_begin(&l->pg, b->claim->batch, attempt);
    if (!err_is(&e))
        e = receipt_finish(&l->pg, b, &end);
    if (!err_is(&e))
        e = pg_commit(&l->pg);
    if (err_is(&e))
        pg_close(&l->pg);
    return e;
}

static struct err settle(struct loader *l, struct prepared *p, int attempt)
{
    struct batch *b = &p->batch;
    for (;;) {
        size_t made = 0;
        int64_t start = time_monotonic();
        TRY(stage_failed(b));
        TRY(partition_ensure(&l->pg, l->preparer.streams, &b->partitions, &made));
        if (made > 0)
            LOG_INFO("partitions made", LOG_STR("batch", b->claim->batch), LOG_INT("count", made),
                     LOG_DURATION("took", time_monotonic() - start));
        struct err e = run_transaction(l, p, attempt);
        if (e.cls == ERR_ROW && (b->is_careful || b->too_many_rejects))
            return fail_batch(l, b, attempt, &e);
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

static void report(const struct batch *b, bool failed, int64_t took_us, struct load_outcome *out)
{
    struct batch_totals t = batch_totals(b);
    *out = (struct load_outcome){.settled = true,
                                 .failed = failed,
                                 .rows = t.rows,
                                 .rejected = t.rejected,
                                 .skipped = t.skipped,
                                 .segments = b->count,
                                 .segments_failed = t.segments_failed,
                                 .bytes = t.bytes};
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
    report(&p->batch, batch_totals(&p->batch).segments_failed == p->batch.count,
           time_monotonic() - start, out);
    return ERR_OK;
}

struct err load_retire(const struct spool *spool, const struct claim *c)
{
    int64_t start = time_monotonic();
    TRY(claim_retire(spool, c));
    LOG_INFO("batch retired", LOG_STR("batch", c->batch),
             LOG_DURATION("took", time_monotonic() - start));
    return ERR_OK;
}

/* One attempt at a claim whose receipt says that it is under way. */
static struct err attempt_load(struct loader *l, struct prepared *p, int attempt,
                               struct load_outcome *out)
{
    struct err e = inspect_and_settle(l, p, attempt, out);
    if (!err_is(&e))
        return ERR_OK;
    if (l->preparer.stop && atomic_load(l->preparer.stop))
        return e;
    if (!pg_is_open(&l->pg)) {
        /* The reason is for people who look at the table; without a server there is no table. */
        struct err reopened = pg_open(&l->pg, &l->target);
        (void)reopened;
    }
    receipt_stall(&l->pg, p->claim.batch, e.text);
    return e;
}

struct err load_claim(struct loader *l, struct prepared *p, struct load_outcome *out)
{
    int attempt;
    *out = (struct load_outcome){0};
    TRY(receipt_open(&l->pg, &p->claim, l->spool->id, &attempt));
    return attempt_load(l, p, attempt, out);
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

static struct err finish_retiring(struct loader *l, const struct uuid *id, struct load_outcome *out)
{
    struct claim c;
    TRY(claim_read_committed(l->spool, id, &c));
    struct err e = load_retire(l->spool, &c);
    out->settled = !err_is(&e);
    claim_free(&c);
    return e;
}

static struct err load_again(struct loader *l, const struct uuid *id, struct load_outcome *out)
{
    struct prepared p;
    int attempt;
    prepared_open(&p, &l->preparer);
    struct err e = claim_read(l->spool, id, &p.claim);
    if (!err_is(&e))
        e = receipt_start(&l->pg, p.claim.batch, &attempt);
    if (!err_is(&e))
        e = attempt_load(l, &p, attempt, out);
    if (!err_is(&e))
        e = load_retire(l->spool, &p.claim);
    prepared_close(&p);
    return e;
}

struct err load_resume(struct loader *l, const struct uuid *id, struct load_outcome *out)
{
    char batch[UUID_TEXT];
    enum receipt_state state;
    *out = (struct load_outcome){0};
    if (!claim_exists(l->spool, id)) /* retired already, or never made: nothing is owed */
        return ERR_OK;
    TRY(receipt_find(&l->pg, uuid_format(id, batch), l->spool->id, &state));
    switch (state) {
    case RECEIPT_NONE:
        return return_to_incoming(l, id);
    case RECEIPT_SETTLED:
        return finish_retiring(l, id, out);
    default:
        return load_again(l, id, out);
    }
}

static struct err park(struct loader *l, struct prepared *p, const char *why,
                       struct load_outcome *out)
{
    int attempt;
    struct err cause = err_make(ERR_ROW, "parked by hand: %s", why);
    int64_t start = time_monotonic();
    TRY(receipt_start(&l->pg, p->claim.batch, &attempt));
    prepare_start(&l->preparer, p);
    TRY(fail_batch(l, &p->batch, attempt, &cause));
    report(&p->batch, true, time_monotonic() - start, out);
    return load_retire(l->spool, &p->claim);
}

struct err load_park(struct loader *l, const struct uuid *id, const char *why,
                     struct load_outcome *out)
{
    char batch[UUID_TEXT];
    enum receipt_state state;
    struct prepared p;
    *out = (struct load_outcome){0};
    if (!claim_exists(l->spool, id))
        return err_make(ERR_USAGE, "batch %s is not in processing/", uuid_format(id, batch));
    TRY(receipt_find(&l->pg, uuid_format(id, batch), l->spool->id, &state));
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
