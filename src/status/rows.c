/* SPDX-License-Identifier: MIT */
#include "status/rows.h"

struct err rows_query(struct pg *pg, const char *sql, int count, const char *const *params,
                      json_t **rows)
{
    PGresult *result;
    *rows = NULL;
    TRY(pg_query(pg, sql, count, params, &result));
    *rows = json_array();
    for (int i = 0; i < PQntuples(result); i++) {
        json_t *row = json_loads(PQgetvalue(result, i, 0), JSON_DECODE_ANY, NULL);
        (void)json_array_append_new(*rows, row ? row : json_null());
    }
    PQclear(result);
    return ERR_OK;
}
