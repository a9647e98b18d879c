/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sql.h"
#include "base/str.h"
#include "db/queries.h"
#include "doctor/checks.h"
#include "spool/claim.h"
#include "stream/ddl.h"
#include "stream/stream.h"

/* One page of receipts' ids. */
struct page {
    struct uuid ids[BATCHES_ASKED];
    size_t count;
};

static struct err read_page(const struct doctor *d, struct pg *pg, const char *sql, size_t wanted,
                            struct page *page)
{
    char after[UUID_TEXT];
    char limit[24];
    PGresult *rows;
    bool is_first = page->count == 0;
    if (!is_first)
        (void)uuid_format(&page->ids[page->count - 1], after);
    (void)snprintf(limit, sizeof limit, "%zu", wanted < BATCHES_ASKED ? wanted : BATCHES_ASKED);
    page->count = 0;
    TRY(pg_query(pg, sql, PG_PARAMS(d->spool->id, is_first ? NULL : after, limit), &rows));
    for (int i = 0; i < PQntuples(rows) && page->count < BATCHES_ASKED; i++)
        if (uuid_parse(PQgetvalue(rows, i, 0), &page->ids[page->count]))
            page->count++;
    PQclear(rows);
    return ERR_OK;
}

/* ---- receipts that have not ended ---- */

/* Asked once more after the folder was found missing: a batch leaves processing/ only after its
 * COMMIT, so one that is still unfinished now will stay so. */
static struct err judge_homeless(void *context, const struct batch_known *k)
{
    struct doctor *d = context;
    char fix[256];
    if (!k->has_receipt || k->is_settled)
        return ERR_OK;
    (void)snprintf(
        fix, sizeof fix,
        "look for them in incoming/, archive/ and by `spoolgate receipt show --file NAME`; "
        "then close the receipt: spoolgate fail %s --why 'its segments are gone'",
        k->batch);
    findings_add(&d->findings, FINDING_RECEIPT_WITHOUT_FOLDER, k->batch, NULL, fix,
                 "receipt `%s` of %" PRIu64 " segment%s, and no such folder", k->status,
                 k->file_count, k->file_count == 1 ? "" : "s");
    return ERR_OK;
}

static struct err check_unfinished(struct doctor *d, struct pg *pg)
{
    struct page page = {0};
    do {
        struct uuid homeless[BATCHES_ASKED];
        size_t count = 0;
        TRY(read_page(d, pg, sql_doctor_unfinished, BATCHES_ASKED, &page));
        for (size_t i = 0; i < page.count; i++)
            if (!claim_exists(d->spool, &page.ids[i]))
                homeless[count++] = page.ids[i];
        TRY(batches_ask(d, pg, homeless, count, judge_homeless, d));
    } while (page.count == BATCHES_ASKED);
    return ERR_OK;
}

/* ---- receipts that are done, against the archive ---- */

struct missing {
    uint64_t count;
    struct uuid newest;
};

/* What is older than all that is left in the archive was pruned. */
static void look_in_archive(const struct doctor *d, const struct page *page,
                            struct missing *missing)
{
    bool has_archive = d->archive_from_us != INT64_MAX;
    for (size_t i = 0; i < page->count; i++) {
        const struct uuid *id = &page->ids[i];
        char path[64 + UUID_TEXT];
        bool is_pruned = has_archive && uuid_v7_ms(id) * TIME_US_PER_MS < d->archive_from_us;
        claim_archive_path(id, path);
        /* In this order: the rename from the one to the other may happen in between. */
        if (is_pruned || claim_exists(d->spool, id) ||
            faccessat(d->spool->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (missing->count++ == 0)
            missing->newest = *id;
    }
}

static void report_missing(struct doctor *d, const struct missing *missing)
{
    char batch[UUID_TEXT];
    if (missing->count > 0)
        findings_add(
            &d->findings, FINDING_ARCHIVE_MISSING, uuid_format(&missing->newest, batch), NULL, NULL,
            "%" PRIu64 " loaded batch%s not in archive/ (this is the newest): pruned, moved "
            "by hand, or offered again by `spoolgate retry --from-archive`",
            missing->count, missing->count == 1 ? " is" : "es are");
}

/* ---- against the ledger ---- */

static struct err check_ledger(struct doctor *d, struct pg *pg, const char *batches)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_doctor_ledger, PG_PARAMS(batches), &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        bool is_pruned = strcmp(PQgetvalue(rows, i, 5), "t") == 0;
        char segments[STR_MANY];
        char frames[STR_MANY];
        findings_add(&d->findings, is_pruned ? FINDING_LEDGER_PRUNED : FINDING_LEDGER_DIFFERS,
                     PQgetvalue(rows, i, 0), NULL,
                     is_pruned
                         ? NULL
                         : "somebody changed the ledger or the receipt; without its row in the "
                           "ledger, a segment that is dropped again is loaded again",
                     "%s of %s in the receipt, %s of %s in the ledger",
                     str_many(strtoull(PQgetvalue(rows, i, 1), NULL, 10), "segment", segments),
                     str_many(strtoull(PQgetvalue(rows, i, 2), NULL, 10), "frame", frames),
                     PQgetvalue(rows, i, 3), PQgetvalue(rows, i, 4));
    }
    PQclear(rows);
    return ERR_OK;
}

/* ---- against the rows ---- */

