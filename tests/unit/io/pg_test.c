/* SPDX-License-Identifier: MIT */
#include "io/pg.h"

#include <stdlib.h>

#include "bytes.h"

/* The error taxonomy of docs/INTERNALS.md, by SQLSTATE. */
Test(io_pg, classes)
{
    static const struct {
        const char *sqlstate;
        enum err_class want;
    } rows[] = {
        /* the row's fault */
        {"22001", ERR_ROW}, /* string too long */
        {"22003", ERR_ROW}, /* out of range */
        {"22008", ERR_ROW}, /* no such time */
        {"22021", ERR_ROW}, /* not the server's encoding */
        {"22P02", ERR_ROW},
        {"22P05", ERR_ROW},
        {"23502", ERR_ROW}, /* NOT NULL */
        {"23503", ERR_ROW}, /* foreign key */
        {"23505", ERR_ROW}, /* unique */
        {"23514", ERR_ROW}, /* CHECK, and no partition for the row */
        {"23P01", ERR_ROW}, /* exclusion */
        {"44000", ERR_ROW}, /* WITH CHECK OPTION */
        {"P0001", ERR_ROW}, /* RAISE EXCEPTION */
        /* the environment's: hold */
        {"08000", ERR_DATABASE},
        {"08006", ERR_DATABASE},
        {"57P01", ERR_DATABASE}, /* being shut down */
        {"57P03", ERR_DATABASE}, /* starting up */
        {"57014", ERR_DATABASE}, /* statement timeout */
        {"55P03", ERR_DATABASE}, /* lock timeout */
        {"53100", ERR_DATABASE}, /* disk full */
        {"53200", ERR_DATABASE}, /* out of memory */
        {"53300", ERR_DATABASE}, /* too many connections */
        {"40001", ERR_DATABASE}, /* serialization */
        {"40P01", ERR_DATABASE}, /* deadlock */
        {"42P01", ERR_DATABASE}, /* no such table */
        {"42501", ERR_DATABASE}, /* no permission */
        {"42703", ERR_DATABASE}, /* no such column */
        {"22P03", ERR_DATABASE}, /* a binary form that isn't the column's */
        {"28P01", ERR_DATABASE}, /* wrong password */
        {"28000", ERR_DATABASE},
        {"3D000", ERR_DATABASE}, /* no such database */
        {"25006", ERR_DATABASE}, /* read-only */
        {"58030", ERR_DATABASE}, /* the server's disk */
        {"XX000", ERR_DATABASE}, /* its bugs */
        {"XX001", ERR_DATABASE},
        {"P0000", ERR_DATABASE}, /* a trigger that doesn't run */
        {"P0002", ERR_DATABASE},
        {"P0004", ERR_DATABASE},
        {"0A000", ERR_DATABASE},
        {"54000", ERR_DATABASE},
        {"54001", ERR_DATABASE},
        /* whatever else, and nothing at all */
        {"99999", ERR_DATABASE},
        {"2", ERR_DATABASE},
        {"", ERR_DATABASE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum err_class got = pg_class(rows[i].sqlstate);
        cr_expect_eq(got, rows[i].want, "%s: want %s, got %s", rows[i].sqlstate,
                     err_class_name(rows[i].want), err_class_name(got));
    }
}

/* What people and logs get to see of a conninfo: never a password. */
Test(io_pg, describe)
{
    static const struct {
        const char *conninfo, *want;
    } rows[] = {
        {"host=/run/pg dbname=spool user=ingest", "host=/run/pg dbname=spool user=ingest"},
        {"host=h dbname=d user=u password=geheim", "host=h dbname=d user=u"},
        {"postgres://u:geheim@h:5433/d", "host=h port=5433 dbname=d user=u"},
        {"postgres://h/d?user=u&password=geheim&sslpassword=geheim", "host=h dbname=d user=u"},
        {"password='geheim' host=h user=u dbname=d", "host=h dbname=d user=u"},
        {"host=h password=geheim nonsense", NULL},
        {"postgres://u:geheim@[::1", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *got = pg_describe(rows[i].conninfo);
        cr_assert_not_null(got);
        cr_expect(!strstr(got, "geheim"), "%s shows the password: %s", rows[i].conninfo, got);
        if (rows[i].want) {
            /* the order of the words is libpq's */
            char want[BYTES_TEXT];
            (void)snprintf(want, sizeof want, "%s", rows[i].want);
            cr_expect_eq(strlen(got), strlen(want), "%s\nwant: %s\n got: %s", rows[i].conninfo,
                         want, got);
            for (char *rest = want, *word; (word = strsep(&rest, " "));)
                cr_expect(strstr(got, word), "%s\nwant: %s\n got: %s", rows[i].conninfo, word, got);
        }
        free(got);
    }
}
