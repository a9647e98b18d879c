/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "db/queries.h"
#include "doctor/checks.h"

void batches_array(struct buf *out, const struct uuid *ids, size_t count)
{
    char batch[UUID_TEXT];
    buf_byte(out, '{');
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i > 0 ? "," : "", uuid_format(&ids[i], batch));
    buf_byte(out, '}');
}

static bool is_true(const PGresult *rows, int row, int column)
{
    return strcmp(PQgetvalue(rows, row, column), "t") == 0; /* NULL is "" */
}

static struct batch_known known_of(const PGresult *rows, int i)
{
    const char *status = PQgetvalue(rows, i, 1);
    return (struct batch_known){
        .batch = PQgetvalue(rows, i, 0),
        .status = status,
        .spool_id = PQgetvalue(rows, i, 2),
        .error = PQgetvalue(rows, i, 5),
        .has_receipt = *status != '\0',
        .is_ours = is_true(rows, i, 3),
        .is_settled = strcmp(status, "done") == 0 || strcmp(status, "failed") == 0,
        .is_young = is_true(rows, i, 6),
        .is_in_ledger = is_true(rows, i, 7),
        .file_count = strtoull(PQgetvalue(rows, i, 4), NULL, 10),
    };
}

struct err batches_ask(const struct doctor *d, struct pg *pg, const struct uuid *ids, size_t count,
                       struct err (*judge)(void *context, const struct batch_known *known),
                       void *context)
{
    struct err e = ERR_OK;
    for (size_t from = 0; from < count && !err_is(&e); from += BATCHES_ASKED) {
        size_t some = count - from < BATCHES_ASKED ? count - from : BATCHES_ASKED;
        struct buf array = {0};
        PGresult *rows;
        batches_array(&array, ids + from, some);
        e = pg_query(pg, sql_doctor_batches, PG_PARAMS(buf_cstr(&array), d->spool->id), &rows);
        buf_free(&array);
        if (err_is(&e))
            return e;
        for (int i = 0; i < PQntuples(rows) && !err_is(&e); i++) {
            struct batch_known known = known_of(rows, i);
            e = judge(context, &known);
        }
        PQclear(rows);
    }
    return e;
}

struct err portion_ask(struct portion *p)
{
    struct err e = batches_ask(p->doctor, p->pg, p->ids, p->count, p->judge, p->context);
    p->count = 0;
    return e;
}

struct err portion_add(struct portion *p, const struct uuid *id)
{
    p->ids[p->count++] = *id;
    return p->count == BATCHES_ASKED ? portion_ask(p) : ERR_OK;
}
