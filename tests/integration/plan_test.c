/* SPDX-License-Identifier: MIT */
#include "schema/plan.h"

#include <pthread.h>

#include "base/time.h"
#include "bytes.h"
#include "database.h"
#include "shipped.h"
#include "db/queries.h"
#include "stream/ddl.h"

static struct database db;

static void set_up(void)
{
    struct buf sql = {0};
    database_open(&db, false);
    buf_str(&sql, "CREATE SCHEMA ");
    sql_identifier(&sql, db.schema);
    EXPECT_OK(pg_exec(&db.pg, buf_cstr(&sql)));
    buf_free(&sql);
}

static void tear_down(void)
{
    database_close(&db);
}

TestSuite(plan, .init = set_up, .fini = tear_down);

/* ---- streams ---- */

enum { TS, DEVICE, SPEED, EXTRA, COLUMNS };

static const struct column columns[] = {
    [TS] = {.name = "ts", .type = COLUMN_TIMESTAMPTZ, .required = true},
    [DEVICE] = {.name = "device", .type = COLUMN_TEXT, .required = true},
    [SPEED] = {.name = "speed", .type = COLUMN_FLOAT8},
    [EXTRA] = {.name = "extra", .type = COLUMN_JSONB, .required = true, .fallback = {.text = "{}"}},
};
static const struct stream_index brin = {"brin", false, (const size_t[]){TS}, 1};
static const size_t key[] = {DEVICE, TS};

/* One table, devices, in three shapes. */
static const struct stream by_day = {.name = "devices",
                                     .table = "devices",
                                     .columns = columns,
                                     .column_count = COLUMNS,
                                     .version = STREAM_NO_COLUMN,
                                     .time_column = TS,
                                     .every = PERIOD_DAY,
                                     .indexes = &brin,
                                     .index_count = 1};
static const struct stream plain = {.name = "devices",
                                    .table = "devices",
                                    .columns = columns,
                                    .column_count = COLUMNS,
                                    .version = STREAM_NO_COLUMN,
                                    .time_column = STREAM_NO_COLUMN,
                                    .indexes = &brin,
                                    .index_count = 1};
static const struct stream keyed = {.name = "devices",
                                    .table = "devices",
                                    .columns = columns,
                                    .column_count = COLUMNS,
                                    .mode = STREAM_UPSERT,
                                    .key = key,
                                    .key_count = COUNT(key),
                                    .version = STREAM_NO_COLUMN,
                                    .time_column = STREAM_NO_COLUMN};
static const struct stream foreign = {.name = "devices",
                                      .table = "devices",
                                      .is_foreign = true,
                                      .columns = columns,
                                      .column_count = COLUMNS,
                                      .version = STREAM_NO_COLUMN,
                                      .time_column = STREAM_NO_COLUMN};
static const struct stream foreign_keyed = {.name = "devices",
                                            .table = "devices",
                                            .is_foreign = true,
                                            .columns = columns,
                                            .column_count = COLUMNS,
                                            .mode = STREAM_UPSERT,
                                            .key = key,
                                            .key_count = COUNT(key),
                                            .version = STREAM_NO_COLUMN,
                                            .time_column = STREAM_NO_COLUMN};

static struct stream_set only(const struct stream *s)
{
    return (struct stream_set){s, 1};
}

/* ---- plans as text ---- */

#define STEPS_TEXT 600

/* "add_column, drop_column (drop)", each with its state where it has one. */
static const char *steps_text(const struct plan *plan, char text[STEPS_TEXT])
{
    static const char *const states[] = {"", " done", " refused"};
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < plan->count && at < STEPS_TEXT; i++) {
        const struct plan_step *step = &plan->steps[i];
        at += (size_t)snprintf(text + at, STEPS_TEXT - at, "%s%s%s%s%s%s", i > 0 ? ", " : "",
                               plan_kind_name(step->kind), step->allow ? " (" : "",
                               step->allow ? plan_allow_name(step->allow) : "",
                               step->allow ? ")" : "", states[step->state]);
    }
    return text;
}

static const char *sentences(const struct plan *plan, char text[STEPS_TEXT])
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < plan->count && at < STEPS_TEXT; i++)
        at += (size_t)snprintf(text + at, STEPS_TEXT - at, "%s\n", plan->steps[i].sentence);
    return text;
}

#define EXPECT_STEPS(plan, want, what)                                                            \
    do {                                                                                          \
        char got_[STEPS_TEXT];                                                                    \
        char said_[STEPS_TEXT];                                                                   \
        cr_assert_str_eq(steps_text((plan), got_), (want), "%s:\nwant: %s\n got: %s\n%s", (what), \
                         (want), got_, sentences((plan), said_));                                 \
    } while (0)

static void expect_plan(const struct stream *s, const char *want, const char *says,
                        const char *what)
{
    struct plan plan;
    struct stream_set set = only(s);
    char said[STEPS_TEXT];
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_STEPS(&plan, want, what);
    sentences(&plan, said);
    cr_assert(strstr(said, says), "%s:\nwant a sentence with: %s\n got: %s", what, says, said);
    plan_free(&plan);
}

static void expect_apply(const struct stream *s, unsigned allow, const char *want, const char *what)
{
    struct plan plan;
    struct stream_set set = only(s);
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_OK(plan_apply(&db.pg, &plan, allow));
    EXPECT_STEPS(&plan, want, what);
    plan_free(&plan);
}

static void expect_fit(const struct stream *s, const char *want, const char *what)
{
    struct buf why = {0};
    EXPECT_OK(plan_check_fit(&db.pg, s, &why));
    cr_assert_str_eq(buf_cstr(&why), want, "%s:\nwant: %s\n got: %s", what, want, buf_cstr(&why));
    buf_free(&why);
}

static void run(const char *sql)
{
    EXPECT_OK(pg_exec(&db.pg, sql));
}

