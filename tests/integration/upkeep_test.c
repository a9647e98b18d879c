/* SPDX-License-Identifier: MIT */
#include "replay/upkeep.h"

#include <pthread.h>

#include "base/time.h"
#include "bytes.h"
#include "daemon/maintain.h"
#include "database.h"
#include "replay/leaves.h"
#include "replay/partition.h"
#include "stream/ddl.h"

#define DAY  TIME_US_PER_DAY
#define HOUR (DAY / 24)

static struct database db;
static int64_t now_us; /* Wednesday, 2024-07-17 12:34:56: later clocks don't matter */

static void set_up(void)
{
    cr_assert(time_parse("2024-07-17T12:34:56Z", 20, &now_us));
    database_open(&db, false);
    struct migrate_report report = {0};
    struct stream_set none = {0};
    EXPECT_OK(migrate_apply(&db.pg, db.schema, &none, &report));
    migrate_report_free(&report);
}

static void tear_down(void)
{
    database_close(&db);
}

TestSuite(upkeep, .init = set_up, .fini = tear_down);

/* ---- streams ---- */

static const struct column columns[] = {
    {.name = "ts", .type = COLUMN_TIMESTAMPTZ, .required = true},
    {.name = "note", .type = COLUMN_TEXT},
};
static const struct column date_columns[] = {
    {.name = "ts", .type = COLUMN_DATE, .required = true},
    {.name = "note", .type = COLUMN_TEXT},
};

/* Days, kept for three of them: partitions before 2024-07-14 are past. */
static struct stream days(void)
{
    return (struct stream){.name = "t",
                           .kind = "t",
                           .table = "t",
                           .columns = columns,
                           .column_count = COUNT(columns),
                           .version = STREAM_NO_COLUMN,
                           .every = PERIOD_DAY,
                           .keep_us = 3 * DAY};
}

static void exec(const char *sql)
{
    EXPECT_OK(pg_exec(&db.pg, sql));
}

static void make_table(const struct stream *s)
{
    struct buf sql = {0};
    ddl_stream(&sql, s, NULL);
    exec(buf_cstr(&sql));
    buf_free(&sql);
}

/* By its first instant; whatever `keep` says. */
static void make_leaf(const struct stream *s, const char *from)
{
    struct stream kept = *s;
    struct stream_set set = {&kept, 1};
    struct partition_list wanted = {0};
    int64_t from_us;
    kept.keep_us = 0;
    cr_assert(time_parse(from, strlen(from), &from_us), "%s", from);
    partition_need(&wanted, 0, from_us);
    EXPECT_OK(partition_ensure(&db.pg, &set, &wanted, NULL));
    partition_free(&wanted);
}

static void make_day(const struct stream *s, const char *day)
{
    char from[32];
    (void)snprintf(from, sizeof from, "%sT00:00:00Z", day);
    make_leaf(s, from);
}

static const char *mark_of(const struct stream *s, const char *day, char mark[LEAF_MARK])
{
    struct leaves l;
    int64_t from_us;
    char from[32];
    (void)snprintf(from, sizeof from, "%sT00:00:00Z", day);
    cr_assert(time_parse(from, strlen(from), &from_us));
    EXPECT_OK(leaves_find(&db.pg, s, &l));
    (void)leaf_mark(&l, from_us, mark);
    leaves_free(&l);
    return mark;
}

static void comment(const char *table, const char *text)
{
    struct buf sql = {0};
    buf_printf(&sql, "COMMENT ON TABLE %s IS ", table);
    sql_literal(&sql, text);
    exec(buf_cstr(&sql));
    buf_free(&sql);
}

/* ---- passes ---- */

static char odd_names[256];

static void note_odd(void *context, const char *table, const char *reason)
{
    (void)context;
    cr_assert(strstr(reason, "past keep"), "got %s", reason);
    (void)strcat(strcat(odd_names, table), " ");
}

static struct upkeep_result run(struct pg *pg, const struct stream *s, uint64_t limit)
{
    struct stream_set set = {s, 1};
    struct upkeep u = {
        .pg = pg, .streams = &set, .now_us = now_us, .limit = limit, .odd = note_odd};
    struct upkeep_result r;
    odd_names[0] = '\0';
    EXPECT_OK(upkeep_run(&u, &r));
    return r;
}

