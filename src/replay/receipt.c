/* SPDX-License-Identifier: MIT */
#include "replay/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/time.h"
#include "base/uuid.h"
#include "base/version.h"
#include "db/queries.h"
#include "event/event.h"
#include "io/newer.h"

#define NUMBER 24
static const char *number(uint64_t v, char text[NUMBER])
{
    (void)snprintf(text, NUMBER, "%" PRIu64, v);
    return text;
}

static const char *time_or_null(int64_t us, char text[TIME_TEXT])
{
    return us == INT64_MIN ? NULL : time_format(us, text);
}

void receipt_tag(const struct claim *c, char tag[OUTCOME_TAG])
{
    int64_t us = c->opened_us;
    struct time_date d = time_date_of_day(time_day(us));
    int second = (int)((us - time_day(us) * TIME_US_PER_DAY) / TIME_US_PER_S);
    (void)snprintf(tag, OUTCOME_TAG, "%s-%04d%02d%02dT%02d%02d%02dZ-%s", c->gate, d.year, d.month,
                   d.day, second / 3600, second / 60 % 60, second % 60,
                   c->batch + UUID_TEXT - 1 - 4);
}

struct err receipt_start(struct pg *pg, const char *batch, int *attempt)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_receipt_start, PG_PARAMS(batch), &rows));
    *attempt = PQntuples(rows) == 1 ? atoi(PQgetvalue(rows, 0, 0)) : 0;
    PQclear(rows);
    return *attempt > 0 ? ERR_OK
                        : err_make(ERR_BUSY, "batch %s was settled by another process", batch);
}

struct err receipt_record_manifests(struct pg *pg, const struct load_terms *terms)
{
    struct buf files = {0};
    terms->files_json(terms, &files);
    struct err e =
        pg_query(pg, sql_manifest_record,
                 PG_PARAMS(terms->sha256, terms->rev, terms->source, buf_cstr(&files)), NULL);
    buf_free(&files);
    return e;
}

/* The sinks that hear of it, "{ops,audit}". */
static const char *sinks_for(const struct batch *b, enum event_type event, struct buf *array)
{
    b->terms->sinks(b->terms, event, b->claim->gate, array);
    return buf_cstr(array);
}

struct err receipt_open(struct pg *pg, const struct batch *b, const char *spool_id, int *attempt)
{
    const struct claim *c = b->claim;
    struct uuid event = uuid_new();
    struct buf sinks = {0};
    PGresult *opened;
    char event_id[UUID_TEXT];
    char host[64] = "";
    char tag[OUTCOME_TAG];
    char opened_at[TIME_TEXT];
    char count[NUMBER];
    char size[NUMBER];
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->count; i++)
        bytes += c->files[i].bytes;
    (void)gethostname(host, sizeof host - 1);
    receipt_tag(c, tag);
    struct err e = pg_query_prepared(
        pg, sql_receipt_open,
        PG_PARAMS(c->batch, tag, spool_id, c->gate, c->reason, number(c->count, count),
                  number(bytes, size), host, SPOOLGATE_VERSION,
                  time_format(c->opened_us, opened_at), b->terms->rev, b->terms->sha256,
                  uuid_format(&event, event_id), sinks_for(b, EVENT_GATE_OPEN, &sinks)),
        &opened);
    buf_free(&sinks);
    if (err_is(&e))
        return e;
    *attempt = PQntuples(opened); /* none where it is there already */
    PQclear(opened);
    return *attempt > 0 ? ERR_OK : receipt_start(pg, c->batch, attempt);
}

struct err receipt_find(struct pg *pg, const char *batch, const char *spool_id,
                        enum receipt_state *state)
{
    PGresult *rows;
    struct err e = ERR_OK;
    TRY(pg_query(pg, sql_receipt_find, PG_PARAMS(batch), &rows));
    if (PQntuples(rows) == 0) {
        *state = RECEIPT_NONE;
    } else if (strcmp(PQgetvalue(rows, 0, 1), spool_id) != 0) {
        e = err_make(ERR_CONFIG,
                     "batch %s in processing/ belongs to spool %s, and this spool is %s: was the "
                     "folder copied?",
                     batch, PQgetvalue(rows, 0, 1), spool_id);
    } else {
        const char *status = PQgetvalue(rows, 0, 0);
        bool settled = strcmp(status, "done") == 0 || strcmp(status, "failed") == 0;
        *state = settled ? RECEIPT_SETTLED : RECEIPT_UNFINISHED;
    }
    PQclear(rows);
    return e;
}