/* ---- from nothing ---- */

Test(plan, a_fresh_database)
{
    static const struct stream *const streams[] = {&by_day, &plain, &keyed};
    for (size_t i = 0; i < COUNT(streams); i++) {
        expect_plan(streams[i], "create_table", "table devices isn't there", "fresh");
        EXPECT_VALUE(&db, "SELECT to_regclass('devices') IS NULL", "t");
        expect_fit(streams[i], "stream devices: table devices isn't there; run `spoolgate plan`",
                   "fresh");
        expect_apply(streams[i], 0, "create_table done", "fresh");
        expect_plan(streams[i], "", "", "applied");
        expect_apply(streams[i], 0, "", "applied twice");
        expect_fit(streams[i], "", "applied");
        run("DROP TABLE devices");
    }
}

/* What migrate makes of the shipped streams is what plan wants. */
Test(plan, the_shipped_streams)
{
    struct migrate_report report = {0};
    struct plan plan;
    EXPECT_OK(migrate_apply(&db.pg, db.schema, shipped_streams(), &report));
    migrate_report_free(&report);
    EXPECT_OK(plan_make(&db.pg, db.schema, shipped_streams(), &plan));
    EXPECT_STEPS(&plan, "", "migrated");
    plan_free(&plan);
    for (size_t i = 0; i < shipped_streams()->count; i++)
        expect_fit(&shipped_streams()->streams[i], "", shipped_streams()->streams[i].name);
}

Test(plan, a_type_of_every_sort)
{
    struct column every[COLUMN_VECTOR];
    char names[COLUMN_VECTOR][8];
    for (int i = 0; i < COLUMN_VECTOR; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        every[i] = (struct column){.name = names[i], .type = (enum column_type)i};
    }
    struct stream s = plain;
    s.columns = every;
    s.column_count = COLUMN_VECTOR;
    s.index_count = 0;
    expect_apply(&s, 0, "create_table done", "all types");
    expect_plan(&s, "", "", "all types");
    expect_fit(&s, "", "all types");
    for (int i = 0; i < COLUMN_VECTOR; i++) /* another one each */
        every[i].type = (enum column_type)((i + 1) % COLUMN_VECTOR);
    struct look look;
    EXPECT_OK(look_table(&db.pg, db.schema, &s, &look));
    cr_assert_eq(look.column_count, COLUMN_VECTOR);
    for (int i = 0; i < COLUMN_VECTOR; i++)
        cr_expect(!look.columns[i].is_same && !look.columns[i].fits, "c%d: %s for %d", i,
                  look.columns[i].type, every[i].type);
    look_free(&look);
}

Test(plan, another_schema_and_names_that_need_quoting)
{
    static const struct column odd_columns[] = {
        {.name = "Time \"of\" day", .type = COLUMN_TIMESTAMPTZ, .required = true},
        {.name = "select", .type = COLUMN_TEXT, .fallback = {.text = "it's \\"}},
    };
    static const size_t odd_key[] = {1, 0};
    struct buf schema = {0};
    buf_printf(&schema, "%s; \"two\"", db.schema);
    struct stream s = {.name = "odd",
                       .schema = buf_cstr(&schema),
                       .table = "My \"odd\"; {table}, \\",
                       .columns = odd_columns,
                       .column_count = COUNT(odd_columns),
                       .mode = STREAM_IGNORE,
                       .key = odd_key,
                       .key_count = COUNT(odd_key),
                       .version = STREAM_NO_COLUMN,
                       .time_column = 0,
                       .every = PERIOD_MONTH,
                       .indexes = &brin,
                       .index_count = 1};
    struct buf sql = {0};
    struct buf table = {0};
    expect_apply(&s, 0, "create_schema done, create_table done", "another schema");
    expect_plan(&s, "", "", "another schema");
    expect_fit(&s, "", "another schema");
    EXPECT_VALUE(&db, "SELECT to_regclass('\"My \"\"odd\"\"; {table}, \\\"') IS NULL", "t");
    ddl_table(&table, &s);
    buf_printf(&sql, "ALTER TABLE %s DROP COLUMN \"select\"", buf_cstr(&table));
    run(buf_cstr(&sql));
    expect_fit(&s,
               "stream odd: column select is missing; there is no unique index on the key (select, "
               "Time \"of\" day); run `spoolgate plan`",
               "a column less");
    expect_apply(&s, 0, "add_column done, create_index done", "a column less");
    expect_plan(&s, "", "", "mended");
    buf_clear(&sql);
    buf_str(&sql, "DROP SCHEMA ");
    sql_identifier(&sql, s.schema);
    buf_str(&sql, " CASCADE");
    run(buf_cstr(&sql));
    buf_free(&sql);
    buf_free(&table);
    buf_free(&schema);
}

/* ---- differences ---- */

#define ROW "INSERT INTO devices VALUES ('2026-11-21', 'a', 1.5)"
#define LEAF                                                                 \
    "CREATE TABLE leaf PARTITION OF devices FOR VALUES FROM ('2026-11-21') " \
    "TO ('2026-11-22');"

/* Each is made from the stream's own table, planned, refused where it takes more than adding, and
 * then applied; what can't be applied stays. */
