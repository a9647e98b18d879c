/* SPDX-License-Identifier: MIT */
/*
 * rows: a query whose rows are one JSON value each, as an array.
 *
 *     json_t *rows;
 *     TRY(rows_query(&pg, sql_status_receipts, PG_PARAMS("8", spool_id, NULL, NULL), &rows));
 *     json_decref(rows);
 *
 * On failure rows is NULL. A value that isn't JSON, as text in no encoding makes it, is null.
 */
#ifndef SPOOLGATE_STATUS_ROWS_H
#define SPOOLGATE_STATUS_ROWS_H

#include <jansson.h>

#include "base/err.h"
#include "io/pg.h"

struct err rows_query(struct pg *pg, const char *sql, int count, const char *const *params,
                      json_t **rows);

#endif