static void read_outcome(PGresult *rows, struct load_outcome *out)
{
    uint64_t *const counts[] = {&out->rows,     &out->rejected,        &out->skipped,
                                &out->segments, &out->segments_failed, &out->segments_duplicate,
                                &out->bytes,    &out->bytes_raw};
    enum { FIRST_COUNT = 6 };
    (void)snprintf(out->gate, sizeof out->gate, "%s", PQgetvalue(rows, 0, 0));
    (void)snprintf(out->tag, sizeof out->tag, "%s", PQgetvalue(rows, 0, 1));
    out->failed = *PQgetvalue(rows, 0, 2) == 't';
    (void)snprintf(out->error, sizeof out->error, "%s", PQgetvalue(rows, 0, 3));
    out->opened_us = strtoll(PQgetvalue(rows, 0, 4), NULL, 10);
    out->settled_us = strtoll(PQgetvalue(rows, 0, 5), NULL, 10);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = strtoull(PQgetvalue(rows, 0, (int)i + FIRST_COUNT), NULL, 10);
    out->rejected_by[REJECT_OTHER] = out->rejected; /* it has no more to say */
}

struct err receipt_recall(struct pg *pg, const struct uuid *id, struct load_outcome *out)
{
    char batch[UUID_TEXT];
    PGresult *rows;
    TRY(pg_query(pg, sql_receipt_recall, PG_PARAMS(uuid_format(id, batch)), &rows));
    struct err e = PQntuples(rows) == 1
                       ? ERR_OK
                       : err_make(ERR_BUSY, "the receipt of batch %s went away", batch);
    if (!err_is(&e)) {
        *out = (struct load_outcome){.settled = true, .is_recalled = true, .id = *id};
        read_outcome(rows, out);
    }
    PQclear(rows);
    return e;
}

struct err receipt_begin(struct pg *pg, const char *batch, int attempt)
{
    static const char begin[] = "BEGIN";
    char text[NUMBER];
    const char *const lock[] = {batch, number((uint64_t)attempt, text)};
    const struct pg_statement statements[] = {
        {begin, 0, NULL}, {sql_receipt_synchronous, 0, NULL}, {sql_receipt_lock, 2, lock}};
    PGresult *rows[3];
    struct err e = pg_query_all(pg, statements, 3, rows);
    bool ours = !err_is(&e) && PQntuples(rows[2]) == 1;
    for (int i = 0; i < 3; i++)
        PQclear(rows[i]);
    if (err_is(&e) || ours)
        return e;
    return err_make(ERR_BUSY, "batch %s: attempt %d was overtaken by a later one", batch, attempt);
}

struct err receipt_finish(struct pg *pg, const struct batch *b, const struct receipt_end *end)
{
    struct batch_totals t = batch_totals(b);
    struct uuid event = uuid_new();
    struct buf files = {0};
    struct buf sinks = {0};
    char event_id[UUID_TEXT];
    char text[9][NUMBER];
    char first[TIME_TEXT];
    char last[TIME_TEXT];
    char known[NEWER_NUMBER];
    PGresult *rows[2];
    bool cut = batch_files_json(b, &files);
    const struct pg_statement statements[] = {
        {sql_receipt_finish,
         PG_PARAMS(b->claim->batch, end->failed ? "failed" : "done", buf_cstr(&files),
                   cut ? "true" : "false", number(t.segments_failed, text[0]),
                   number(t.bytes_raw, text[1]), number(t.frames, text[2]), number(t.rows, text[3]),
                   number(t.rejected, text[4]), number(t.skipped, text[5]), end->tables,
                   time_or_null(t.ts_min_us, first), time_or_null(t.ts_max_us, last), end->error,
                   number(b->count, text[6]), number(t.bytes, text[7]), b->terms->rev,
                   b->terms->sha256, uuid_format(&event, event_id),
                   sinks_for(b, EVENT_GATE_DONE, &sinks))},
        {sql_migration_newer, PG_PARAMS(newer_known(known))}};
    struct err e = pg_query_all(pg, statements, 2, rows);
    if (!err_is(&e))
        e = newer_judge(rows[1]);
    PQclear(rows[0]);
    PQclear(rows[1]);
    buf_free(&files);
    buf_free(&sinks);
    return e;
}

struct err receipt_abandon(struct pg *pg, const struct batch *b, const char *spool_id,
                           const char *error)
{
    struct uuid event = uuid_new();
    struct buf sinks = {0};
    char event_id[UUID_TEXT];
    PGresult *closed;
    struct err e =
        pg_query(pg, sql_receipt_abandon,
                 PG_PARAMS(b->claim->batch, spool_id, error, uuid_format(&event, event_id),
                           sinks_for(b, EVENT_GATE_DONE, &sinks)),
                 &closed);
    buf_free(&sinks);
    if (err_is(&e))
        return e;
    if (PQntuples(closed) == 0)
        e = err_make(ERR_BUSY, "batch %s was settled meanwhile", b->claim->batch);
    PQclear(closed);
    return e;
}

void receipt_stall(struct pg *pg, const char *batch, const char *spool_id, const char *reason)
{
    if (!pg_is_open(pg))
        return;
    struct err ignored = pg_query(pg, sql_receipt_stall, PG_PARAMS(batch, reason, spool_id), NULL);
    (void)ignored;
}