static const char *batch_column(const struct stream *s)
{
    for (size_t i = 0; i < s->column_count; i++)
        if (s->columns[i].source == COLUMN_FROM_BATCH)
            return s->columns[i].name;
    return NULL;
}

/* Is the partition of the batch's first or last day gone? A partition between them may never have
 * been: partitions are made for days that occur. */
static struct err find_gone_leaf(struct pg *pg, const struct stream *s, const PGresult *row, int i,
                                 struct buf *gone)
{
    struct buf array = {0};
    PGresult *missing;
    struct buf table = {0};
    buf_byte(&array, '{');
    for (int end = 0; end < 2; end++) {
        struct buf leaf = {0};
        int64_t us = strtoll(PQgetvalue(row, i, 3 + end), NULL, 10);
        ddl_leaf_name(&leaf, s, period_range(s->every, us).from_us);
        sql_element(&array, buf_cstr(&leaf));
        buf_free(&leaf);
    }
    buf_byte(&array, '}');
    ddl_table(&table, s);
    struct err e =
        pg_query(pg, sql_leaf_missing, PG_PARAMS(buf_cstr(&table), buf_cstr(&array)), &missing);
    buf_free(&array);
    buf_free(&table);
    if (err_is(&e))
        return e;
    if (PQntuples(missing) > 0)
        buf_str(gone, PQgetvalue(missing, 0, 0));
    PQclear(missing);
    return ERR_OK;
}

static struct err judge_rows(struct doctor *d, struct pg *pg, const struct stream *s,
                             const PGresult *rows, int i)
{
    const char *batch = PQgetvalue(rows, i, 0);
    uint64_t wanted = strtoull(PQgetvalue(rows, i, 1), NULL, 10);
    uint64_t there = strtoull(PQgetvalue(rows, i, 2), NULL, 10);
    char label[STREAM_LABEL];
    struct buf leaf = {0};
    char many[STR_MANY];
    struct err e = ERR_OK;
    stream_label(s, label);
    if (there < wanted && s->every != PERIOD_NONE)
        e = find_gone_leaf(pg, s, rows, i, &leaf);
    if (err_is(&e))
        return e;
    if (leaf.len > 0)
        findings_add(&d->findings, FINDING_ROWS_PRUNED, batch, NULL, NULL,
                     "%s: %" PRIu64 " of %" PRIu64 " rows are left; partition %s is not attached",
                     label, there, wanted, buf_cstr(&leaf));
    else
        findings_add(
            &d->findings, there < wanted ? FINDING_ROWS_MISSING : FINDING_ROWS_EXTRA, batch, NULL,
            there < wanted ? "nothing, if they were deleted on purpose; else restore them from "
                             "a backup, or from the segments in archive/"
                           : "somebody inserted rows with this batch's id, or changed the "
                             "receipt",
            "%s: the receipt counts %s, the table holds %" PRIu64, label,
            str_many(wanted, "row", many), there);
    buf_free(&leaf);
    return ERR_OK;
}

static struct err check_rows(struct doctor *d, struct pg *pg, const struct stream *s,
                             const char *batches)
{
    struct buf sql = {0};
    struct buf table = {0};
    PGresult *rows;
    char label[STREAM_LABEL];
    const char *batch = batch_column(s);
    /* Rows of an upsert become those of the batch that replaces them. */
    if (!batch || s->time_column == STREAM_NO_COLUMN || s->mode == STREAM_UPSERT)
        return ERR_OK;
    ddl_table(&table, s);
    sql_fill(&sql, sql_doctor_rows,
             (const struct sql_var[]){{"table", buf_cstr(&table)},
                                      {"time", s->columns[s->time_column].name},
                                      {"batch", batch},
                                      {0}});
    struct err e = pg_query(pg, buf_cstr(&sql), PG_PARAMS(batches, stream_label(s, label)), &rows);
    buf_free(&sql);
    buf_free(&table);
    if (err_is(&e))
        return e;
    for (int i = 0; i < PQntuples(rows) && !err_is(&e); i++)
        e = judge_rows(d, pg, s, rows, i);
    PQclear(rows);
    return e;
}

static struct err check_page(struct doctor *d, struct pg *pg, const struct page *page)
{
    struct buf batches = {0};
    batches_array(&batches, page->ids, page->count);
    struct err e = check_ledger(d, pg, buf_cstr(&batches));
    for (size_t i = 0; i < d->streams->count && !err_is(&e); i++)
        e = check_rows(d, pg, &d->streams->streams[i], buf_cstr(&batches));
    buf_free(&batches);
    return e;
}

static struct err check_done(struct doctor *d, struct pg *pg)
{
    struct page page = {0};
    struct missing missing = {0};
    do {
        size_t left = (size_t)(d->batches - d->checked.receipts);
        TRY(read_page(d, pg, sql_doctor_done, left, &page));
        d->checked.receipts += page.count;
        look_in_archive(d, &page, &missing);
        TRY(check_page(d, pg, &page));
    } while (page.count == BATCHES_ASKED && d->checked.receipts < d->batches);
    report_missing(d, &missing);
    return ERR_OK;
}

struct err receipt_checks(struct doctor *d, struct pg *pg)
{
    TRY(check_unfinished(d, pg));
    return d->batches > 0 ? check_done(d, pg) : ERR_OK;
}
