/* SPDX-License-Identifier: MIT */
#include "io/pg.h"

#include <pthread.h>
#include <signal.h>

#include "base/mem.h"
#include "base/time.h"
#include "bytes.h"
#include "database.h"
#include "replay/copier.h"
#include "replay/copybin.h"

static struct database db;

static void set_up(void)
{
    database_open(&db, true);
}

static void tear_down(void)
{
    database_close(&db);
}

TestSuite(pg, .init = set_up, .fini = tear_down);

Test(pg, a_statement_is_prepared_once_for_a_connection)
{
    static const char twice[] = "SELECT $1::int * 2";
    static const char wrong[] = "SELECT $1::int / 0";
    PGresult *rows;
    for (int connection = 0; connection < 2; connection++) {
        for (int i = 0; i < 3; i++) {
            EXPECT_OK(pg_query_prepared(&db.pg, twice, PG_PARAMS("21"), &rows));
            cr_assert_str_eq(PQgetvalue(rows, 0, 0), "42");
            PQclear(rows);
            EXPECT_ERR(pg_query_prepared(&db.pg, wrong, PG_PARAMS("1"), &rows), ERR_ROW, "22012");
            cr_assert_null(rows);
        }
        EXPECT_VALUE(&db, "SELECT count(*) FROM pg_prepared_statements", "2");
        EXPECT_OK(pg_open(&db.pg, &db.target)); /* a new session knows nothing of them */
    }
}

Test(pg, more_statements_than_are_kept_prepared)
{
    static char texts[PG_PREPARED_MAX + 3][32];
    for (int i = 0; i < PG_PREPARED_MAX + 3; i++) {
        PGresult *rows;
        (void)snprintf(texts[i], sizeof texts[i], "SELECT %d", i);
        EXPECT_OK(pg_query_prepared(&db.pg, texts[i], PG_NO_PARAMS, &rows));
        cr_assert_eq(atoi(PQgetvalue(rows, 0, 0)), i, "got %s", PQgetvalue(rows, 0, 0));
        PQclear(rows);
    }
}

Test(pg, several_statements_in_one_round_trip)
{
    static const char one[] = "SELECT 1";
    static const char sum[] = "SELECT $1::int + $2::int";
    static const char wrong[] = "SELECT 1/0";
    const char *const params[] = {"40", "2"};
    const struct pg_statement good[] = {{one, 0, NULL}, {sum, 2, params}};
    const struct pg_statement bad[] = {{one, 0, NULL}, {wrong, 0, NULL}, {sum, 2, params}};
    PGresult *rows[3];
    for (int i = 0; i < 3; i++) {
        EXPECT_OK(pg_query_all(&db.pg, good, 2, rows));
        cr_assert_str_eq(PQgetvalue(rows[0], 0, 0), "1");
        cr_assert_str_eq(PQgetvalue(rows[1], 0, 0), "42");
        PQclear(rows[0]);
        PQclear(rows[1]);
        EXPECT_ERR(pg_query_all(&db.pg, bad, 3, rows), ERR_ROW, "22012");
        cr_assert_not_null(rows[0]);
        cr_assert_null(rows[1]);
        cr_assert_null(rows[2], "what follows a failure isn't run");
        PQclear(rows[0]);
        EXPECT_VALUE(&db, "SELECT 'and on it goes'", "and on it goes");
    }
}

Test(pg, a_ping_notices_a_server_that_hung_up_a_moment_ago)
{
    struct pg other;
    char *pid = mem_strdup(database_value(&db, "SELECT pg_backend_pid()"));
    pg_init(&other);
    EXPECT_OK(pg_open(&other, &db.target));
    EXPECT_OK(pg_ping(&db.pg));
    EXPECT_OK(
        pg_query(&other, "SELECT pg_terminate_backend($1::int, 10000)", PG_PARAMS(pid), NULL));
    const struct pg_statement one = {"SELECT 1", 0, NULL};
    PGresult *rows;
    EXPECT_ERR(pg_ping(&db.pg), ERR_DATABASE, "");
    EXPECT_ERR(pg_query_all(&db.pg, &one, 1, &rows), ERR_DATABASE, "");
    cr_assert_null(rows);
    pg_close(&other);
    free(pid);
}

/* Each class of the server's list (its appendix A), and what is not in it: triggers say what they
 * like. */
