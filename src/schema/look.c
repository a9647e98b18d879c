/* SPDX-License-Identifier: MIT */
#include "schema/look.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sql.h"
#include "base/time.h"
#include "db/queries.h"
#include "stream/ddl.h"

/* What db/queries/plan_table.sql selects, in its order. */
enum {
    HAS_SCHEMA,
    MAY_USE,
    ME,
    VECTOR_SCHEMA,
    ID,
    KIND,
    OWNER,
    IS_OURS,
    HAS_ROW_SECURITY,
    PARTITION_COLUMN,
    HAS_LEAVES,
    PLACE,
    NAME,
    SHOWN,
    LACKS,
    IS_KNOWN,
    IS_SAME,
    FITS,
    ROUNDS,
    IS_NEVER_NULL,
    IS_FILLED,
    IS_GENERATED,
    IS_IDENTITY,
    STAYS_SO,
};

static const char *text_at(const PGresult *rows, int row, int field)
{
    return PQgetisnull(rows, row, field) ? NULL : PQgetvalue(rows, row, field);
}

static bool bool_at(const PGresult *rows, int row, int field)
{
    return strcmp(PQgetvalue(rows, row, field), "t") == 0;
}

/* Rows that go by a staging table are inserted ON CONFLICT, which reads the key. */
static const char *privileges(enum stream_mode mode)
{
    static const char *const wanted[] = {[STREAM_APPEND] = "{INSERT}",
                                         [STREAM_IGNORE] = "{INSERT,SELECT}",
                                         [STREAM_UPSERT] = "{INSERT,SELECT,UPDATE}"};
    return wanted[mode];
}

static struct err ask_table(struct pg *pg, const char *schema, const struct stream *s,
                            PGresult **rows)
{
    struct buf names = {0};
    struct buf types = {0};
    struct buf dimensions = {0};
    char type[COLUMN_TYPE_NAME];
    buf_byte(&names, '{');
    buf_byte(&types, '{');
    buf_byte(&dimensions, '{');
    for (size_t i = 0; i < s->column_count; i++) {
        struct column bare = s->columns[i];
        buf_printf(&dimensions, "%s%u", i > 0 ? "," : "", bare.dimensions);
        bare.dimensions = 0;
        sql_element(&names, bare.name);
        sql_element(&types, column_type_name(&bare, type));
    }
    buf_byte(&names, '}');
    buf_byte(&types, '}');
    buf_byte(&dimensions, '}');
    struct err e = pg_query(pg, sql_plan_table,
                            PG_PARAMS(s->schema ? s->schema : schema, s->table, buf_cstr(&names),
                                      buf_cstr(&types), buf_cstr(&dimensions), privileges(s->mode)),
                            rows);
    buf_free(&names);
    buf_free(&types);
    buf_free(&dimensions);
    return e;
}

static struct look_column read_column(const PGresult *rows, int row, const struct stream *s)
{
    const char *place = text_at(rows, row, PLACE);
    struct look_column c = {
        .wanted = place ? &s->columns[strtoul(place, NULL, 10)] : NULL,
        .name = text_at(rows, row, NAME),
        .type = text_at(rows, row, SHOWN),
        .lacks = text_at(rows, row, LACKS),
        .is_known = bool_at(rows, row, IS_KNOWN),
        .is_same = bool_at(rows, row, IS_SAME),
        .fits = bool_at(rows, row, FITS),
        .rounds = bool_at(rows, row, ROUNDS),
        .is_never_null = bool_at(rows, row, IS_NEVER_NULL),
        .is_filled = bool_at(rows, row, IS_FILLED),
        .is_generated = bool_at(rows, row, IS_GENERATED),
        .is_identity = bool_at(rows, row, IS_IDENTITY),
        .stays_so = bool_at(rows, row, STAYS_SO),
    };
    if (c.wanted)
        c.name = c.wanted->name;
    return c;
}