#define EXPECT_PASS(s, made_, dropped_, detached_, left_)                                         \
    do {                                                                                          \
        struct upkeep_result r_ = run(&db.pg, (s), 0);                                            \
        cr_assert(r_.made == (made_) && r_.dropped == (dropped_) && r_.detached == (detached_) && \
                      r_.left == (left_),                                                         \
                  "want %d made, %d dropped, %d detached, %d left; got %d, %d, %d, %d (%s)",      \
                  (made_), (dropped_), (detached_), (left_), (int)r_.made, (int)r_.dropped,       \
                  (int)r_.detached, (int)r_.left, r_.first.text);                                 \
    } while (0)

/* FINALIZE waits for every snapshot in the database, those of tests beside us, too. */
static void pass_until_dropped(const struct stream *s, const char *leaf)
{
    char sql[128];
    int64_t end = time_monotonic() + 60 * TIME_US_PER_S;
    (void)snprintf(sql, sizeof sql, "SELECT to_regclass('%s') IS NULL", leaf);
    while (strcmp(database_value(&db, sql), "t") != 0 && time_monotonic() < end)
        (void)run(&db.pg, s, 0);
    EXPECT_VALUE(&db, sql, "t");
}

#define LEAVES                                                           \
    "SELECT coalesce(string_agg(c.relname, ' ' ORDER BY c.relname), '')" \
    "  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"         \
    " WHERE i.inhparent = 't'::regclass AND NOT i.inhdetachpending"
#define TABLES                                                                         \
    "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '')"                   \
    "  FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace" \
    "   AND relkind = 'r' AND relname ~ '^(t|mine)(_|$)' AND NOT relispartition"

/* ---- ahead ---- */