Test(pg, every_sqlstate_has_a_class)
{
    static const char *const rows[] = {"22000", "22001", "22003", "22021", "22P02", "22P05",
                                       "2203A", "23000", "23502", "23503", "23505", "23514",
                                       "23P01", "23999", "44000", "P0001"};
    static const char *const environment[] = {
        "00000", "01000", "02000", "03000", "08000", "08006", "09000", "0A000", "0B000", "0F000",
        "0L000", "0P000", "0Z000", "20000", "21000", "22P03", "24000", "25001", "25006", "25P02",
        "25P03", "26000", "27000", "28000", "28P01", "2B000", "2BP01", "2D000", "2F000", "34000",
        "38000", "39000", "3B000", "3D000", "3F000", "40001", "40P01", "42501", "42601", "42703",
        "42P01", "42P10", "53100", "53200", "53300", "54000", "54001", "55006", "55P03", "57014",
        "57P01", "57P03", "57P05", "58000", "58030", "58P01", "72000", "F0000", "HV000", "P0000",
        "P0002", "P0004", "XX000", "XX001", "XX002", "ZZ999", "P000",  "2",     ""};
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(pg_class(rows[i]), ERR_ROW, "%s: want row, got %s", rows[i],
                     err_class_name(pg_class(rows[i])));
    for (size_t i = 0; i < COUNT(environment); i++)
        cr_expect_eq(pg_class(environment[i]), ERR_DATABASE, "%s: want database, got %s",
                     environment[i], err_class_name(pg_class(environment[i])));
}

