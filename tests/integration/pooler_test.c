/* SPDX-License-Identifier: MIT */
#include "io/pooler.h"

#include <stdio.h>

#include "bytes.h"
#include "database.h"

/* What takes a pooler to be tried out is in tests/e2e/test_pgbouncer.py. */

static struct database db;

static void set_up(void)
{
    database_open(&db, false);
}

static void tear_down(void)
{
    database_close(&db);
}

TestSuite(pooler, .init = set_up, .fini = tear_down);

Test(pooler, nobody_in_between_is_believed_without_a_second_connection)
{
    EXPECT_OK(pooler_check(db.pg.connection, PQbackendPID(db.pg.connection),
                           "host=/nowhere dbname=nothing"));
}

Test(pooler, another_process_than_was_promised_is_a_session_that_is_not_kept)
{
    EXPECT_ERR(
        pooler_check(db.pg.connection, PQbackendPID(db.pg.connection) + 1, db.target.conninfo),
        ERR_CONFIG, "pool_mode = session");
}

Test(pooler, no_second_connection_is_told_and_may_be_tried_again)
{
    EXPECT_ERR(pooler_check(db.pg.connection, PQbackendPID(db.pg.connection) + 1,
                            "host=/nowhere dbname=nothing"),
               ERR_DATABASE, "its pool must be larger");
}