Test(upkeep, each_period_is_made_ahead_and_let_go)
{
    static const struct {
        enum period every;
        bool is_date;
        int64_t keep_us;
        const char *past[2], *ahead, *left;
    } rows[] = {
        {PERIOD_HOUR,
         false,
         2 * HOUR,
         {"2024-07-17T08:00:00Z", "2024-07-17T09:00:00Z"},
         "t_2024_07_17_08 t_2024_07_17_09 t_2024_07_17_10 t_2024_07_17_12 t_2024_07_17_13 "
         "t_2024_07_17_14",
         "t_2024_07_17_10 t_2024_07_17_12 t_2024_07_17_13 t_2024_07_17_14"},
        {PERIOD_DAY,
         false,
         2 * DAY,
         {"2024-07-13T00:00:00Z", "2024-07-14T00:00:00Z"},
         "t_2024_07_13 t_2024_07_14 t_2024_07_15 t_2024_07_17 t_2024_07_18 t_2024_07_19",
         "t_2024_07_15 t_2024_07_17 t_2024_07_18 t_2024_07_19"},
        {PERIOD_DAY,
         true,
         2 * DAY,
         {"2024-07-13T00:00:00Z", "2024-07-14T00:00:00Z"},
         "t_2024_07_13 t_2024_07_14 t_2024_07_15 t_2024_07_17 t_2024_07_18 t_2024_07_19",
         "t_2024_07_15 t_2024_07_17 t_2024_07_18 t_2024_07_19"},
        {PERIOD_WEEK,
         false,
         14 * DAY,
         {"2024-06-17T00:00:00Z", "2024-06-24T00:00:00Z"},
         "t_2024_w25 t_2024_w26 t_2024_w27 t_2024_w29 t_2024_w30 t_2024_w31",
         "t_2024_w27 t_2024_w29 t_2024_w30 t_2024_w31"},
        {PERIOD_WEEK,
         true,
         14 * DAY,
         {"2024-06-17T00:00:00Z", "2024-06-24T00:00:00Z"},
         "t_2024_w25 t_2024_w26 t_2024_w27 t_2024_w29 t_2024_w30 t_2024_w31",
         "t_2024_w27 t_2024_w29 t_2024_w30 t_2024_w31"},
        {PERIOD_MONTH,
         false,
         60 * DAY,
         {"2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z"},
         "t_2024_03 t_2024_04 t_2024_05 t_2024_07 t_2024_08 t_2024_09",
         "t_2024_05 t_2024_07 t_2024_08 t_2024_09"},
        {PERIOD_MONTH,
         true,
         60 * DAY,
         {"2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z"},
         "t_2024_03 t_2024_04 t_2024_05 t_2024_07 t_2024_08 t_2024_09",
         "t_2024_05 t_2024_07 t_2024_08 t_2024_09"},
        {PERIOD_YEAR,
         false,
         730 * DAY,
         {"2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"},
         "t_2020 t_2021 t_2022 t_2024 t_2025 t_2026",
         "t_2022 t_2024 t_2025 t_2026"},
        {PERIOD_YEAR,
         true,
         730 * DAY,
         {"2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"},
         "t_2020 t_2021 t_2022 t_2024 t_2025 t_2026",
         "t_2022 t_2024 t_2025 t_2026"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stream s = days();
        s.every = rows[i].every;
        s.columns = rows[i].is_date ? date_columns : columns;
        s.keep_us = 0;
        s.ahead = 2;
        make_table(&s);
        make_leaf(&s, rows[i].past[0]);
        make_leaf(&s, rows[i].past[1]);
        /* The oldest one that stays begins where the other past one ends. */
        int64_t last_us;
        char next[TIME_TEXT];
        cr_assert(time_parse(rows[i].past[1], strlen(rows[i].past[1]), &last_us));
        make_leaf(&s, time_format(period_range(s.every, last_us).to_us, next));
        EXPECT_PASS(&s, 3, 0, 0, 0);
        EXPECT_VALUE(&db, LEAVES, rows[i].ahead);
        EXPECT_PASS(&s, 0, 0, 0, 0);
        s.keep_us = rows[i].keep_us;
        s.ahead = 0;
        EXPECT_PASS(&s, 0, 2, 0, 0);
        EXPECT_VALUE(&db, LEAVES, rows[i].left);
        EXPECT_VALUE(&db, TABLES, "");
        exec("DROP TABLE t");
    }
}

Test(upkeep, what_cannot_be_made_ahead_holds_up_nothing_else)
{
    struct stream s = days();
    make_table(&s);
    exec("CREATE TABLE t_2024_07_18 (mine text)");
    s.ahead = 1;
    s.keep_us = 36500 * DAY;
    struct stream both[] = {s, days()};
    struct stream_set set = {both, COUNT(both)};
    struct upkeep u = {.pg = &db.pg, .streams = &set, .now_us = now_us};
    struct upkeep_result r;
    both[1].table = "mine";
    make_table(&both[1]);
    make_day(&both[1], "2024-07-13");
    EXPECT_OK(upkeep_run(&u, &r));
    cr_assert(r.left == 1 && strstr(r.first.text, "partitions of t can't be made ahead"),
              "want one failure; got %d, %s", (int)r.left, r.first.text);
    cr_assert_eq(r.dropped, 1, "mine_2024_07_13 is past, got %d", (int)r.dropped);
    EXPECT_VALUE(&db, TABLES, "t_2024_07_18");
}

/* ---- keep ---- */

Test(upkeep, what_is_detached_may_stay_as_a_table)
{
    struct stream s = days();
    make_table(&s);
    make_day(&s, "2024-07-13");
    make_day(&s, "2024-07-14");
    exec("INSERT INTO t VALUES ('2024-07-13 10:00+00', 'kept')");
    s.keep_detached = true;
    EXPECT_PASS(&s, 0, 0, 1, 0);
    EXPECT_VALUE(&db, LEAVES, "t_2024_07_14");
    EXPECT_VALUE(&db, "SELECT note FROM t_2024_07_13", "kept");
    EXPECT_PASS(&s, 0, 0, 0, 0);
    s.keep_detached = false; /* from now on, that is: it was kept on purpose */
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, TABLES, "t_2024_07_13");
}

Test(upkeep, a_pass_goes_no_further_than_its_limit)
{
    struct stream s = days();
    make_table(&s);
    make_day(&s, "2024-07-11");
    make_day(&s, "2024-07-12");
    make_day(&s, "2024-07-13");
    struct upkeep_result r = run(&db.pg, &s, 2);
    cr_assert(r.dropped == 2 && r.more, "got %d dropped, more %d", (int)r.dropped, r.more);
    EXPECT_VALUE(&db, LEAVES, "t_2024_07_13"); /* the oldest went first */
    r = run(&db.pg, &s, 2);
    cr_assert(r.dropped == 1 && !r.more, "got %d dropped, more %d", (int)r.dropped, r.more);
}

