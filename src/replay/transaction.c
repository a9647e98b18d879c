/* SPDX-License-Identifier: MIT */
#include "replay/transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/sql.h"
#include "db/queries.h"
#include "replay/careful.h"
#include "replay/copier.h"
#include "replay/handle.h"
#include "replay/ledger.h"
#include "replay/receipt.h"
#include "replay/rejects.h"
#include "replay/stage.h"
#include "stream/ddl.h"

/* One pass over a batch's segments inside its transaction. */
struct replay {
    struct loader *loader;
    struct prepared *prepared;
    struct batch *batch;  /* the prepared one's */
    size_t segment;       /* the one in hand */
    struct copier copier; /* tables: the streams', then ingestion_reject */
    struct stages stages;
    struct rejects rejects;
    bool is_careful;
    struct careful careful; /* where it is: rows go through it */
    struct handle handle;
    bool is_handling; /* the handler has the connection: rejects gather until it is done */

    /* of a trial: who is told, instead of ingestion_reject and failed/ */
    careful_refused_fn *trial;
    void *trial_context;
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
    size_t table = r->prepared->terms.streams->count;
    if (r->trial)
        return ERR_OK; /* the inspection has told it */
    TRY(rejects_add(&r->rejects, &r->copier.rows[table], r->batch->segments[segment].encoded, frame,
                    reject));
    if (!r->is_careful && !r->is_handling)
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
    if (!rules_too_many(&b->terms->rules->max_rejects, t.rejected, t.frames))
        return ERR_OK;
    b->too_many_rejects = true;
    return err_make(ERR_ROW,
                    "more frames are rejected (%" PRIu64 " of %" PRIu64
                    ") than the gate's max_rejects allows",
                    t.rejected, t.frames);
}

/* A row that the server refused, in careful mode; a frame that the handler can't load. */
static struct err keep_refused(void *context, size_t segment, const struct frame *frame,
                               const struct reject *reject)
{
    struct replay *r = context;
    r->batch->segments[segment].refused++;
    r->batch->refused_by[reject->why]++;
    if (r->trial)
        return r->trial(r->trial_context, segment, frame, reject);
    TRY(check_rejects(r->batch));
    return keep_reject(r, segment, frame, reject);
}

static void name_tables(struct replay *r)
{
    const struct stream_set *streams = r->prepared->terms.streams;
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
        inspected->frames != loaded->frames ||
        inspected->rejected - inspected->others_rejected != loaded->rejected)
        return err_make(ERR_SEGMENT, "the file changed between inspection and loading");
    return ERR_OK;
}

/* The handler's frames have a walk of their own. */
static bool pass_over(void *context, const struct frame *frame, bool *refused,
                      struct reject *reject, struct err *failure)
{
    (void)context;
    (void)frame;
    (void)refused;
    (void)reject;
    (void)failure;
    return true;
}