Test(plan, differences)
{
    static const struct {
        const struct stream *s;
        const char *sql, *want, *says;
    } rows[] = {
        {&plain, "ALTER TABLE devices DROP COLUMN speed", "add_column", "column speed isn't in"},
        {&by_day, LEAF ROW "; ALTER TABLE devices DROP COLUMN speed", "add_column", "speed"},
        {&plain, "ALTER TABLE devices DROP COLUMN extra; INSERT INTO devices VALUES (now(), 'a')",
         "add_column", "column extra isn't in"},
        {&plain, "ALTER TABLE devices DROP COLUMN device", "add_column", "device"},
        {&plain, "ALTER TABLE devices DROP COLUMN device; INSERT INTO devices VALUES (now())",
         "add_column (never)", "give it a `default`"},
        {&plain, "ALTER TABLE devices ALTER speed SET NOT NULL", "drop_not_null",
         "column speed of table devices is NOT NULL"},
        {&plain, "ALTER TABLE devices ADD PRIMARY KEY (speed)", "drop_not_null (never)",
         "its primary key, identity or domain wants that"},
        {&plain, ROW "; ALTER TABLE devices ALTER device DROP NOT NULL", "set_not_null",
         "column device of table devices may be NULL, the manifest says `required`"},
        {&by_day, LEAF ROW "; ALTER TABLE devices ALTER extra DROP NOT NULL", "set_not_null",
         "column extra of table devices may be NULL"},
        {&keyed,
         "ALTER TABLE devices ALTER device DROP NOT NULL, ALTER device TYPE varchar(9),"
         " ALTER ts DROP NOT NULL",
         "set_not_null, change_type (type), set_not_null", "column ts of table devices may be"},
        {&plain, ROW "; ALTER TABLE devices ALTER speed TYPE text", "change_type (type)",
         "column speed of table devices is text, the manifest says double precision"},
        {&plain, "ALTER TABLE devices ALTER device TYPE varchar(9)", "change_type (type)", "(9)"},
        {&plain, "ALTER TABLE devices ALTER ts TYPE timestamptz(0)", "change_type (type)",
         "timestamp(0) with time zone, the manifest says timestamptz"},
        {&plain, "ALTER TABLE devices ALTER extra DROP DEFAULT, ALTER extra TYPE text",
         "change_type (type)", "extra"},
        {&plain, "ALTER TABLE devices ADD COLUMN more int", "drop_column (drop)",
         "its values would be lost"},
        {&plain, "ALTER TABLE devices ADD COLUMN more int NOT NULL", "drop_column (drop)",
         "no row goes in"},
        {&plain,
         "ALTER TABLE devices DROP COLUMN speed, ADD COLUMN velocity float8, ALTER extra TYPE json",
         "add_column, change_type (type), drop_column (drop)", "velocity"},
        {&plain, "DROP INDEX devices_ts_brin", "create_index", "index devices_ts_brin isn't there"},
        {&plain, "DROP INDEX devices_ts_brin; CREATE INDEX devices_ts_brin ON devices (ts)",
         "misfit (never)", "something else has that name"},
        {&plain, "ALTER INDEX devices_ts_brin RENAME TO other", "", ""},
        {&keyed, "DROP INDEX devices_device_ts_key", "create_index", "the key's unique index"},
        {&keyed,
         "DROP INDEX devices_device_ts_key;"
         "ALTER TABLE devices ADD CONSTRAINT k UNIQUE (ts, device)",
         "", ""},
        {&keyed,
         "DROP INDEX devices_device_ts_key;"
         "ALTER TABLE devices ADD CONSTRAINT k UNIQUE (ts, device) DEFERRABLE",
         "create_index", ""},
        {&keyed,
         "DROP INDEX devices_device_ts_key;"
         "CREATE UNIQUE INDEX k ON devices (ts, device) WHERE speed > 0",
         "create_index", ""},
        {&by_day, LEAF ROW "; DROP INDEX devices_ts_brin", "create_index", "while it is built"},
        {&by_day, LEAF, "", ""},
        {&by_day, "DROP TABLE devices; CREATE VIEW devices AS SELECT 1 AS ts", "misfit (never)",
         "devices is a view"},
        {&by_day, "DROP TABLE devices; CREATE MATERIALIZED VIEW devices AS SELECT 1 AS ts",
         "misfit (never)", "a materialized view"},
        {&by_day, "DROP TABLE devices; CREATE SEQUENCE devices", "misfit (never)", "a sequence"},
        {&plain,
         "ALTER TABLE devices DROP COLUMN speed, ADD COLUMN speed float8 GENERATED ALWAYS "
         "AS (1) STORED",
         "misfit (never)", "generated"},
        {&plain, "ALTER TABLE devices FORCE ROW LEVEL SECURITY", "misfit (never)",
         "row level security"},
        {&plain, "REVOKE INSERT ON devices FROM CURRENT_USER", "misfit (never)",
         "INSERT on the table isn't granted to role"},
        {&plain, "CREATE DOMAIN m AS float8 NOT NULL; ALTER TABLE devices ALTER speed TYPE m",
         "drop_not_null (never)", "its primary key, identity or domain wants that"},
        /* domains are what they are made of */
        {&plain,
         "CREATE DOMAIN d AS float8 CHECK (VALUE > 0); ALTER TABLE devices ALTER speed TYPE d", "",
         ""},
    };
    struct plan plan;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *what = rows[i].sql;
        struct stream_set set = only(rows[i].s);
        expect_apply(rows[i].s, 0, "create_table done", what);
        run(rows[i].sql);
        expect_plan(rows[i].s, rows[i].want, rows[i].says, what);
        EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
        EXPECT_OK(plan_apply(&db.pg, &plan, PLAN_DROP | PLAN_TYPE));
        if (strstr(rows[i].want, "never"))
            expect_plan(rows[i].s, rows[i].want, rows[i].says, what);
        else
            expect_plan(rows[i].s, "", "", what);
        plan_free(&plan);
        run("DO $$ DECLARE r record; BEGIN FOR r IN SELECT relname, relkind FROM pg_class WHERE "
            "relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p', "
            "'v', 'm', "
            "'S') "
            "AND NOT relispartition LOOP EXECUTE format('DROP %s %I CASCADE', CASE r.relkind WHEN "
            "'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE "
            "'TABLE' END, r.relname); END LOOP; END $$");
    }
}

