/* SPDX-License-Identifier: MIT */
#include "kb/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/queries.h"

static struct err parse(const PGresult *rows, struct kb_shape *shape)
{
    if (PQntuples(rows) != 1)
        return err_make(ERR_CONFIG, "pmoves_kb.embedding has no row: run `spoolgate migrate`");
    for (unsigned i = 0; kb_vector_type_names[i]; i++)
        if (strcmp(PQgetvalue(rows, 0, 0), kb_vector_type_names[i]) == 0)
            shape->type = (enum kb_vector_type)i;
    shape->dimensions = strtoul(PQgetvalue(rows, 0, 1), NULL, 10);
    (void)snprintf(shape->model, sizeof shape->model, "%s", PQgetvalue(rows, 0, 2));
    return ERR_OK;
}

static struct err read_row(struct pg *pg, const char *sql, struct kb_shape *shape)
{
    PGresult *rows;
    *shape = (struct kb_shape){0};
    struct err e = pg_query(pg, sql, PG_NO_PARAMS, &rows);
    if (strcmp(e.sqlstate, "3F000") == 0 || strcmp(e.sqlstate, "42P01") == 0)
        return err_make(ERR_CONFIG,
                        "the database has no knowledge base: run `spoolgate migrate`, or set "
                        "knowledge.enabled to false");
    if (err_is(&e))
        return e;
    e = parse(rows, shape);
    PQclear(rows);
    return e;
}

struct err kb_shape_read(struct pg *pg, struct kb_shape *shape)
{
    return read_row(pg, sql_kb_shape, shape);
}

struct err kb_shape_hold(struct pg *pg, struct kb_shape *shape)
{
    return read_row(pg, sql_kb_shape_share, shape);
}
