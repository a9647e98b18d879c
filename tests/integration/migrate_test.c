/* SPDX-License-Identifier: MIT */
#include "schema/migrate.h"

#include "base/time.h"
#include "bytes.h"
#include "database.h"
#include "db/migrations.h"
#include "shipped.h"
#include "replay/partition.h"

static struct database db;

static void set_up(void)
{
    database_open(&db, false);
}

static void tear_down(void)
{
    database_close(&db);
}

TestSuite(migrate, .init = set_up, .fini = tear_down);

static void apply(void)
{
    struct migrate_report r = {0};
    EXPECT_OK(migrate_apply(&db.pg, db.schema, shipped_streams(), &r));
    migrate_report_free(&r);
}

static size_t pending(void)
{
    struct migrate_report r = {0};
    EXPECT_OK(migrate_check(&db.pg, shipped_streams(), &r));
    size_t n = r.pending;
    migrate_report_free(&r);
    return n;
}

Test(migrate, checking_changes_nothing_and_applying_makes_all)
{
    size_t all = migration_count + shipped_streams()->count;
    cr_assert_eq(pending(), all, "got %zu", pending());
    EXPECT_VALUE(&db, "SELECT to_regclass('ingestion_manifest') IS NULL", "t");
    EXPECT_ERR(migrate_require(&db.pg, shipped_streams(), false), ERR_CONFIG, "spoolgate migrate");
    apply();
    cr_assert_eq(pending(), 0, "got %zu", pending());
    EXPECT_OK(migrate_require(&db.pg, shipped_streams(), false));
    char count[24];
    (void)snprintf(count, sizeof count, "%zu", migration_count);
    EXPECT_VALUE(&db, "SELECT count(*) FROM spoolgate_migration", count);
}

Test(migrate, applying_again_does_nothing)
{
    struct migrate_report r = {0};
    apply();
    EXPECT_OK(migrate_apply(&db.pg, db.schema, shipped_streams(), &r));
    cr_assert_eq(r.pending, 0, "got %zu: %s", r.pending, buf_cstr(&r.steps));
    migrate_report_free(&r);
}

Test(migrate, histories_that_are_not_ours_are_refused)
{
    static const struct {
        const char *what, *sql, *says;
    } rows[] = {
        {"an edited file", "UPDATE spoolgate_migration SET checksum = 'x' WHERE number = 1",
         "edited"},
        {"a renamed file", "UPDATE spoolgate_migration SET name = '001_x' WHERE number = 1",
         "edited"},
        {"another number", "UPDATE spoolgate_migration SET number = 0 WHERE number = 1", "edited"},
        {"one of the future", "INSERT INTO spoolgate_migration VALUES (999, '999_future', 'x')",
         "999_future"},
    };
    struct migrate_report r = {0};
    apply();
    for (size_t i = 0; i < COUNT(rows); i++) {
        EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
        EXPECT_OK(pg_exec(&db.pg, rows[i].sql));
        struct err e = migrate_check(&db.pg, shipped_streams(), &r);
        cr_assert_eq(e.cls, ERR_CONFIG, "%s: got %s", rows[i].what, err_class_name(e.cls));
        cr_assert(strstr(e.text, rows[i].says), "%s: want `%s` in `%s`", rows[i].what, rows[i].says,
                  e.text);
        pg_rollback(&db.pg);
    }
    EXPECT_OK(migrate_require(&db.pg, shipped_streams(), false));
    migrate_report_free(&r);
}

Test(migrate, a_step_that_fails_leaves_the_steps_before_it)
{
    struct migrate_report r = {0};
    static const struct column columns[] = {
        {.name = "ts", .type = COLUMN_TIMESTAMPTZ, .required = true},
        {.name = "ts", .type = COLUMN_TEXT}, /* twice: the server refuses it */
    };
    struct stream streams[] = {shipped_streams()->streams[SHIPPED_METRICS],
                               {.name = "broken",
                                .kind = "broken",
                                .table = "broken",
                                .columns = columns,
                                .column_count = COUNT(columns)}};
    struct stream_set set = {streams, COUNT(streams)};
    EXPECT_ERR(migrate_apply(&db.pg, db.schema, &set, &r), ERR_DATABASE, "42701");
    migrate_report_free(&r);
    EXPECT_VALUE(&db, "SELECT to_regclass('metrics') IS NOT NULL AND to_regclass('broken') IS NULL",
                 "t");
    apply();
    EXPECT_OK(migrate_require(&db.pg, shipped_streams(), false));
}