struct err look_table(struct pg *pg, const char *schema, const struct stream *s, struct look *look)
{
    PGresult *rows;
    *look = (struct look){0};
    TRY(ask_table(pg, schema, s, &rows));
    *look = (struct look){
        .rows = rows,
        .has_schema = bool_at(rows, 0, HAS_SCHEMA),
        .may_use = bool_at(rows, 0, MAY_USE),
        .me = text_at(rows, 0, ME),
        .vector_schema = text_at(rows, 0, VECTOR_SCHEMA),
        .id = text_at(rows, 0, ID),
        .kind = *PQgetvalue(rows, 0, KIND),
        .owner = text_at(rows, 0, OWNER),
        .is_ours = bool_at(rows, 0, IS_OURS),
        .has_row_security = bool_at(rows, 0, HAS_ROW_SECURITY),
        .partition_column = text_at(rows, 0, PARTITION_COLUMN),
        .has_leaves = bool_at(rows, 0, HAS_LEAVES),
        .column_count = (size_t)PQntuples(rows),
    };
    look->columns = mem_calloc(look->column_count, sizeof *look->columns);
    for (size_t i = 0; i < look->column_count; i++)
        look->columns[i] = read_column(rows, (int)i, s);
    return ERR_OK;
}

void look_free(struct look *look)
{
    free(look->columns);
    PQclear(look->rows);
    *look = (struct look){0};
}

struct err look_index(struct pg *pg, const struct look *look, const struct stream *s,
                      const struct stream_index *index, struct look_index *found)
{
    struct buf columns = {0};
    char name[DDL_NAME];
    PGresult *rows;
    buf_byte(&columns, '{');
    for (size_t i = 0; i < index->column_count; i++)
        sql_element(&columns, s->columns[index->columns[i]].name);
    buf_byte(&columns, '}');
    struct err e = pg_query(pg, sql_plan_index,
                            PG_PARAMS(look->id, index->method, index->unique ? "t" : "f",
                                      buf_cstr(&columns), ddl_index_name(s, index, name)),
                            &rows);
    buf_free(&columns);
    if (!err_is(&e))
        *found = (struct look_index){bool_at(rows, 0, 0), bool_at(rows, 0, 1), bool_at(rows, 0, 2)};
    PQclear(rows);
    return e;
}

/* A window may be longer than all of history. */
static int64_t window(int64_t us)
{
    static const int64_t far = INT64_C(3650000) * TIME_US_PER_DAY;
    return us < far ? us : far;
}

/* All of the periods that rows may come for now. */
static struct period_range reach(const struct stream *s)
{
    int64_t now = time_now();
    int64_t keep_from = stream_keep_from(s, now);
    int64_t from = period_range(s->every, now - window(s->window_past_us)).from_us;
    return (struct period_range){
        from > keep_from ? from : keep_from,
        period_range(s->every, now + window(s->window_ahead_us)).to_us,
    };
}

struct err look_leaf(struct pg *pg, const struct look *look, const struct stream *s,
                     struct look_leaf *leaf)
{
    PGresult *rows;
    char from[24];
    char to[24];
    struct period_range rows_of = reach(s);
    *leaf = (struct look_leaf){0};
    (void)snprintf(from, sizeof from, "%" PRId64, rows_of.from_us);
    (void)snprintf(to, sizeof to, "%" PRId64, rows_of.to_us);
    TRY(pg_query(pg, sql_plan_leaf, PG_PARAMS(look->id, period_name(s->every), from, to), &rows));
    if (PQntuples(rows) > 0)
        *leaf = (struct look_leaf){mem_strdup(PQgetvalue(rows, 0, 0)),
                                   mem_strdup(PQgetvalue(rows, 0, 1)), bool_at(rows, 0, 2)};
    PQclear(rows);
    return ERR_OK;
}

struct err look_has_rows(struct pg *pg, const struct stream *s, bool *has_rows)
{
    struct buf table = {0};
    struct buf sql = {0};
    PGresult *rows;
    ddl_table(&table, s);
    sql_fill(&sql, sql_table_has_rows, (const struct sql_var[]){{"table", buf_cstr(&table)}, {0}});
    struct err e = pg_query(pg, buf_cstr(&sql), PG_NO_PARAMS, &rows);
    if (!err_is(&e))
        *has_rows = bool_at(rows, 0, 0);
    PQclear(rows);
    buf_free(&table);
    buf_free(&sql);
    return e;
}