/* Nothing of a stream is done unless all of it is allowed; other streams don't mind. */
Test(plan, what_is_not_allowed_is_refused)
{
    static const struct {
        unsigned allow;
        const char *want;
    } rows[] = {
        {0,
         "add_column, change_type (type) refused, drop_column (drop) refused, create_table done"},
        {PLAN_TYPE, "add_column, change_type (type), drop_column (drop) refused"},
        {PLAN_DROP, "add_column, change_type (type) refused, drop_column (drop)"},
        {PLAN_DROP | PLAN_TYPE,
         "add_column done, change_type (type) done, drop_column (drop) done"},
    };
    struct stream streams[] = {plain, plain};
    struct stream_set set = {streams, COUNT(streams)};
    struct plan plan;
    streams[1].name = streams[1].table = "others";
    expect_apply(&plain, 0, "create_table done", "first");
    run("ALTER TABLE devices DROP COLUMN speed, ADD COLUMN more int, ALTER extra TYPE json");
    for (size_t i = 0; i < COUNT(rows); i++) {
        EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
        EXPECT_OK(plan_apply(&db.pg, &plan, rows[i].allow));
        EXPECT_STEPS(&plan, rows[i].want, "allowed in part");
        plan_free(&plan);
        EXPECT_VALUE(&db,
                     "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE "
                     "attrelid = 'devices'::regclass AND attnum > 0 AND NOT attisdropped",
                     i + 1 < COUNT(rows) ? "ts device extra more" : "ts device extra speed");
    }
}

/* A table may be several streams': none of them takes the others' columns for strays. */
Test(plan, two_streams_share_a_table)
{
    struct stream streams[] = {plain, plain};
    struct stream_set set = {streams, COUNT(streams)};
    struct plan plan;
    streams[0].column_count = EXTRA;
    streams[1].name = "more";
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_OK(plan_apply(&db.pg, &plan, 0));
    EXPECT_STEPS(&plan, "create_table done, add_column done", "both");
    plan_free(&plan);
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_STEPS(&plan, "", "both");
    plan_free(&plan);
}

/* What one of them leaves out can't be NOT NULL, whatever the other says. */
Test(plan, a_column_that_another_stream_of_the_table_leaves_out)
{
    struct column theirs[COLUMNS];
    struct stream streams[] = {plain, plain};
    struct stream_set set = {streams, COUNT(streams)};
    static const char *const wants[] = {"set_not_null, set_not_null", "", ""};
    struct plan plan;
    memcpy(theirs, columns, sizeof theirs);
    streams[1].name = "more";
    expect_apply(&plain, 0, "create_table done", "first");
    run("ALTER TABLE devices ALTER device DROP NOT NULL");
    for (size_t i = 0; i < COUNT(wants); i++) {
        EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
        EXPECT_STEPS(&plan, wants[i], "shared");
        plan_free(&plan);
        streams[1].columns = theirs;
        theirs[DEVICE].required = false;
        if (i == 1) { /* it isn't even there */
            theirs[DEVICE] = theirs[EXTRA];
            streams[1].column_count = EXTRA;
        }
    }
}

Test(plan, rows_without_a_required_value_stop_the_step)
{
    struct plan plan;
    struct stream_set set = only(&plain);
    expect_apply(&plain, 0, "create_table done", "first");
    run("ALTER TABLE devices ALTER device DROP NOT NULL, DROP COLUMN speed;"
        "DROP INDEX devices_ts_brin; INSERT INTO devices VALUES (now())");
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_ERR(plan_apply(&db.pg, &plan, 0), ERR_ROW,
               "have no value in a column that is `required`: fill them in");
    plan_free(&plan);
    expect_plan(&plain, "set_not_null, add_column, create_index", "", "nothing half done");
    run("UPDATE devices SET device = ''");
    expect_apply(&plain, 0, "set_not_null done, add_column done, create_index done", "filled in");
    expect_plan(&plain, "", "", "filled in");
}

Test(plan, numeric_that_rounds)
{
    static const struct {
        const char *type, *plan, *fit;
    } rows[] = {
        {"numeric", "", ""},
        {"numeric(4,1)", "change_type (type)", "column n is numeric(4,1) in the table"},
        {"four", "change_type (type)", "column n is four in the table: values would be rounded"},
        {"whatever", "", ""},
    };
    static const struct column n = {.name = "n", .type = COLUMN_NUMERIC};
    struct stream s = plain;
    s.columns = &n;
    s.column_count = 1;
    s.index_count = 0;
    run("CREATE DOMAIN four AS numeric(4,1); CREATE DOMAIN whatever AS numeric");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf sql = {0};
        struct buf why = {0};
        buf_printf(&sql, "CREATE TABLE devices (n %s)", rows[i].type);
        run(buf_cstr(&sql));
        for (int foreign_too = 0; foreign_too < 2; foreign_too++) {
            s.is_foreign = foreign_too;
            expect_plan(&s, s.is_foreign && *rows[i].plan ? "misfit (never)" : rows[i].plan,
                        s.is_foreign ? rows[i].fit : "", rows[i].type);
            buf_clear(&why);
            EXPECT_OK(plan_check_fit(&db.pg, &s, &why));
            cr_expect_eq(why.len > 0, *rows[i].fit != '\0', "%s: got %s", rows[i].type,
                         buf_cstr(&why));
            cr_expect(strstr(buf_cstr(&why), rows[i].fit), "%s: want %s\n got: %s", rows[i].type,
                      rows[i].fit, buf_cstr(&why));
        }
        run("DROP TABLE devices");
        buf_free(&sql);
        buf_free(&why);
    }
}