Test(upkeep, the_slower_clock_counts)
{
    struct stream s = days();
    char day[16];
    char leaf[32];
    make_table(&s);
    (void)snprintf(day, sizeof day, "%s", database_value(&db, "SELECT current_date - 1"));
    make_day(&s, day);
    (void)snprintf(leaf, sizeof leaf, "t_%.4s_%.2s_%.2s", day, day + 5, day + 8);
    now_us = time_now() + 3650 * DAY;
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, LEAVES, leaf);
}

Test(upkeep, names_that_need_quotes_and_another_schema)
{
    struct stream s = days();
    char other[80];
    struct buf sql = {0};
    (void)snprintf(other, sizeof other, "o %.60s", db.schema);
    s.schema = other;
    s.table = "Rows \"x\" 'y'";
    sql_fill(&sql, "CREATE SCHEMA :\"s\"", (const struct sql_var[]){{"s", other}, {0}});
    exec(buf_cstr(&sql));
    make_table(&s);
    make_day(&s, "2024-07-13");
    make_day(&s, "2024-07-14");
    EXPECT_PASS(&s, 0, 1, 0, 0);
    buf_clear(&sql);
    buf_str(&sql, "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class c JOIN "
                  "pg_namespace n ON n.oid = c.relnamespace WHERE relkind IN ('r', 'p') AND "
                  "nspname = ");
    sql_literal(&sql, other);
    EXPECT_VALUE(&db, buf_cstr(&sql), "Rows \"x\" 'y' Rows \"x\" 'y'_2024_07_14");
    buf_clear(&sql);
    sql_fill(&sql, "DROP SCHEMA :\"s\" CASCADE", (const struct sql_var[]){{"s", other}, {0}});
    exec(buf_cstr(&sql));
    buf_free(&sql);
}

/* ---- what was left half done ---- */

Test(upkeep, a_crash_before_the_drop_is_made_good)
{
    struct stream s = days();
    char mark[LEAF_MARK];
    make_table(&s);
    make_day(&s, "2024-07-13");
    comment("t_2024_07_13", mark_of(&s, "2024-07-13", mark));
    exec("ALTER TABLE t DETACH PARTITION t_2024_07_13 CONCURRENTLY");
    EXPECT_VALUE(&db, TABLES, "t_2024_07_13");
    EXPECT_PASS(&s, 0, 1, 0, 0);
    EXPECT_VALUE(&db, TABLES, "");
}

Test(upkeep, a_crash_before_the_detach_leaves_no_mark)
{
    struct stream s = days();
    char mark[LEAF_MARK];
    make_table(&s);
    make_day(&s, "2024-07-13");
    comment("t_2024_07_13", mark_of(&s, "2024-07-13", mark));
    s.keep_us = 5 * DAY;
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, "SELECT obj_description('t_2024_07_13'::regclass, 'pg_class') IS NULL", "t");
    exec("ALTER TABLE t DETACH PARTITION t_2024_07_13"); /* its owner's wish */
    s.keep_us = 3 * DAY;
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, TABLES, "t_2024_07_13");
}

Test(upkeep, tables_of_others_with_a_partitions_name_stay)
{
    struct stream s = days();
    struct stream other = days();
    char mark[LEAF_MARK];
    other.table = "mine";
    make_table(&s);
    make_table(&other);
    exec("CREATE TABLE t_2024_07_01 (LIKE t)"); /* nothing says that it is ours */
    exec("CREATE TABLE t_2024_07_02 (LIKE t)");
    comment("t_2024_07_02", mark_of(&other, "2024-07-02", mark)); /* another table's */
    exec("CREATE TABLE t_2024_07_03 (LIKE t)");
    comment("t_2024_07_03", mark_of(&s, "2024-07-04", mark)); /* another day's */
    exec("CREATE TABLE t_2024_07_04 (LIKE t)");
    (void)mark_of(&s, "2024-07-04", mark);
    (void)strcpy(strstr(mark, "will"), "no, ours"); /* somebody has spoken */
    comment("t_2024_07_04", mark);
    make_day(&s, "2024-07-05");
    comment("t_2024_07_05", mark_of(&s, "2024-07-05", mark));
    exec("ALTER TABLE t DETACH PARTITION t_2024_07_05");
    exec("ALTER TABLE t_2024_07_05 RENAME TO mine_now"); /* as the mark says */
    make_day(&s, "2024-07-06");
    exec("ALTER TABLE t DETACH PARTITION t_2024_07_06"); /* by hand, without a mark */
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, TABLES,
                 "mine_now t_2024_07_01 t_2024_07_02 t_2024_07_03 t_2024_07_04 t_2024_07_06");
    cr_assert_str_empty(odd_names);
}

