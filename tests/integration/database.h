/* SPDX-License-Identifier: MIT */
/*
 * database: a connection to SPOOLGATE_TEST_DATABASE with a schema of the test's own; the test is
 * skipped where the variable isn't set.
 *
 *     struct database d;
 *     database_open(&d, true);          // migrated
 *     cr_assert_str_eq(database_value(&d, "SELECT count(*) FROM metrics"), "0");
 *     database_close(&d);
 *
 * What is one for all schemas of a database, as the knowledge base is, is tested in a database of
 * the test's own: database_open_own(). The role may not make one, so the superuser `postgres` does.
 */
#ifndef SPOOLGATE_TESTS_DATABASE_H
#define SPOOLGATE_TESTS_DATABASE_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
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
    char value[4096];
    char name[64];      /* of the database, where it is the test's own */
    char conninfo[400]; /* of that */
};

static inline void database_open(struct database *d, bool migrate)
{
    struct migrate_report report = {0};
    struct uuid id = uuid_new();
    char text[UUID_TEXT];
    const char *conninfo = getenv("SPOOLGATE_TEST_DATABASE");
    *d = (struct database){0};
    pg_init(&d->pg);
    if (!conninfo || !*conninfo)
        cr_skip("SPOOLGATE_TEST_DATABASE is not set");
    (void)snprintf(d->schema, sizeof d->schema, "Test \"%s\"", uuid_format(&id, text));
    d->target = (struct pg_target){conninfo, d->schema};
    EXPECT_OK(pg_open(&d->pg, &d->target));
    if (migrate)
        EXPECT_OK(migrate_apply(&d->pg, d->schema, shipped_streams(), &report));
    migrate_report_free(&report);
}

/* The connection string with one thing changed: the last of equal keys counts. */
static inline const char *database_conninfo(const char *conninfo, const char *key,
                                            const char *value, char text[400])
{
    bool is_url = strstr(conninfo, "://") != NULL;
    const char *separator = !is_url ? " " : strchr(conninfo, '?') ? "&" : "?";
    (void)snprintf(text, 400, "%s%s%s=%s", conninfo, separator, key, value);
    return text;
}

static inline void database_as_superuser(const char *sql)
{
    struct pg pg;
    char conninfo[400];
    struct pg_target target = {
        database_conninfo(getenv("SPOOLGATE_TEST_DATABASE"), "user", "postgres", conninfo),
        "public"};
    pg_init(&pg);
    EXPECT_OK(pg_open(&pg, &target));
    EXPECT_OK(pg_exec(&pg, sql));
    pg_close(&pg);
}

/* Migrated, without the knowledge base. */
static inline void database_open_own(struct database *d)
{
    struct migrate_report report = {0};
    struct uuid id = uuid_new();
    char text[UUID_TEXT];
    char *role;
    const char *conninfo = getenv("SPOOLGATE_TEST_DATABASE");
    *d = (struct database){.schema = "spoolgate"};
    pg_init(&d->pg);
    if (!conninfo || !*conninfo)
        cr_skip("SPOOLGATE_TEST_DATABASE is not set");
    (void)snprintf(d->name, sizeof d->name, "own_%s", uuid_format(&id, text));
    d->target = (struct pg_target){conninfo, d->schema};
    EXPECT_OK(pg_open(&d->pg, &d->target));
    role = mem_strdup(PQuser(d->pg.connection));
    pg_close(&d->pg);
    struct buf sql = {0};
    buf_str(&sql, "CREATE DATABASE ");
    sql_identifier(&sql, d->name);
    buf_str(&sql, " OWNER ");
    sql_identifier(&sql, role);
    database_as_superuser(buf_cstr(&sql));
    buf_free(&sql);
    free(role);
    d->target.conninfo = database_conninfo(conninfo, "dbname", d->name, d->conninfo);
    EXPECT_OK(pg_open(&d->pg, &d->target));
    EXPECT_OK(migrate_apply(&d->pg, d->schema, shipped_streams(), &report));
    migrate_report_free(&report);
}

static inline void database_drop_own(struct database *d)
{
    struct buf sql = {0};
    if (!d->pg.connection)
        return;
    pg_close(&d->pg);
    buf_str(&sql, "DROP DATABASE ");
    sql_identifier(&sql, d->name);
    buf_str(&sql, " WITH (FORCE)");
    database_as_superuser(buf_cstr(&sql));
    buf_free(&sql);
}

static inline void database_close(struct database *d)
{
    struct buf sql = {0};
    if (*d->name) {
        database_drop_own(d);
        return;
    }
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