Test(plan, a_type_change_keeps_the_data)
{
    expect_apply(&plain, 0, "create_table done", "first");
    run("ALTER TABLE devices ALTER speed TYPE text, ALTER extra DROP DEFAULT, ALTER extra TYPE "
        "text,"
        " ALTER extra SET DEFAULT 'none'; INSERT INTO devices VALUES (now(), 'a', '2.25', '[1, "
        "2]')");
    expect_apply(&plain, PLAN_TYPE, "change_type (type) done, change_type (type) done", "types");
    EXPECT_VALUE(&db, "SELECT speed * 2 || ' ' || (extra -> 1) FROM devices", "4.5 2");
    run("INSERT INTO devices VALUES (now(), 'b')");
    EXPECT_VALUE(&db, "SELECT extra FROM devices WHERE device = 'b'", "{}");
    expect_plan(&plain, "", "", "types");
}

Test(plan, data_that_cannot_be_converted_stops_the_change)
{
    struct plan plan;
    struct stream_set set = only(&plain);
    expect_apply(&plain, 0, "create_table done", "first");
    run("ALTER TABLE devices DROP COLUMN extra, ALTER speed TYPE text;"
        "INSERT INTO devices VALUES (now(), 'a', 'fast')");
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_ERR(plan_apply(&db.pg, &plan, PLAN_TYPE), ERR_ROW, "stream devices, change_type: ");
    EXPECT_STEPS(&plan, "change_type (type), add_column", "failed");
    plan_free(&plan);
    EXPECT_VALUE(&db, "SELECT speed FROM devices", "fast");
    expect_plan(&plain, "change_type (type), add_column", "", "nothing half done");
}

/* ---- partitions ---- */

Test(plan, partitioning_that_differs)
{
    static const struct {
        const struct stream *s;
        const char *sql, *says;
    } rows[] = {
        {&by_day, "CREATE TABLE devices (LIKE model)",
         "is not partitioned, the manifest says by ts"},
        {&by_day, "CREATE TABLE devices (LIKE model) PARTITION BY RANGE (speed)",
         "is partitioned by speed, the manifest says by ts"},
        {&by_day, "CREATE TABLE devices (LIKE model) PARTITION BY LIST (ts)",
         "is partitioned by something else than a column"},
        {&by_day, "CREATE TABLE devices (LIKE model) PARTITION BY RANGE (ts, speed)",
         "is partitioned by something else than a column"},
        {&by_day, "CREATE TABLE devices (LIKE model) PARTITION BY RANGE ((speed + 1))",
         "is partitioned by something else than a column"},
        {&plain, "CREATE TABLE devices (LIKE model) PARTITION BY RANGE (ts)", "says not at all"},
        {&by_day,
         "CREATE TABLE devices (LIKE model) PARTITION BY RANGE (ts); CREATE TABLE november "
         "PARTITION OF devices FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')",
         "partition november of table devices is FOR VALUES FROM"},
        {&by_day,
         "CREATE TABLE devices (LIKE model) PARTITION BY RANGE (ts); CREATE TABLE rest PARTITION "
         "OF "
         "devices DEFAULT",
         "partition rest of table devices is DEFAULT"},
        {&by_day,
         "CREATE TABLE devices (LIKE model) PARTITION BY RANGE (ts); CREATE TABLE old PARTITION OF "
         "devices FOR VALUES FROM (MINVALUE) TO ('2026-12-01')",
         "partition old of table devices is"},
        {&by_day,
         "CREATE TABLE devices (LIKE model) PARTITION BY RANGE (ts); CREATE TABLE shifted "
         "PARTITION "
         "OF devices FOR VALUES FROM ('2026-11-01 01:00') TO ('2026-11-02 01:00')",
         "partition shifted of table devices is"},
        {&by_day,
         "CREATE TABLE devices (ts date NOT NULL, device text NOT NULL, speed float8, extra jsonb "
         "NOT NULL) PARTITION BY RANGE (ts); CREATE INDEX ON devices USING brin (ts)",
         "column ts of table devices is date, the manifest says timestamptz; a table can't be "
         "altered that far"},
    };
    expect_apply(&plain, 0, "create_table done", "model");
    run("ALTER TABLE devices RENAME TO model; DROP INDEX devices_ts_brin");
    for (size_t i = 0; i < COUNT(rows); i++) {
        run(rows[i].sql);
        expect_plan(rows[i].s, "misfit (never)", rows[i].says, rows[i].sql);
        expect_apply(rows[i].s, PLAN_DROP | PLAN_TYPE, "misfit (never) refused", rows[i].sql);
        run("DROP TABLE devices");
    }
}