/* From the files: in careful mode, and where the rows didn't fit into memory. */
static struct err copy_segments(struct replay *r)
{
    struct preparer *preparer = &r->loader->preparer;
    struct segment_walk walk = {.tools = &preparer->tools,
                                .encoder = &r->prepared->encoder,
                                .limits = r->prepared->terms.limits,
                                .rows = r->copier.rows,
                                .stop = preparer->stop,
                                .on_row = replay_row,
                                .on_reject = replay_reject,
                                .on_other = pass_over,
                                .context = r};
    struct batch *b = r->batch;
    for (r->segment = 0; r->segment < b->count; r->segment++) {
        struct batch_segment *s = &b->segments[r->segment];
        struct segment_summary loaded;
        if (s->fate != SEGMENT_LOADED)
            continue;
        r->prepared->encoder.segment = s->encoded;
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

/* A frame of the handler's that the inspection rejected, and that wasn't kept. */
static struct err keep_again(void *context, size_t segment, const struct frame *frame,
                             const struct reject *reject)
{
    return keep_reject(context, segment, frame, reject);
}

static struct err handle_others(struct replay *r)
{
    if (!r->batch->handler)
        return ERR_OK;
    r->handle = (struct handle){.loader = r->loader,
                                .prepared = r->prepared,
                                .must_walk = r->is_careful || r->prepared->held.is_over,
                                .refuse = keep_refused,
                                .again = keep_again,
                                .context = r};
    r->is_handling = true;
    TRY(handle_load(&r->handle));
    return copier_finish(&r->copier);
}

static bool have_one_table(const struct stream *a, const struct stream *b)
{
    char label[STREAM_LABEL];
    char other[STREAM_LABEL];
    return strcmp(stream_label(a, label), stream_label(b, other)) == 0;
}

/* Rows of the stream's table, all its streams together; 0 where one before this says it. */
static uint64_t rows_of_table(const struct replay *r, size_t stream)
{
    const struct stream_set *streams = r->prepared->terms.streams;
    uint64_t rows = 0;
    for (size_t i = 0; i < streams->count; i++) {
        if (r->copier.counts[i] == 0 ||
            !have_one_table(&streams->streams[i], &streams->streams[stream]))
            continue;
        if (i < stream)
            return 0;
        rows += r->copier.counts[i];
    }
    return rows;
}

static void tables_json(const struct replay *r, struct buf *out)
{
    struct jsonw j = {.out = out};
    const struct stream_set *streams = r->prepared->terms.streams;
    char label[STREAM_LABEL];
    jsonw_object(&j);
    for (size_t i = 0; i < streams->count; i++) {
        uint64_t rows = r->copier.counts[i] > 0 ? rows_of_table(r, i) : 0;
        if (rows == 0)
            continue;
        jsonw_key(&j, stream_label(&streams->streams[i], label));
        jsonw_int(&j, (int64_t)rows);
    }
    for (const struct handler_table *t = r->handle.tables; t->name; t++) {
        jsonw_key(&j, t->name);
        jsonw_int(&j, (int64_t)t->rows);
    }
    jsonw_end(&j);
}

static struct err check_table(struct loader *l, const struct load_terms *terms, size_t stream)
{
    const struct stream *s = &terms->streams->streams[stream];
    struct buf table = {0};
    struct buf lock = {0};
    PGresult *print = NULL;
    ddl_table(&table, s);
    sql_fill(&lock, sql_table_lock, (const struct sql_var[]){{"table", buf_cstr(&table)}, {0}});
    struct err e = pg_exec(&l->pg, buf_cstr(&lock));
    if (!err_is(&e))
        e = pg_query_prepared(&l->pg, sql_table_print, PG_PARAMS(buf_cstr(&table)), &print);
    if (!err_is(&e))
        e = l->check_table(l->check_context, terms, stream,
                           PQntuples(print) == 1 ? PQgetvalue(print, 0, 0) : "");
    PQclear(print);
    buf_free(&table);
    buf_free(&lock);
    return e;
}

static struct err check_tables(struct loader *l, const struct replay *r)
{
    const struct partition_list *rows = &r->batch->partitions; /* by stream */
    for (size_t i = 0; l->check_table && i < rows->count; i++)
        if (i == 0 || rows->items[i].stream != rows->items[i - 1].stream)
            TRY(check_table(l, &r->prepared->terms, rows->items[i].stream));
    return ERR_OK;
}

/* Everything up to the COMMIT. */
static struct err fill_transaction(struct loader *l, struct replay *r, int attempt)
{
    struct buf tables = {0};
    TRY(receipt_begin(&l->pg, r->batch->claim->batch, attempt));
    TRY(check_tables(l, r));
    TRY(ledger_claim(&l->pg, r->batch));
    TRY(check_rejects(r->batch));
    if (r->is_careful && r->batch->checks_now)
        TRY(careful_check_now(&r->careful));
    TRY(stages_make(&r->stages, &r->batch->partitions, r->is_careful));
    TRY(r->is_careful || r->prepared->held.is_over ? copy_segments(r) : copy_held(r));
    if (!r->is_careful) {
        TRY(stages_merge(&r->stages, r->copier.counts, &r->batch->skipped));
    } else {
        r->batch->skipped = r->careful.skipped;
        r->batch->ts_min_us = r->careful.ts_min_us;
        r->batch->ts_max_us = r->careful.ts_max_us;
    }
    TRY(handle_others(r));
    TRY(ledger_release(&l->pg, r->batch));
    TRY(rejects_stage(&r->rejects));
    tables_json(r, &tables);
    bool all_failed = batch_totals(r->batch).segments_failed == r->batch->count;
    struct receipt_end end = {.tables = buf_cstr(&tables), .failed = all_failed};
    if (all_failed) {
        (void)snprintf(r->batch->error, sizeof r->batch->error,
                       "no segment of the batch can be loaded");
        end.error = r->batch->error;
    }
    struct err e = receipt_finish(&l->pg, r->batch, &end);
    buf_free(&tables);
    return e;
}

static void open_replay(struct replay *r, struct loader *l, struct prepared *p)
{
    struct batch *b = &p->batch;
    *r = (struct replay){.loader = l,
                         .prepared = p,
                         .batch = b,
                         .rejects = {.claim = b->claim},
                         .is_careful = b->is_careful};
    for (size_t i = 0; i < b->count; i++)
        b->segments[i].refused = 0;
    memset(b->refused_by, 0, sizeof b->refused_by);
    b->skipped = 0;
    copier_open(&r->copier, &l->pg, p->terms.streams->count + 1);
    name_tables(r);
    stages_open(&r->stages, &l->pg, p->terms.streams);
    careful_open(&r->careful, &l->pg, &r->copier, &r->stages, keep_refused, r);
    r->careful.stop = l->preparer.stop;
}

static void close_replay(struct replay *r)
{
    rejects_discard(&r->rejects);
    careful_close(&r->careful);
    stages_close(&r->stages);
    copier_close(&r->copier);
}

struct err transaction_load(struct loader *l, struct prepared *p, int attempt)
{
    struct replay r;
    TRY(claim_unstage_rejects(p->batch.claim)); /* of a try that got as far as that */
    open_replay(&r, l, p);
    struct batch_watch watch = batch_watch_start();
    struct err e = fill_transaction(l, &r, attempt);
    batch_watch_stop(&watch, &p->times, BATCH_LOAD);
    if (!err_is(&e)) {
        watch = batch_watch_start();
        e = pg_commit(&l->pg);
        batch_watch_stop(&watch, &p->times, BATCH_COMMIT);
        p->batch.checks_now = p->batch.checks_now || e.cls == ERR_ROW;
    }
    /* A COPY that was broken off leaves the connection in the middle of the protocol; what is cheap
     * and certain is a new connection, and the server rolls back by itself. */
    if (err_is(&e))
        pg_close(&l->pg);
    close_replay(&r);
    return e;
}

static struct err fill_trial(struct loader *l, struct replay *r)
{
    const struct stream_set *streams = r->prepared->terms.streams;
    TRY(pg_exec(&l->pg, sql_trial_begin));
    TRY(partition_make_here(&l->pg, streams, &r->batch->partitions));
    if (r->batch->checks_now)
        TRY(careful_check_now(&r->careful));
    TRY(stages_make(&r->stages, &r->batch->partitions, true));
    TRY(copy_segments(r));
    r->batch->skipped = r->careful.skipped;
    TRY(handle_others(r));
    struct err e = careful_check_now(&r->careful); /* as the COMMIT would */
    r->batch->checks_now = r->batch->checks_now || e.cls == ERR_ROW;
    return e;
}

struct err transaction_try(struct loader *l, struct prepared *p, careful_refused_fn *refused,
                           void *context)
{
    struct replay r;
    p->batch.is_careful = true;
    open_replay(&r, l, p);
    r.trial = refused;
    r.trial_context = context;
    struct err e = fill_trial(l, &r);
    if (err_is(&e))
        pg_close(&l->pg);
    else
        pg_rollback(&l->pg);
    close_replay(&r);
    return e;
}
