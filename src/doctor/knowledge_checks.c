/* SPDX-License-Identifier: MIT */
/*
 * The knowledge base: documents, their chunks, and who makes the vectors. It is one for all spools
 * of a database, so these findings are everybody's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "db/queries.h"
#include "doctor/checks.h"
#include "kb/complete.h"

#define LEASE_OLD      "10 minutes" /* longer than a request may take, and anybody's pause */
#define DOCUMENTS_MOST "1000"

static const char *fix_of(enum finding_code code)
{
    switch (code) {
    case FINDING_DOCUMENT_LOST:
        return "offer its file again: `spoolgate index`, or drop its segment once more";
    case FINDING_DOCUMENT_SHORT:
        return "somebody changed its chunks by hand: retire it (`deleted: true`) and offer it "
               "again";
    case FINDING_CHUNKS_FAILED:
        return "`spoolgate embed --again failed`, once their cause is gone";
    case FINDING_LEASE_STUCK:
        return "start who makes vectors, `spoolgate run` or `spoolgate embed`: it takes them up";
    case FINDING_CHUNKS_STUCK:
        return "`spoolgate status` says what is wrong with the embedders; `spoolgate run` or "
               "`spoolgate embed` must be at work";
    default:
        return "`spoolgate embed --again missing`";
    }
}

/* ---- one document each ---- */

static struct err check_documents(struct doctor *d, struct pg *pg)
{
    char count[24];
    char since[TIME_TEXT];
    int64_t keep_us = d->config->keep.events_us;
    PGresult *rows;
    (void)snprintf(count, sizeof count, "%" PRIu64, d->batches);
    TRY(pg_query(pg, sql_doctor_documents,
                 PG_PARAMS(count, keep_us > 0 ? time_format(d->now_us - keep_us, since) : NULL),
                 &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        enum finding_code code = finding_code_of(PQgetvalue(rows, i, 0));
        findings_add(&d->findings, code, NULL, NULL, fix_of(code), "document %s (%s): %s",
                     PQgetvalue(rows, i, 1), PQgetvalue(rows, i, 2), PQgetvalue(rows, i, 3));
    }
    PQclear(rows);
    return ERR_OK;
}

static struct err check_completions(struct doctor *d, struct pg *pg)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_doctor_owed_completions, PG_PARAMS(DOCUMENTS_MOST), &rows));
    for (int i = 0; i < PQntuples(rows); i++)
        findings_add(&d->findings, FINDING_COMPLETION_OWED, NULL, NULL,
                     "`spoolgate doctor --fix` does it", "document %s (%s): revision %s is settled",
                     PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 2), PQgetvalue(rows, i, 1));
    PQclear(rows);
    return ERR_OK;
}

/* ---- sums ---- */

static struct err check_chunks(struct doctor *d, struct pg *pg)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_doctor_chunks, PG_PARAMS(LEASE_OLD), &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        enum finding_code code = finding_code_of(PQgetvalue(rows, i, 0));
        const char *error = PQgetvalue(rows, i, 3);
        char chunks[STR_MANY];
        char documents[STR_MANY];
        findings_add(&d->findings, code, NULL, NULL, fix_of(code), "%s of %s%s%s",
                     str_many(strtoull(PQgetvalue(rows, i, 1), NULL, 10), "chunk", chunks),
                     str_many(strtoull(PQgetvalue(rows, i, 2), NULL, 10), "document", documents),
                     *error ? ", for example: " : "", error);
    }
    PQclear(rows);
    return ERR_OK;
}

static struct err check_embedders(struct doctor *d, struct pg *pg)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_doctor_embedders, PG_NO_PARAMS, &rows));
    for (int i = 0; i < PQntuples(rows); i++)
        findings_add(&d->findings, FINDING_EMBEDDER_STOPPED, NULL, NULL,
                     "mend what the error says, then `spoolgate embed --resume`",
                     "%s, since %s: %s", PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1),
                     PQgetvalue(rows, i, 2));
    PQclear(rows);
    return ERR_OK;
}

static struct err check_awaiting(struct doctor *d, struct pg *pg)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_doctor_awaiting, PG_NO_PARAMS, &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        char assets[STR_MANY];
        findings_add(&d->findings, FINDING_ASSETS_AWAITING, NULL, NULL,
                     "pmoves_kb.assets_awaiting_text lists them; a `document` frame brings a text",
                     "%s, the oldest: %s",
                     str_many(strtoull(PQgetvalue(rows, i, 0), NULL, 10), "asset", assets),
                     PQgetvalue(rows, i, 1));
    }
    PQclear(rows);
    return ERR_OK;
}

struct err knowledge_checks(struct doctor *d, struct pg *pg)
{
    TRY(check_documents(d, pg));
    TRY(check_completions(d, pg));
    TRY(check_chunks(d, pg));
    TRY(check_embedders(d, pg));
    return check_awaiting(d, pg);
}

/* ---- fix ---- */

/* As whoever settles a chunk does it; two at once complete each document once. Of one that is owed
 * the server may refuse a row: the others don't wait for it. */
static struct err complete(struct pg *pg, const char *docs, uint64_t *done)
{
    TRY(pg_exec(pg, "BEGIN"));
    struct err e = kb_lock(pg, docs);
    if (!err_is(&e))
        e = kb_complete_each(pg, docs, done);
    if (!err_is(&e))
        e = pg_commit(pg);
    if (err_is(&e))
        pg_rollback(pg);
    return e;
}

struct err knowledge_fix(struct doctor *d, struct pg *pg)
{
    PGresult *rows;
    struct buf docs = {0};
    uint64_t done = 0;
    TRY(pg_query(pg, sql_doctor_owed_completions, PG_PARAMS(DOCUMENTS_MOST), &rows));
    for (int i = 0; i < PQntuples(rows); i++)
        buf_printf(&docs, "%c%s", i > 0 ? ',' : '{', PQgetvalue(rows, i, 0));
    buf_str(&docs, "}");
    struct err e = PQntuples(rows) > 0 ? complete(pg, buf_cstr(&docs), &done) : ERR_OK;
    PQclear(rows);
    buf_free(&docs);
    if (!err_is(&e) && done > 0)
        findings_add(&d->findings, FINDING_FIXED, NULL, NULL, NULL,
                     "%" PRIu64 " document%s completed", done, done == 1 ? " is" : "s are");
    return e;
}
