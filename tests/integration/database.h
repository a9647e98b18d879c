/* SPDX-License-Identifier: MIT */
/*
 * database: a connection to SPOOLGATE_TEST_DATABASE with a schema of the test's own; the test is
 * skipped where the variable isn't set.
 *
 *     struct database d;
 *     database_open(&d, true);          // migrated
 *     cr_assert_str_eq(database_value(&d, "SELECT count(*) FROM metrics"), "0");
 *     database_close(&d);
 */
#ifndef SPOOLGATE_TESTS_DATABASE_H
#define SPOOLGATE_TESTS_DATABASE_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/sql.h"
#include "base/uuid.h"
#include "folder.h"
#include "io/pg.h"
#include "shipped.h"
#include "schema/migrate.h"

struct database {
    struct pg pg;
    struct pg_target target;
    char schema[64];
    char value[1024];
};

static inline void database_open(struct database *d, bool migrate)
{
    struct migrate_report report = {0};
    struct uuid id = uuid_new();
    char text[UUID_TEXT];
    const char *conninfo = getenv("SPOOLGATE_TEST_DATABASE");
    pg_init(&d->pg);
    d->pg.connection = NULL;
    if (!conninfo || !*conninfo)
        cr_skip("SPOOLGATE_TEST_DATABASE is not set");
    (void)snprintf(d->schema, sizeof d->schema, "Test \"%s\"", uuid_format(&id, text));
    d->target = (struct pg_target){conninfo, d->schema};
    EXPECT_OK(pg_open(&d->pg, &d->target));
    if (migrate)
        EXPECT_OK(migrate_apply(&d->pg, d->schema, shipped_streams(), &report));
    migrate_report_free(&report);
}

static inline void database_close(struct database *d)
{
    struct buf sql = {0};
    if (!d->pg.connection)
        return;
    if (!pg_is_open(&d->pg))
        EXPECT_OK(pg_open(&d->pg, &d->target));
    pg_rollback(&d->pg);
    buf_str(&sql, "DROP SCHEMA IF EXISTS ");
    sql_identifier(&sql, d->schema);
    buf_str(&sql, " CASCADE");
    EXPECT_OK(pg_exec(&d->pg, buf_cstr(&sql)));
    buf_free(&sql);
    pg_close(&d->pg);
}

/* The first value of the first row, "" for NULL, "(no row)" where there is none. */
static inline const char *database_value(struct database *d, const char *sql)
{
    PGresult *rows;
    EXPECT_OK(pg_query(&d->pg, sql, PG_NO_PARAMS, &rows));
    (void)snprintf(d->value, sizeof d->value, "%s",
                   PQntuples(rows) > 0 ? PQgetvalue(rows, 0, 0) : "(no row)");
    PQclear(rows);
    return d->value;
}

#define EXPECT_VALUE(d, sql, want)                                                  \
    do {                                                                            \
        const char *got_ = database_value((d), (sql));                              \
        cr_assert_str_eq(got_, (want), "%s: want %s, got %s", (sql), (want), got_); \
    } while (0)

#endif