Test(upkeep, a_longer_keep_takes_back_what_was_half_let_go)
{
    struct stream s = days();
    char mark[LEAF_MARK];
    make_table(&s);
    make_day(&s, "2024-07-13");
    exec("INSERT INTO t VALUES ('2024-07-13 10:00+00', 'back')");
    comment("t_2024_07_13", mark_of(&s, "2024-07-13", mark));
    exec("ALTER TABLE t DETACH PARTITION t_2024_07_13 CONCURRENTLY");
    EXPECT_VALUE(&db, "SELECT count(*) FROM t", "0");
    s.keep_us = 0; /* for ever */
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, "SELECT note FROM t", "back");
    EXPECT_VALUE(&db, "SELECT obj_description('t_2024_07_13'::regclass, 'pg_class') IS NULL", "t");
}

Test(upkeep, what_was_half_let_go_stays_where_detached_ones_are_kept_now)
{
    struct stream s = days();
    char mark[LEAF_MARK];
    make_table(&s);
    make_day(&s, "2024-07-13");
    comment("t_2024_07_13", mark_of(&s, "2024-07-13", mark));
    exec("ALTER TABLE t DETACH PARTITION t_2024_07_13 CONCURRENTLY");
    s.keep_detached = true;
    EXPECT_PASS(&s, 0, 0, 1, 0);
    s.keep_detached = false;
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, TABLES, "t_2024_07_13");
}

/* ---- readers ---- */

static void open_session(struct pg *pg, const char *sql)
{
    pg_init(pg);
    EXPECT_OK(pg_open(pg, &db.target));
    EXPECT_OK(pg_exec(pg, sql));
}

struct background {
    struct pg pg;
    struct stream s;
    struct upkeep_result result;
    pthread_t thread;
};

static void *run_in_background(void *background)
{
    struct background *b = background;
    b->result = run(&b->pg, &b->s, 0);
    return NULL;
}

/* Returns when the pass waits for a lock. */
static void start_waiting(struct background *b)
{
    char waits[160];
    int64_t end = time_monotonic() + 60 * TIME_US_PER_S;
    open_session(&b->pg, "SELECT 1");
    (void)snprintf(waits, sizeof waits,
                   "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %d AND "
                   "wait_event_type = 'Lock')",
                   PQbackendPID(b->pg.connection));
    cr_assert_eq(pthread_create(&b->thread, NULL, run_in_background, b), 0);
    while (strcmp(database_value(&db, waits), "t") != 0)
        cr_assert_lt(time_monotonic(), end, "the pass never waited");
}

/* A reader holds a partition up. While the pass waits for it, and after it has given up, rows go in
 * and partitions are made; the pass after the reader's end drops it. */
Test(upkeep, a_long_reader_holds_up_nothing_but_its_partition)
{
    struct background b = {.s = days()};
    struct pg reader;
    make_table(&b.s);
    make_day(&b.s, "2024-07-13");
    make_day(&b.s, "2024-07-17");
    open_session(&reader, "BEGIN; SELECT count(*) FROM t_2024_07_13");
    exec("SET lock_timeout = '500ms'");
    start_waiting(&b);
    exec("INSERT INTO t VALUES ('2024-07-17 10:00+00', 'meanwhile')");
    EXPECT_VALUE(&db, "SELECT note FROM t", "meanwhile");
    make_day(&b.s, "2024-07-18"); /* its own lock_timeout is longer than the pass's */
    cr_assert_eq(pthread_join(b.thread, NULL), 0);
    cr_assert(b.result.left == 1 && strcmp(b.result.first.sqlstate, "55P03") == 0 &&
                  strstr(b.result.first.text, "t_2024_07_13"),
              "want one left, by 55P03; got %d, %s", (int)b.result.left, b.result.first.text);
    exec("INSERT INTO t VALUES ('2024-07-18 10:00+00', 'after')");
    pg_close(&reader);
    pass_until_dropped(&b.s, "t_2024_07_13");
    EXPECT_VALUE(&db, LEAVES, "t_2024_07_17 t_2024_07_18");
    pg_close(&b.pg);
}

