/* SPDX-License-Identifier: MIT */
#include "kb/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/queries.h"

static const char undecided[] = "the database has no knowledge base: run `spoolgate migrate`, or "
                                "set knowledge.enabled to false";

static struct err read_row(const PGresult *rows, struct kb_shape *shape)
{
    *shape = (struct kb_shape){0};
    if (PQntuples(rows) != 1)
        return err_make(ERR_CONFIG, "%s", undecided);
    const char *type = PQgetvalue(rows, 0, 0);
    while (kb_vector_type_names[shape->type] &&
           strcmp(kb_vector_type_names[shape->type], type) != 0)
        shape->type++;
    shape->dimensions = strtoul(PQgetvalue(rows, 0, 1), NULL, 10);
    (void)snprintf(shape->model, sizeof shape->model, "%s", PQgetvalue(rows, 0, 2));
    if (!kb_vector_type_names[shape->type] || shape->dimensions < 1 ||
        shape->dimensions > KB_DIMENSIONS_MAX)
        return err_make(ERR_CONFIG,
                        "pmoves_kb.embedding has %s:%zu, which this program doesn't know: run "
                        "`spoolgate migrate --embedding`",
                        type, shape->dimensions);
    return ERR_OK;
}

static struct err ask(struct pg *pg, const char *sql, struct kb_shape *shape)
{
    PGresult *rows;
    struct err e = pg_query(pg, sql, PG_NO_PARAMS, &rows);
    if (strcmp(e.sqlstate, "42P01") == 0 || strcmp(e.sqlstate, "3F000") == 0)
        return err_make(ERR_CONFIG, "%s", undecided);
    if (err_is(&e))
        return e;
    e = read_row(rows, shape);
    PQclear(rows);
    return e;
}

struct err kb_shape_read(struct pg *pg, struct kb_shape *shape)
{
    return ask(pg, sql_knowledge_record_read, shape);
}

struct err kb_shape_hold(struct pg *pg, struct kb_shape *shape)
{
    return ask(pg, sql_kb_shape_hold, shape);
}
