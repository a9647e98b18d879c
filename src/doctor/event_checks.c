/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "db/queries.h"
#include "doctor/checks.h"

/* What was pruned is not missing. */
static struct err check_missing(struct doctor *d, struct pg *pg)
{
    char count[24];
    char since[TIME_TEXT];
    int64_t keep_us = d->config->keep.events_us;
    PGresult *rows;
    (void)snprintf(count, sizeof count, "%" PRIu64, d->batches);
    TRY(pg_query(pg, sql_doctor_events,
                 PG_PARAMS(d->spool->id, count,
                           keep_us > 0 ? time_format(d->now_us - keep_us, since) : NULL),
                 &rows));
    for (int i = 0; i < PQntuples(rows); i++)
        findings_add(&d->findings, FINDING_EVENT_MISSING, PQgetvalue(rows, i, 0), NULL,
                     "tell the listeners by hand, if somebody deleted it by mistake",
                     "receipt `%s`, and no gate.done", PQgetvalue(rows, i, 1));
    PQclear(rows);
    return ERR_OK;
}

static struct err check_letters(struct doctor *d, struct pg *pg)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_doctor_letters, PG_PARAMS(d->spool->id), &rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *sink = PQgetvalue(rows, i, 0);
        const char *letters = PQgetvalue(rows, i, 1);
        struct buf fix = {0};
        buf_printf(&fix, "`spoolgate dlq list --sink %s`, then `spoolgate dlq redrive --sink %s`",
                   sink, sink);
        findings_add(&d->findings, FINDING_DEAD_LETTERS, NULL, NULL, buf_cstr(&fix),
                     "sink %s: %s dead letter%s, the last: %s", sink, letters,
                     strtoull(letters, NULL, 10) == 1 ? "" : "s", PQgetvalue(rows, i, 2));
        buf_free(&fix);
    }
    PQclear(rows);
    return ERR_OK;
}

struct err event_checks(struct doctor *d, struct pg *pg)
{
    if (d->batches > 0)
        TRY(check_missing(d, pg));
    return check_letters(d, pg);
}