/* A gate is held for what is in the way of rows that may come, and only for that. */
Test(plan, partitions_in_the_way)
{
    enum { ALL = 36500, NEAR = 40, SINCE_KEEP = 10 }; /* days */
    static const struct {
        const char *leaves; /* ranges, of days from today */
        enum period every;
        int window_days, keep_days;
        const char *names; /* the one that is in the way */
    } rows[] = {
        {"(0, 1)", PERIOD_DAY, ALL, 0, ""},
        {"(0, 1)", PERIOD_MONTH, ALL, 0, "leaf_1"},
        {"(0, 1), (1, 3)", PERIOD_DAY, ALL, 0, "leaf_2"},
        {"(-60, -50), (0, 1)", PERIOD_DAY, ALL, 0, "leaf_1"},
        {"(-60, -50), (0, 1)", PERIOD_DAY, NEAR, 0, ""},
        {"(-60, -50), (-20, -15)", PERIOD_DAY, NEAR, 0, "leaf_2"},
        {"(-60, -50), (-20, -15)", PERIOD_DAY, NEAR, SINCE_KEEP, ""},
        {"(NULL, -60)", PERIOD_DAY, NEAR, 0, ""},
        {"(NULL, -60)", PERIOD_DAY, ALL, 0, "leaf_1"},
        {"(60, NULL)", PERIOD_DAY, NEAR, 0, ""},
        {"(-60, NULL)", PERIOD_DAY, NEAR, 0, "leaf_1"},
        {"(60, 63), (50, 53)", PERIOD_DAY, NEAR, 0, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stream s = by_day;
        struct buf sql = {0};
        struct buf why = {0};
        char want[80] = "";
        s.window_past_us = s.window_ahead_us = rows[i].window_days * TIME_US_PER_DAY;
        s.keep_us = rows[i].keep_days * TIME_US_PER_DAY;
        s.every = rows[i].every;
        expect_apply(&s, 0, "create_table done", "first");
        run("CREATE TABLE a_rest PARTITION OF devices DEFAULT");
        buf_printf(&sql,
                   "DO $$ DECLARE r record; BEGIN FOR r IN SELECT row_number() OVER () AS n,"
                   " coalesce(quote_literal(current_date + a), 'MINVALUE') AS since,"
                   " coalesce(quote_literal(current_date + b), 'MAXVALUE') AS until"
                   " FROM (VALUES (NULL::int, NULL::int), %s) AS v (a, b)"
                   " WHERE a IS NOT NULL OR b IS NOT NULL LOOP EXECUTE"
                   " format('CREATE TABLE leaf_%%s PARTITION OF devices FOR VALUES FROM (%%s)"
                   " TO (%%s)', r.n, r.since, r.until); END LOOP; END $$",
                   rows[i].leaves);
        run(buf_cstr(&sql));
        EXPECT_OK(plan_check_fit(&db.pg, &s, &why));
        if (*rows[i].names)
            (void)snprintf(want, sizeof want,
                           "stream devices: partition %s of table devices is FOR VALUES FROM (",
                           rows[i].names);
        cr_expect_eq(why.len > 0, *want != '\0', "%s: got %s", rows[i].leaves, buf_cstr(&why));
        cr_expect(strstr(buf_cstr(&why), want), "%s:\nwant: %s\n got: %s", rows[i].leaves, want,
                  buf_cstr(&why));
        run("DROP TABLE devices");
        buf_free(&sql);
        buf_free(&why);
    }
}

/* Bounds that are no times at all are left to the misfit of the column. */
Test(plan, partitions_of_text)
{
    expect_apply(&plain, 0, "create_table done", "model");
    run("ALTER TABLE devices RENAME TO model; CREATE TABLE devices (LIKE model);"
        "ALTER TABLE devices ALTER ts TYPE text; ALTER TABLE devices RENAME TO text_model;"
        "CREATE TABLE devices (LIKE text_model) PARTITION BY RANGE (ts);"
        "CREATE TABLE leaf PARTITION OF devices FOR VALUES FROM ('a') TO ('b')");
    expect_fit(&by_day,
               "stream devices: column ts is text in the table, the manifest says timestamptz; "
               "run `spoolgate plan`",
               "text");
}

/* What partitions are made of is what plan looks for. */
Test(plan, partitions_of_every_period)
{
    static const enum period periods[] = {PERIOD_HOUR, PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH,
                                          PERIOD_YEAR};
    for (size_t i = 0; i < COUNT(periods); i++) {
        struct stream s = by_day;
        struct buf sql = {0};
        s.every = periods[i];
        expect_apply(&s, 0, "create_table done", period_name(s.every));
        struct period_range r = period_range(s.every, 20780 * TIME_US_PER_DAY);
        for (int leaf = 0; leaf < 14; leaf++, r = period_range(s.every, r.to_us))
            ddl_leaf(&sql, &s, r.from_us);
        run(buf_cstr(&sql));
        expect_plan(&s, "", "", period_name(s.every));
        run("DROP TABLE devices");
        buf_free(&sql);
    }
}

/* ---- indexes ---- */

Test(plan, a_key_with_duplicates)
{
    struct plan plan;
    struct stream_set set = only(&keyed);
    expect_apply(&keyed, 0, "create_table done", "first");
    run("DROP INDEX devices_device_ts_key; " ROW "; " ROW);
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_ERR(plan_apply(&db.pg, &plan, 0), ERR_ROW, "rows of the table share their key");
    plan_free(&plan);
    EXPECT_VALUE(&db, "SELECT count(*) FROM pg_index WHERE indrelid = 'devices'::regclass", "0");
    run("DELETE FROM devices");
    expect_apply(&keyed, 0, "create_index done", "without the duplicates");
    expect_plan(&keyed, "", "", "without the duplicates");
}

Test(plan, an_index_that_was_never_finished)
{
    expect_apply(&keyed, 0, "create_table done", "first");
    run("DROP INDEX devices_device_ts_key; " ROW "; " ROW);
    struct err e = pg_exec(
        &db.pg, "CREATE UNIQUE INDEX CONCURRENTLY devices_device_ts_key ON devices (device, ts)");
    cr_assert_str_eq(e.sqlstate, "23505", "%s", e.text);
    run("DELETE FROM devices");
    expect_fit(&keyed,
               "stream devices: there is no unique index on the key (device, ts); run `spoolgate "
               "plan`",
               "unfinished");
    expect_apply(&keyed, 0, "drop_index done, create_index done", "unfinished");
    expect_plan(&keyed, "", "", "unfinished");
    expect_fit(&keyed, "", "finished");
}

/* Building an index must not keep rows out, where that can be had. */
Test(plan, indexes_of_plain_tables_lock_nobody_out)
{
    static const struct {
        const struct stream *s;
        bool is_alone;
    } rows[] = {{&plain, true}, {&by_day, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct plan plan;
        struct stream_set set = only(rows[i].s);
        expect_apply(rows[i].s, 0, "create_table done", "first");
        run("DROP INDEX devices_ts_brin");
        EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
        EXPECT_STEPS(&plan, "create_index", "one index");
        cr_expect_eq(plan.steps[0].is_alone, rows[i].is_alone);
        cr_expect_eq(strstr(plan.steps[0].sql, "INDEX CONCURRENTLY") != NULL, rows[i].is_alone,
                     "%s", plan.steps[0].sql);
        plan_free(&plan);
        run("DROP TABLE devices");
    }
}

/* ---- somebody else's tables ---- */

#define EXISTING "CREATE TABLE devices (id bigint GENERATED ALWAYS AS IDENTITY, "

#define LOOSE                                                                           \
    "the key's columns may be NULL in the table (device, ts), and a unique index lets " \
    "rows with NULLs pass: make them NOT NULL"

Test(plan, existing_tables)
{
    static const struct {
        const struct stream *s;
        const char *sql;
        const char *why; /* the whole of the sentence; "": it fits */
    } rows[] = {
        {&foreign, EXISTING "ts timestamptz, device text, speed float8, extra jsonb)", ""},
        {&foreign, EXISTING "ts timestamptz(3), device varchar(9), speed float8, extra jsonb)", ""},
        {&foreign, EXISTING "ts timestamptz, device char(9), speed float8, extra jsonb)", ""},
        {&foreign,
         "CREATE DOMAIN word AS text; CREATE DOMAIN filled AS word NOT NULL DEFAULT 'x';" EXISTING
         "ts timestamptz, device word, speed float8, extra jsonb, more filled)",
         ""},
        {&foreign,
         EXISTING "ts timestamptz, device text, speed float8, extra jsonb) PARTITION BY LIST "
                  "(device)",
         "the table is partitioned and has no partition: no row can go in until you make one"},
        {&foreign,
         EXISTING "ts timestamptz, device text, speed float8, extra jsonb) PARTITION BY LIST "
                  "(device); CREATE TABLE leaf PARTITION OF devices FOR VALUES IN ('a')",
         ""},
        {&foreign, "SELECT 1", "table devices isn't there"},
        {&foreign, "CREATE VIEW devices AS SELECT 1", "devices is a view, not a table"},
        {&foreign, EXISTING "ts timestamptz, device text, extra jsonb)", "column speed is missing"},
        {&foreign, EXISTING "ts timestamp, device text, speed float8, extra jsonb)",
         "column ts is timestamp without time zone in the table, the manifest says timestamptz"},
        {&foreign, EXISTING "ts timestamptz, device name, speed float4, extra jsonb)",
         "column device is name in the table, the manifest says text\n"
         "column speed is real in the table, the manifest says double precision"},
        {&foreign, EXISTING "ts timestamptz, device text, speed float8, extra json)",
         "column extra is json in the table, the manifest says jsonb"},
        {&foreign,
         EXISTING "ts timestamptz, device text, speed float8, extra jsonb, must int NOT NULL)",
         "column must is NOT NULL without a default, and not in the manifest"},
        {&foreign,
         "CREATE DOMAIN must AS int NOT NULL;" EXISTING
         "ts timestamptz, device text, speed float8, extra jsonb, must must)",
         "column must is NOT NULL without a default, and not in the manifest"},
        {&foreign,
         EXISTING "ts timestamptz, device text, speed float8 GENERATED ALWAYS AS (1) STORED, extra "
                  "jsonb)",
         "column speed is generated by the database: take it out of the manifest"},
        {&foreign,
         EXISTING
         "ts timestamptz, device text, speed float8, extra jsonb); REVOKE INSERT ON devices "
         "FROM CURRENT_USER; GRANT INSERT (ts, device, extra) ON devices TO CURRENT_USER",
         "INSERT on column speed isn't granted to role spoolgate"},
        {&foreign_keyed, EXISTING "ts timestamptz, device text, speed float8, extra jsonb)",
         "there is no unique index on the key (device, ts)\n" LOOSE},

        {&foreign_keyed,
         EXISTING
         "ts timestamptz, device text, speed float8, extra jsonb, PRIMARY KEY (ts, device))",
         ""},
        {&foreign_keyed,
         EXISTING
         "ts timestamptz NOT NULL, device text NOT NULL, speed float8, extra jsonb, UNIQUE (ts, "
         "device))",
         ""},
        {&foreign_keyed,
         EXISTING
         "ts timestamptz, device text, speed float8, extra jsonb, UNIQUE (device, ts, id))",
         "there is no unique index on the key (device, ts)\n" LOOSE},

        {&foreign_keyed,
         EXISTING
         "ts timestamptz, device text, speed float8, extra jsonb, PRIMARY KEY (ts, device))"
         "; REVOKE UPDATE (speed), UPDATE ON devices FROM CURRENT_USER; GRANT UPDATE (ts, "
         "device, extra) ON devices TO CURRENT_USER",
         "UPDATE on column speed isn't granted to role spoolgate"},
    };
    struct plan plan;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stream_set set = only(rows[i].s);
        struct buf want = {0};
        char got[STEPS_TEXT];
        run("BEGIN");
        run(rows[i].sql);
        buf_printf(&want, "%s%s", rows[i].why, *rows[i].why ? "\n" : "");
        EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
        cr_expect_str_eq(sentences(&plan, got), buf_cstr(&want), "%s:\nwant: %s\n got: %s",
                         rows[i].sql, buf_cstr(&want), got);
        for (size_t k = 0; k < plan.count; k++)
            cr_expect(plan.steps[k].allow == PLAN_NEVER && !plan.steps[k].sql);
        plan_free(&plan);
        struct buf why = {0};
        EXPECT_OK(plan_check_fit(&db.pg, rows[i].s, &why));
        cr_expect_eq(why.len > 0, *rows[i].why != '\0', "%s: got %s", rows[i].sql, buf_cstr(&why));
        buf_free(&why);
        buf_free(&want);
        run("ROLLBACK");
    }
}

/* Rows of ours have their key: the gate stays open. */
Test(plan, existing_tables_whose_key_may_be_null)
{
    run(EXISTING "ts timestamptz NOT NULL, device text, speed float8, extra jsonb, UNIQUE (ts, "
                 "device))");
    expect_plan(&foreign_keyed, "misfit (never)",
                "the key's columns may be NULL in the table (device), and", "existing");
    expect_fit(&foreign_keyed, "", "existing");
}

Test(plan, tables_of_another_role)
{
    static const struct column text = {.name = "description", .type = COLUMN_TEXT};
    struct stream s = {.name = "notes",
                       .schema = "pg_catalog",
                       .table = "pg_description",
                       .columns = &text,
                       .column_count = 1,
                       .version = STREAM_NO_COLUMN,
                       .time_column = STREAM_NO_COLUMN};
    expect_plan(&s, "misfit (never)", "table pg_catalog.pg_description belongs to role postgres",
                "owned");
    s.is_foreign = true;
    expect_plan(&s, "misfit (never), misfit (never), misfit (never), misfit (never)",
                "INSERT on the table isn't granted to role", "existing");
}

Test(plan, pgvector_that_is_not_there)
{
    struct column vector = {.name = "embedding", .type = COLUMN_VECTOR, .dimensions = 3};
    struct stream s = plain;
    s.columns = &vector;
    s.column_count = 1;
    s.index_count = 0;
    if (strcmp(database_value(&db, "SELECT count(*) FROM pg_extension WHERE extname = 'vector'"),
               "0") == 0) {
        expect_plan(&s, "misfit (never)", "CREATE EXTENSION vector", "no pgvector");
        expect_apply(&s, PLAN_DROP | PLAN_TYPE, "misfit (never) refused", "no pgvector");
        return;
    }
    expect_apply(&s, 0, "create_table done", "pgvector");
    expect_plan(&s, "", "", "pgvector");
    vector.dimensions = 4;
    expect_plan(&s, "change_type (type)", "vector(3), the manifest says vector(4)",
                "other dimensions");
    s.is_foreign = true;
    expect_plan(&s, "misfit (never)", "vector(3) in the table, the manifest says vector(4)",
                "other dimensions");
}

Test(plan, many_reasons_in_one_line)
{
    run("CREATE TABLE devices (ts date)");
    expect_fit(&plain,
               "stream devices: column ts is date in the table, the manifest says timestamptz; "
               "column device is missing; column speed is missing; and 1 more; run `spoolgate "
               "plan`",
               "many reasons");
}

/* ---- at the same time ---- */

static void *apply_beside(void *arg)
{
    struct pg pg;
    struct plan plan;
    struct stream streams[] = {keyed, by_day};
    struct stream_set set = {streams, COUNT(streams)};
    streams[1].name = streams[1].table = "others";
    pg_init(&pg);
    struct err *e = arg;
    *e = pg_open(&pg, &db.target);
    if (!err_is(e)) {
        *e = plan_make(&pg, db.schema, &set, &plan);
        if (!err_is(e))
            *e = plan_apply(&pg, &plan, PLAN_DROP);
        plan_free(&plan);
    }
    pg_close(&pg);
    return NULL;
}

Test(plan, two_applies_at_once)
{
    enum { THREADS = 3 };
    for (int round = 0; round < 3; round++) {
        pthread_t threads[THREADS];
        struct err results[THREADS];
        for (int i = 0; i < THREADS; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, apply_beside, &results[i]), 0);
        for (int i = 0; i < THREADS; i++)
            (void)pthread_join(threads[i], NULL);
        for (int i = 0; i < THREADS; i++)
            EXPECT_OK(results[i]);
        expect_plan(&keyed, "", "", "after all of them");
        run("DROP INDEX devices_device_ts_key; ALTER TABLE devices DROP COLUMN speed,"
            " ADD COLUMN more int; DROP TABLE others");
    }
}