/* While the pass waits for what it is about to drop, the name becomes another table's. */
Test(upkeep, a_name_that_changes_hands_at_the_last_moment)
{
    struct background b = {.s = days()};
    struct pg owner;
    char mark[LEAF_MARK];
    make_table(&b.s);
    make_day(&b.s, "2024-07-13");
    comment("t_2024_07_13", mark_of(&b.s, "2024-07-13", mark));
    exec("ALTER TABLE t DETACH PARTITION t_2024_07_13 CONCURRENTLY");
    open_session(&owner, "BEGIN; ALTER TABLE t_2024_07_13 RENAME TO mine;"
                         "CREATE TABLE t_2024_07_13 (LIKE t)");
    start_waiting(&b);
    EXPECT_OK(pg_commit(&owner));
    cr_assert_eq(pthread_join(b.thread, NULL), 0);
    cr_assert(b.result.left == 1 && strstr(b.result.first.text, "not the table any more"),
              "want one left; got %d, %s", (int)b.result.left, b.result.first.text);
    EXPECT_VALUE(&db, TABLES, "mine t_2024_07_13");
    pg_close(&owner);
    pg_close(&b.pg);
}

/* A detach that somebody else began and broke off: finished, and theirs to keep. */
Test(upkeep, a_detach_that_others_broke_off_is_finished_and_not_dropped)
{
    struct stream s = days();
    struct pg reader;
    make_table(&s);
    make_day(&s, "2024-07-12");
    make_day(&s, "2024-07-13");
    open_session(&reader, "BEGIN; SELECT count(*) FROM t_2024_07_12");
    exec("SET lock_timeout = '50ms'");
    struct err e = pg_exec(&db.pg, "ALTER TABLE t DETACH PARTITION t_2024_07_12 CONCURRENTLY");
    cr_assert_str_eq(e.sqlstate, "55P03", "got %s", e.text);
    pg_close(&reader);
    pass_until_dropped(&s, "t_2024_07_13");
    EXPECT_VALUE(&db, TABLES, "t_2024_07_12");
}

Test(upkeep, a_broken_off_detach_is_taken_back_by_a_longer_keep)
{
    struct stream s = days();
    struct pg reader;
    int64_t end = time_monotonic() + 60 * TIME_US_PER_S;
    make_table(&s);
    make_day(&s, "2024-07-13");
    open_session(&reader, "BEGIN; SELECT count(*) FROM t_2024_07_13");
    EXPECT_PASS(&s, 0, 0, 0, 1);
    EXPECT_VALUE(&db, LEAVES, "");
    pg_close(&reader);
    s.keep_us = 0;
    while (strcmp(database_value(&db, LEAVES), "") == 0 && time_monotonic() < end)
        (void)run(&db.pg, &s, 0);
    EXPECT_VALUE(&db, LEAVES, "t_2024_07_13");
    EXPECT_VALUE(&db, "SELECT obj_description('t_2024_07_13'::regclass, 'pg_class') IS NULL", "t");
}

