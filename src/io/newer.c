/* SPDX-License-Identifier: MIT */
#include "io/newer.h"

#include <stdio.h>

#include "db/migrations.h"
#include "db/queries.h"

static const char *last_number(const struct migration *last, char number[NEWER_NUMBER])
{
    (void)snprintf(number, NEWER_NUMBER, "%d", last->number);
    return number;
}

static struct err judge(const PGresult *rows, const struct migration *last)
{
    if (PQntuples(rows) == 0)
        return ERR_OK;
    return err_make(ERR_CONFIG,
                    "the database is newer than this program: it has migration %s, and the last "
                    "one here is %s; install the newer spoolgate",
                    PQgetvalue(rows, 0, 0), last->name);
}

static struct err ask(struct pg *pg, const char *sql, const struct migration *last)
{
    char number[NEWER_NUMBER];
    PGresult *rows;
    TRY(pg_query_prepared(pg, sql, PG_PARAMS(last_number(last, number)), &rows));
    struct err e = judge(rows, last);
    PQclear(rows);
    return e;
}

struct err newer_check(struct pg *pg)
{
    return ask(pg, sql_migration_newer, &migrations[migration_count - 1]);
}

struct err newer_check_knowledge(struct pg *pg)
{
    return ask(pg, sql_knowledge_newer, &knowledge_migrations[knowledge_migration_count - 1]);
}

struct err newer_check_both(struct pg *pg)
{
    TRY(newer_check(pg));
    return newer_check_knowledge(pg);
}

const char *newer_known(char number[NEWER_NUMBER])
{
    return last_number(&migrations[migration_count - 1], number);
}

struct err newer_judge(const PGresult *rows)
{
    return judge(rows, &migrations[migration_count - 1]);
}