/* migrate makes tables, too: neither begins before the other has ended. */
Test(plan, a_migration_is_waited_for)
{
    struct pg migration;
    pthread_t thread;
    struct err result;
    pg_init(&migration);
    EXPECT_OK(pg_open(&migration, &db.target));
    EXPECT_OK(pg_exec(&migration, "BEGIN"));
    EXPECT_OK(pg_exec(&migration, sql_migration_lock));
    cr_assert_eq(pthread_create(&thread, NULL, apply_beside, &result), 0);
    EXPECT_VALUE(&db, "SELECT pg_sleep(0.5)", "");
    EXPECT_VALUE(&db, "SELECT to_regclass('devices') IS NULL", "t");
    EXPECT_OK(pg_commit(&migration));
    (void)pthread_join(thread, NULL);
    EXPECT_OK(result);
    EXPECT_VALUE(&db, "SELECT to_regclass('devices') IS NULL", "f");
    pg_close(&migration);
}

/* A long reader makes apply give up, and nobody queues behind it for longer than a second. */
Test(plan, a_long_reader_ends_in_a_clear_message)
{
    struct pg reader;
    struct plan plan;
    struct stream_set set = only(&plain);
    expect_apply(&plain, 0, "create_table done", "first");
    run("ALTER TABLE devices DROP COLUMN extra, DROP COLUMN speed; DROP INDEX devices_ts_brin");
    pg_init(&reader);
    EXPECT_OK(pg_open(&reader, &db.target));
    EXPECT_OK(pg_exec(&reader, "BEGIN; SELECT count(*) FROM devices"));
    EXPECT_OK(plan_make(&db.pg, db.schema, &set, &plan));
    EXPECT_ERR(plan_apply(&db.pg, &plan, 0), ERR_BUSY, "in use by other transactions");
    EXPECT_STEPS(&plan, "add_column, add_column, create_index", "locked");
    plan_free(&plan);
    expect_plan(&plain, "add_column, add_column, create_index", "", "nothing half done");
    EXPECT_OK(pg_exec(&reader, "COMMIT"));
    pg_close(&reader);
    expect_apply(&plain, 0, "add_column done, add_column done, create_index done", "unlocked");
}