Test(upkeep, with_a_default_partition_too)
{
    struct stream s = days();
    struct pg reader;
    make_table(&s);
    make_day(&s, "2024-07-12");
    make_day(&s, "2024-07-13");
    make_day(&s, "2024-07-17");
    exec("CREATE TABLE t_rest PARTITION OF t DEFAULT");
    open_session(&reader, "BEGIN; SELECT count(*) FROM t");
    int64_t start = time_monotonic();
    EXPECT_PASS(&s, 0, 0, 0, 1);
    int64_t took = time_monotonic() - start;
    cr_assert_lt(took, TIME_US_PER_S, "ingest would have waited for %d us", (int)took);
    EXPECT_VALUE(&db, LEAVES, "t_2024_07_12 t_2024_07_13 t_2024_07_17 t_rest");
    EXPECT_VALUE(&db, "SELECT obj_description('t_2024_07_12'::regclass, 'pg_class') IS NULL", "t");
    pg_close(&reader);
    pass_until_dropped(&s, "t_2024_07_13");
    EXPECT_VALUE(&db, LEAVES, "t_2024_07_17 t_rest");
    make_day(&s, "2024-07-13");
    s.keep_detached = true;
    EXPECT_PASS(&s, 0, 0, 1, 0);
    EXPECT_VALUE(&db, TABLES, "t_2024_07_13");
}

/* ---- others ---- */

Test(upkeep, what_somebody_built_on_a_partition_keeps_it_and_no_other)
{
    struct stream s = days();
    make_table(&s);
    make_day(&s, "2024-07-12");
    make_day(&s, "2024-07-13");
    exec("CREATE VIEW report AS SELECT * FROM t_2024_07_12");
    EXPECT_PASS(&s, 0, 1, 0, 1);
    EXPECT_VALUE(&db, TABLES, "t_2024_07_12");
    EXPECT_PASS(&s, 0, 0, 0, 1);
    EXPECT_VALUE(&db, "SELECT count(*) FROM report", "0");
    exec("DROP VIEW report");
    EXPECT_PASS(&s, 0, 1, 0, 0);
}

Test(upkeep, partitions_that_are_not_exactly_ours_are_left_alone)
{
    struct stream s = days();
    make_table(&s);
    exec("CREATE TABLE t_2023_12_31 PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('2024-01-01');"
         "CREATE TABLE t_2024_01 PARTITION OF t FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');"
         "CREATE TABLE mine PARTITION OF t FOR VALUES FROM ('2024-02-01') TO ('2024-02-02');"
         "CREATE TABLE t_2024_02_02 PARTITION OF t"
         "    FOR VALUES FROM ('2024-02-02 01:00') TO ('2024-02-03 01:00');"
         "CREATE TABLE t_2024_03_01 PARTITION OF t"
         "    FOR VALUES FROM ('2024-03-01') TO ('2024-03-02') PARTITION BY LIST (note);"
         "CREATE TABLE t_last PARTITION OF t FOR VALUES FROM ('2025-01-01') TO ('infinity')");
    EXPECT_PASS(&s, 0, 0, 0, 0);
    cr_assert_str_eq(odd_names, "t_2023_12_31 t_2024_01 mine t_2024_02_02 t_2024_03_01 ", "got %s",
                     odd_names);
    EXPECT_VALUE(&db, LEAVES, "mine t_2023_12_31 t_2024_01 t_2024_02_02 t_2024_03_01 t_last");
}

Test(upkeep, tables_that_we_do_not_keep_are_not_touched)
{
    struct stream s = days();
    make_table(&s);
    make_day(&s, "2024-07-13");
    s.ahead = 2;
    s.is_foreign = true;
    EXPECT_PASS(&s, 0, 0, 0, 0);
    s.is_foreign = false;
    s.every = PERIOD_NONE;
    EXPECT_PASS(&s, 0, 0, 0, 0);
    EXPECT_VALUE(&db, LEAVES, "t_2024_07_13");
}

Test(upkeep, a_table_of_another_shape_is_a_failure_of_its_stream_alone)
{
    struct stream both[] = {days(), days()};
    struct stream_set set = {both, COUNT(both)};
    struct upkeep u = {.pg = &db.pg, .streams = &set, .now_us = now_us};
    struct upkeep_result r;
    both[0].table = "u";
    exec("CREATE TABLE u (ts timestamptz, note text) PARTITION BY RANGE (note)");
    make_table(&both[1]);
    make_day(&both[1], "2024-07-13");
    EXPECT_OK(upkeep_run(&u, &r));
    cr_assert(r.left == 1 && r.dropped == 1 && r.first.cls == ERR_CONFIG,
              "got %d left, %d dropped: %s", (int)r.left, (int)r.dropped, r.first.text);
    cr_assert(strstr(r.first.text, "table u is not partitioned by range of column ts"), "got %s",
              r.first.text);
    exec("DROP TABLE u");
    EXPECT_OK(upkeep_run(&u, &r));
    cr_assert(strstr(r.first.text, "table u of stream t is missing"), "got %s", r.first.text);
}