Test(pg, what_the_server_says_has_its_class)
{
    EXPECT_OK(
        pg_exec(&db.pg, "CREATE TABLE strict (n integer PRIMARY KEY CHECK (n < 10), t text)"));
    EXPECT_OK(pg_exec(&db.pg, "INSERT INTO strict VALUES (1)"));
    static const struct {
        const char *sql, *sqlstate;
        enum err_class cls;
    } rows[] = {
        {"SELECT 1/0", "22012", ERR_ROW},
        {"SELECT 'x'::int", "22P02", ERR_ROW},
        {"SELECT '2026-13-01'::date", "22008", ERR_ROW},
        {"INSERT INTO strict VALUES (1)", "23505", ERR_ROW},
        {"INSERT INTO strict VALUES (10)", "23514", ERR_ROW},
        {"INSERT INTO strict VALUES (NULL)", "23502", ERR_ROW},
        {"DO $$ BEGIN RAISE EXCEPTION 'no'; END $$", "P0001", ERR_ROW},
        {"INSERT INTO metrics VALUES ('1800-01-01', 's', 'n', 1, '{}', gen_random_uuid())", "23514",
         ERR_ROW},
        {"SELECT * FROM nothing", "42P01", ERR_DATABASE},
        {"SELECT nothing FROM strict", "42703", ERR_DATABASE},
        {"SELEKT 1", "42601", ERR_DATABASE},
        {"SELECT * FROM pg_authid", "42501", ERR_DATABASE},
        {"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$", "40001", ERR_DATABASE},
        {"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", "53100", ERR_DATABASE},
        {"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '54000'; END $$", "54000", ERR_DATABASE},
        {"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'XX001'; END $$", "XX001", ERR_DATABASE},
        {"SET statement_timeout = '1ms'; SELECT pg_sleep(60)", "57014", ERR_DATABASE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = pg_exec(&db.pg, rows[i].sql);
        cr_assert_eq(e.cls, rows[i].cls, "%s: want %s, got %s: %s", rows[i].sql,
                     err_class_name(rows[i].cls), err_class_name(e.cls), e.text);
        cr_assert_str_eq(e.sqlstate, rows[i].sqlstate, "%s: want %s, got %s", rows[i].sql,
                         rows[i].sqlstate, e.sqlstate);
        cr_assert(strstr(e.text, rows[i].sqlstate), "%s: the text names it: %s", rows[i].sql,
                  e.text);
        cr_assert_eq(pg_class(rows[i].sqlstate), rows[i].cls, "%s", rows[i].sqlstate);
        EXPECT_OK(pg_exec(&db.pg, "SET statement_timeout = 0"));
    }
}

Test(pg, a_query_takes_parameters_and_gives_rows)
{
    PGresult *rows;
    EXPECT_OK(
        pg_query(&db.pg, "SELECT $1::int + 1, $2::text IS NULL", PG_PARAMS("41", NULL), &rows));
    cr_assert_str_eq(PQgetvalue(rows, 0, 0), "42");
    cr_assert_str_eq(PQgetvalue(rows, 0, 1), "t");
    PQclear(rows);
    EXPECT_ERR(pg_query(&db.pg, "SELECT $1::int", PG_PARAMS("x"), &rows), ERR_ROW, "22P02");
    cr_assert_null(rows);
    EXPECT_OK(pg_query(&db.pg, "SELECT 1", PG_NO_PARAMS, NULL));
}

Test(pg, the_session_is_pinned)
{
    cr_assert_str_eq(database_value(&db, "SELECT current_schema()"), db.schema);
    /* a table of another schema, or a temporary one, can't stand in for ours */
    EXPECT_OK(pg_exec(&db.pg, "CREATE TEMP TABLE metrics (x int)"));
    EXPECT_VALUE(&db,
                 "SELECT count(*) FROM information_schema.columns WHERE table_schema ="
                 " current_schema() AND table_name = 'metrics' AND column_name = 'value'",
                 "1");
    EXPECT_OK(pg_query(&db.pg, "SELECT value FROM metrics", PG_NO_PARAMS, NULL));
    EXPECT_VALUE(&db, "SHOW TimeZone", "UTC");
}

Test(pg, a_commit_that_rolls_back_is_a_failure)
{
    EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
    EXPECT_ERR(pg_exec(&db.pg, "SELECT 1/0"), ERR_ROW, "22012");
    EXPECT_ERR(pg_commit(&db.pg), ERR_DATABASE, "ROLLBACK");
    EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
    EXPECT_OK(pg_commit(&db.pg));
    EXPECT_OK(
        pg_exec(&db.pg, "CREATE TABLE late (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)"));
    EXPECT_OK(pg_exec(&db.pg, "BEGIN; INSERT INTO late VALUES (1), (1)"));
    EXPECT_ERR(pg_commit(&db.pg), ERR_ROW, "23505");
}

Test(pg, a_lost_connection_is_the_environments_and_can_be_opened_again)
{
    EXPECT_ERR(pg_exec(&db.pg, "SELECT pg_terminate_backend(pg_backend_pid())"), ERR_DATABASE,
               "terminating connection");
    cr_assert_not(pg_is_open(&db.pg));
    EXPECT_ERR(pg_ping(&db.pg), ERR_DATABASE, "");
    EXPECT_OK(pg_open(&db.pg, &db.target));
    EXPECT_OK(pg_ping(&db.pg));
    pg_close(&db.pg);
    pg_close(&db.pg);
    cr_assert_not(pg_is_open(&db.pg));
    pg_cancel(&db.pg); /* of nothing */
}

Test(pg, a_server_that_is_not_there)
{
    struct pg other;
    pg_init(&other);
    static const char *const nowhere[] = {"host=/nonexistent", "postgresql://127.0.0.1:1/x"};
    for (size_t i = 0; i < COUNT(nowhere); i++) {
        struct err e = pg_open(&other, &(struct pg_target){nowhere[i], "public"});
        cr_assert_eq(e.cls, ERR_DATABASE, "%s: got %s: %s", nowhere[i], err_class_name(e.cls),
                     e.text);
        cr_assert_str_eq(e.sqlstate, "");
    }
}

static void *cancel_when_asleep(void *unused)
{
    struct database watcher;
    (void)unused;
    database_open(&watcher, false);
    int64_t end = time_monotonic() + 120 * TIME_US_PER_S;
    while (strcmp(database_value(&watcher, "SELECT count(*) FROM pg_stat_activity WHERE query ="
                                           " 'SELECT pg_sleep(601)' AND state = 'active'"),
                  "0") == 0)
        cr_assert_lt(time_monotonic(), end, "the statement is never seen");
    pg_cancel(&db.pg);
    database_close(&watcher);
    return NULL;
}

Test(pg, cancel_breaks_off_from_another_thread)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, cancel_when_asleep, NULL), 0);
    EXPECT_ERR(pg_exec(&db.pg, "SELECT pg_sleep(601)"), ERR_DATABASE, "57014");
    cr_assert_eq(pthread_join(thread, NULL), 0);
    EXPECT_OK(pg_ping(&db.pg));
}

/* ---- COPY ---- */

static void put_number(struct buf *row, int64_t n)
{
    buf_be16(row, 1);
    copybin_int8(row, n);
}

static void make_table(void)
{
    EXPECT_OK(pg_exec(&db.pg, "CREATE TABLE numbers (n bigint)"));
}

#define COPY_NUMBERS "COPY numbers FROM STDIN (FORMAT binary)"

Test(pg, copy_counts_its_rows)
{
    enum { MANY = 20000 };
    struct buf data = {0};
    uint64_t taken;
    make_table();
    copybin_header(&data);
    for (int64_t i = 0; i < MANY; i++)
        put_number(&data, i);
    copybin_trailer(&data);
    EXPECT_OK(pg_copy_begin(&db.pg, COPY_NUMBERS));
    EXPECT_OK(pg_copy_data(&db.pg, data.data, data.len));
    EXPECT_OK(pg_copy_end(&db.pg, &taken));
    cr_assert_eq(taken, MANY, "got %d", (int)taken);
    EXPECT_VALUE(&db, "SELECT count(*) || ' ' || sum(n) FROM numbers", "20000 199990000");
    buf_free(&data);
}