/* ---- leaves ---- */

static int64_t day_us(int64_t day)
{
    return day * TIME_US_PER_DAY;
}

/* Tests run side by side in one database, and leaves are made one after the other in all of it:
 * what times out behind a neighbour is tried again, as the loader does. */
static void ensure(const struct partition_list *days, size_t *made)
{
    struct err e;
    int64_t end = time_monotonic() + 60 * TIME_US_PER_S;
    *made = 0;
    do {
        e = partition_ensure(&db.pg, shipped_streams(), days, made);
    } while (strcmp(e.sqlstate, "55P03") == 0 && time_monotonic() < end);
    EXPECT_OK(e);
}

Test(migrate, leaves_are_made_once_for_the_days_that_occur)
{
    struct partition_list days = {0};
    size_t made = 0;
    apply();
    for (int64_t day = 20000; day < 20120; day++) /* more than one transaction makes */
        for (int times = 0; times < 2; times++)
            partition_need(&days, SHIPPED_METRICS, day_us(day));
    partition_need(&days, SHIPPED_EVENTS, day_us(20005));
    cr_assert_eq(days.count, 121, "got %zu", days.count);
    ensure(&days, &made);
    cr_assert_eq(made, 121, "got %zu", made);
    EXPECT_VALUE(&db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'metrics'::regclass",
                 "120");
    EXPECT_VALUE(&db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass", "1");
    ensure(&days, &made);
    cr_assert_eq(made, 0, "got %zu", made);
    partition_free(&days);
}

Test(migrate, a_leaf_that_was_detached_is_attached_again)
{
    struct partition_list days = {0};
    size_t made = 0;
    apply();
    partition_need(&days, SHIPPED_METRICS, day_us(20000));
    ensure(&days, &made);
    EXPECT_OK(pg_exec(&db.pg, "ALTER TABLE metrics DETACH PARTITION metrics_2024_10_04"));
    ensure(&days, &made);
    cr_assert_eq(made, 1, "got %zu", made);
    EXPECT_VALUE(&db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'metrics'::regclass",
                 "1");
    partition_free(&days);
}

/* A reader's lock on the parent must not hold up the making of a leaf: ATTACH locks lightly. */
Test(migrate, a_long_reader_is_not_waited_for)
{
    struct partition_list days = {0};
    struct pg reader;
    size_t made = 0;
    apply();
    pg_init(&reader);
    EXPECT_OK(pg_open(&reader, &db.target));
    EXPECT_OK(pg_exec(&reader, "BEGIN; SELECT count(*) FROM metrics"));
    partition_need(&days, SHIPPED_METRICS, day_us(20000));
    ensure(&days, &made);
    cr_assert_eq(made, 1);
    pg_close(&reader);
    partition_free(&days);
}

/* But one that shuts everybody out is told of after the lock_timeout: an environment error. */
Test(migrate, a_lock_on_the_parent_times_out)
{
    struct partition_list days = {0};
    struct pg locker;
    size_t made;
    apply();
    pg_init(&locker);
    EXPECT_OK(pg_open(&locker, &db.target));
    EXPECT_OK(pg_exec(&locker, "BEGIN; LOCK TABLE metrics IN ACCESS EXCLUSIVE MODE"));
    partition_need(&days, SHIPPED_METRICS, day_us(20000));
    EXPECT_ERR(partition_ensure(&db.pg, shipped_streams(), &days, NULL), ERR_DATABASE, "55P03");
    pg_close(&locker);
    ensure(&days, &made);
    partition_free(&days);
}