Test(upkeep, who_comes_second_leaves_it_to_the_first)
{
    struct stream s = days();
    struct pg other;
    make_table(&s);
    make_day(&s, "2024-07-13");
    open_session(&other, "SELECT pg_advisory_lock(hashtextextended('spoolgate upkeep ' || "
                         "'t'::regclass::oid, 0))");
    struct upkeep_result r = run(&db.pg, &s, 0);
    cr_assert(r.skipped == 1 && r.dropped == 0 && r.left == 0, "got %d skipped, %d dropped",
              (int)r.skipped, (int)r.dropped);
    pg_close(&other);
    pass_until_dropped(&s, "t_2024_07_13");
}

Test(upkeep, the_session_is_given_back_as_it_was)
{
    struct stream s = days();
    make_table(&s);
    make_day(&s, "2024-07-13");
    EXPECT_PASS(&s, 0, 1, 0, 0);
    EXPECT_VALUE(&db, "SHOW lock_timeout", "0");
    EXPECT_VALUE(&db,
                 "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                 "AND pid = pg_backend_pid()",
                 "0");
}

Test(upkeep, a_lost_connection_ends_the_pass)
{
    struct stream s = days();
    struct stream_set set = {&s, 1};
    struct upkeep u = {.pg = &db.pg, .streams = &set, .now_us = now_us};
    struct upkeep_result r;
    make_table(&s);
    struct err killed = pg_exec(&db.pg, "SELECT pg_terminate_backend(pg_backend_pid())");
    cr_assert(err_is(&killed));
    EXPECT_ERR(upkeep_run(&u, &r), ERR_DATABASE, "");
}

/* ---- late data ---- */

Test(upkeep, late_data_brings_no_partition_back)
{
    struct stream s = days();
    struct stream_set set = {&s, 1};
    struct partition_list wanted = {0};
    size_t made = 0;
    make_table(&s);
    make_day(&s, "2024-07-13");
    s.keep_detached = true;
    EXPECT_PASS(&s, 0, 0, 1, 0);
    int64_t today_us = period_range(PERIOD_DAY, time_now()).from_us;
    int64_t kept_us;
    cr_assert(time_parse("2024-07-13T00:00:00Z", 20, &kept_us));
    partition_need(&wanted, 0, kept_us);
    partition_need(&wanted, 0, kept_us + DAY);
    partition_need(&wanted, 0, today_us);
    EXPECT_OK(partition_ensure(&db.pg, &set, &wanted, &made));
    cr_assert_eq(made, 1, "want today's alone, got %zu", made);
    EXPECT_VALUE(&db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 't'::regclass", "1");
    EXPECT_VALUE(&db, TABLES, "t_2024_07_13");
    partition_free(&wanted);
}

/* ---- summaries ---- */

Test(upkeep, summaries_of_all_that_lacks_them)
{
    struct stream s[] = {days(), days()};
    struct stream_set set = {s, COUNT(s)};
    uint64_t ranges;
    const struct stream_index brin = {"brin", false, (const size_t[]){0}, 1};
    s[0].indexes = s[1].indexes = &brin;
    s[0].index_count = s[1].index_count = 1;
    s[1].table = "whole";
    s[1].every = PERIOD_NONE;
    make_table(&s[0]);
    make_table(&s[1]);
    make_day(&s[0], "2024-07-13");
    exec("INSERT INTO t SELECT '2024-07-13', repeat('x', 1000) FROM generate_series(1, 2000);"
         "INSERT INTO whole SELECT '2024-07-13', repeat('x', 1000) FROM generate_series(1, 2000)");
    EXPECT_OK(maintain_summarize(&set, &db.pg, &ranges));
    cr_assert_geq(ranges, 2, "got %d", (int)ranges);
    EXPECT_OK(maintain_summarize(&set, &db.pg, &ranges));
    cr_assert_eq(ranges, 0, "got %d", (int)ranges);
}