Test(pg, copy_failures_come_out_somewhere)
{
    struct buf data = {0};
    uint64_t taken;
    make_table();
    EXPECT_ERR(pg_copy_begin(&db.pg, "COPY nothing FROM STDIN (FORMAT binary)"), ERR_DATABASE,
               "42P01");
    EXPECT_ERR(pg_copy_begin(&db.pg, "SELECT 1"), ERR_DATABASE, "");
    EXPECT_OK(pg_copy_begin(&db.pg, COPY_NUMBERS));
    EXPECT_OK(pg_copy_data(&db.pg, "not binary copy data", 20));
    EXPECT_ERR(pg_copy_end(&db.pg, &taken), ERR_ROW, "22P04");
    EXPECT_OK(pg_exec(&db.pg, "ALTER TABLE numbers ADD CHECK (n < 5)"));
    copybin_header(&data);
    put_number(&data, 5);
    copybin_trailer(&data);
    EXPECT_OK(pg_copy_begin(&db.pg, COPY_NUMBERS));
    EXPECT_OK(pg_copy_data(&db.pg, data.data, data.len));
    EXPECT_ERR(pg_copy_end(&db.pg, &taken), ERR_ROW, "23514");
    EXPECT_OK(pg_ping(&db.pg));
    buf_free(&data);
}

/* Rows of two tables, one after the other; the trigger may swallow some. */
static struct err copy_numbers(int64_t from, int64_t to)
{
    struct copier c;
    struct err e = ERR_OK;
    copier_open(&c, &db.pg, 2);
    copier_name(&c, 0, COPY_NUMBERS);
    copier_name(&c, 1, "COPY others FROM STDIN (FORMAT binary)");
    for (int64_t n = from; n < to && !err_is(&e); n++) {
        size_t table = (size_t)(n % 2);
        put_number(&c.rows[table], n);
        e = copier_row_added(&c, table);
    }
    if (!err_is(&e))
        e = copier_finish(&c);
    cr_assert(err_is(&e) || c.counts[0] + c.counts[1] == (uint64_t)(to - from));
    copier_close(&c);
    return e;
}

Test(pg, a_copy_that_takes_fewer_rows_than_were_sent_is_a_failure)
{
    make_table();
    EXPECT_OK(pg_exec(&db.pg, "CREATE TABLE others (n bigint)"));
    EXPECT_OK(copy_numbers(0, 1000));
    EXPECT_VALUE(&db, "SELECT count(*) || ' ' || (SELECT count(*) FROM others) FROM numbers",
                 "500 500");
    EXPECT_OK(pg_exec(&db.pg, "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
                              " 'BEGIN RETURN CASE WHEN new.n % 100 <> 0 THEN new END; END'"));
    EXPECT_OK(pg_exec(&db.pg, "CREATE TRIGGER swallow BEFORE INSERT ON numbers"
                              " FOR EACH ROW EXECUTE FUNCTION swallow()"));
    EXPECT_ERR(copy_numbers(1000, 2000), ERR_DATABASE, "took 490 rows of the 500");
    EXPECT_OK(pg_ping(&db.pg));
}

Test(pg, tables_take_turns_in_long_copies)
{
    make_table();
    EXPECT_OK(pg_exec(&db.pg, "CREATE TABLE others (n bigint)"));
    EXPECT_OK(copy_numbers(0, 1000000)); /* more than COPIER_GATHER of each */
    EXPECT_VALUE(&db, "SELECT count(DISTINCT n) FROM (TABLE numbers UNION ALL TABLE others) x",
                 "1000000");
    EXPECT_VALUE(&db, "SELECT count(*) FROM numbers WHERE n % 2 <> 0", "0");
}

/* ---- what people see ---- */

Test(pg_text, describe_never_shows_the_password)
{
    static const struct {
        const char *conninfo, *want;
    } rows[] = {
        {"host=/run/pg dbname=spool user=ingest password=hunter2", "host=/run/pg"},
        {"postgresql://ingest:hunter2@db.example.org:5433/spool", "host=db.example.org"},
        {"postgresql:///spool?password=hunter2", "dbname=spool"},
        {"service=spool", "service=spool"},
        {"", ""},
        {"not a conninfo hunter2", "not a valid"},
        {"postgresql://u:hunter2%zz@h/d", "not a valid"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *got = pg_describe(rows[i].conninfo);
        cr_assert(strstr(got, rows[i].want), "%s: want `%s`, got `%s`", rows[i].conninfo,
                  rows[i].want, got);
        cr_assert_not(strstr(got, "hunter2"), "%s: got `%s`", rows[i].conninfo, got);
        free(got);
    }
}
