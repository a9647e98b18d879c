/* SPDX-License-Identifier: MIT */
#include "cli/find.h"

#include "cli/show.h"
#include "db/queries.h"
#include "status/rows.h"

struct err find_receipt(struct pg *pg, const char *batch, json_t **receipt)
{
    json_t *found;
    struct err e = ERR_OK;
    *receipt = NULL;
    TRY(rows_query(pg, sql_receipt_show, PG_PARAMS(batch), &found));
    size_t count = json_array_size(found);
    if (count == 1)
        *receipt = json_incref(json_array_get(found, 0));
    else
        e = err_make(ERR_USAGE,
                     count == 0
                         ? "no receipt has the id or tag `%s`, or an id that begins with it (8 "
                           "characters or more); `spoolgate receipt list` has them"
                         : "`%s` is the beginning of several batch ids",
                     batch);
    json_decref(found);
    return e;
}
