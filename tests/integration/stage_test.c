/* SPDX-License-Identifier: MIT */
/* Streams with a key: what of their rows ends up in the table and on the receipt, whichever way the
 * batch is loaded. */
#include "replay/stage.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/time.h"
#include "bytes.h"
#include "db/queries.h"
#include "loading.h"

#define KEY(key, type_, required_)                                                           \
    {                                                                                        \
        .name = (key), .type = (type_), .path = (const char *const[]){key}, .path_count = 1, \
        .required = (required_)                                                              \
    }
#define FIRST       .key = (const size_t[]){0}, .key_count = 1
#define FIRST_TWO   .key = (const size_t[]){0, 1}, .key_count = 2
#define UNVERSIONED .version = STREAM_NO_COLUMN, .time_column = STREAM_NO_COLUMN
#define SET(streams_)               \
    (const struct stream_set)       \
    {                               \
        (streams_), COUNT(streams_) \
    }

static const struct column kv_columns[] = {
    KEY("k", COLUMN_TEXT, true),
    KEY("v", COLUMN_TEXT, false),
    KEY("ver", COLUMN_FLOAT8, false),
};
#define KV \
    .kind = "kv", .table = "kv", .columns = kv_columns, .column_count = COUNT(kv_columns), FIRST

static struct loading x;

static void tear_down(void)
{
    loading_close(&x);
}

TestSuite(stage, .fini = tear_down, .timeout = 120);

/* "total loaded rejected skipped" of the batch that was loaded last. */
#define COUNTS                                                                      \
    "SELECT frames_total || ' ' || rows_loaded || ' ' || frames_rejected || ' ' ||" \
    " frames_skipped FROM ingestion_manifest WHERE status IN ('done', 'failed')"    \
    " ORDER BY batch_id DESC LIMIT 1"
#define TABLES "SELECT tables FROM ingestion_manifest ORDER BY batch_id DESC LIMIT 1"
#define CONTENT                                                                                  \
    "SELECT coalesce(string_agg(k || coalesce(v, '') || coalesce('@' || ver, ''), ' ' ORDER BY " \
    "k), '') FROM kv"

/* "a1 b2@7 -": key, value and version of a frame each; '-' is a frame that is no row. */
static void load_words(enum load_way way, const char *kind, const char *words)
{
    struct buf lines = {0};
    while (*words) {
        size_t len = strcspn(words, " ");
        if (*words == '-')
            buf_printf(&lines, "{\"kind\": \"%s\"}\n", kind);
        else
            buf_printf(&lines, "{\"kind\": \"%s\", \"k\": \"%c\", \"v\": \"%c\"%s%.*s}\n", kind,
                       words[0], words[1], len > 2 ? ", \"ver\": " : "", len > 2 ? (int)len - 3 : 0,
                       words + 3);
        words += len + (words[len] == ' ');
    }
    EXPECT_OK(loading_load(&x, way, buf_cstr(&lines)));
    buf_free(&lines);
}

/* Batches are parted by " | ". */
static void load_batches(enum load_way way, const char *kind, const char *batches)
{
    char batch[200];
    const char *end;
    for (; (end = strstr(batches, " | ")); batches = end + 3) {
        (void)snprintf(batch, sizeof batch, "%.*s", (int)(end - batches), batches);
        load_words(way, kind, batch);
    }
    load_words(way, kind, batches);
}

static const struct stream modes[] = {
    {.name = "first", KV, .mode = STREAM_IGNORE, UNVERSIONED},
    {.name = "last", KV, .mode = STREAM_UPSERT, UNVERSIONED},
    {.name = "newest", KV, .mode = STREAM_UPSERT, .version = 2, .time_column = STREAM_NO_COLUMN},
};

struct mode_row {
    const char *what, *batches;
    const char *content, *counts; /* the counts are the last batch's */
};

static void expect_rows(const struct stream *stream, const struct mode_row *rows, size_t count)
{
    const struct stream_set set = {stream, 1};
    loading_open(&x, &set);
    for (int way = 0; way < LOAD_WAYS; way++)
        for (size_t i = 0; i < count; i++) {
            char got[500];
            EXPECT_OK(pg_exec(&x.db.pg, "TRUNCATE kv"));
            load_batches((enum load_way)way, "kv", rows[i].batches);
            (void)snprintf(got, sizeof got, "%s", database_value(&x.db, CONTENT));
            cr_expect_str_eq(got, rows[i].content, "%s, way %d: want %s, got %s", rows[i].what, way,
                             rows[i].content, got);
            (void)snprintf(got, sizeof got, "%s", database_value(&x.db, COUNTS));
            cr_expect_str_eq(got, rows[i].counts, "%s, way %d: want %s, got %s", rows[i].what, way,
                             rows[i].counts, got);
        }
}

Test(stage, ignore_keeps_the_first)
{
    static const struct mode_row rows[] = {
        {"of a batch", "a1 b1 a2 a3", "a1 b1", "4 2 0 2"},
        {"what is there", "a1 | a2 b2", "a1 b2", "2 1 0 1"},
        {"nothing new", "a1 b1 | b2 a2", "a1 b1", "2 0 0 2"},
        {"beside rejects", "a1 | - a2 b2 -", "a1 b2", "4 1 2 1"},
        {"rejects alone", "a1 | -", "a1", "1 0 1 0"},
    };
    expect_rows(&modes[0], rows, COUNT(rows));
}

Test(stage, upsert_keeps_the_last)
{
    static const struct mode_row rows[] = {
        {"of a batch", "a1 b1 a2 a3", "a3 b1", "4 2 0 2"},
        {"over what is there", "a1 c1 | a2 b2", "a2 b2 c1", "2 2 0 0"},
        {"the same again", "a1 | a1", "a1", "1 1 0 0"},
        {"beside rejects", "a1 | - a2 a3", "a3", "3 1 1 1"},
    };
    expect_rows(&modes[1], rows, COUNT(rows));
}

Test(stage, upsert_keeps_the_highest_version)
{
    static const struct mode_row rows[] = {
        {"of a batch", "a1@2 a2@9 a3@1", "a2@9", "3 1 0 2"},
        {"of equal ones the last", "a1@2 a2@2 a3@1", "a2@2", "3 1 0 2"},
        {"none loses", "a1@2 a2", "a1@2", "2 1 0 1"},
        {"none against none", "a1 a2", "a2", "2 1 0 1"},
        {"newer later", "a1@1 | a2@2", "a2@2", "1 1 0 0"},
        {"newer before", "a1@2 b1@1 | a2@1 b2@2", "a1@2 b2@2", "2 1 0 1"},
        {"equal", "a1@1 | a2@1", "a2@1", "1 1 0 0"},
        {"none over one", "a1@1 | a2", "a1@1", "1 0 0 1"},
        {"one over none", "a1 | a2@-5", "a2@-5", "1 1 0 0"},
        {"none over none", "a1 | a2", "a2", "1 1 0 0"},
    };
    expect_rows(&modes[2], rows, COUNT(rows));
}

/* Somebody else's table, in a schema of its own, with columns that aren't ours to write, and names
 * that are in use in the stage. */
Test(stage, odd_names_and_a_composite_key)
{
    const struct column columns[] = {
        KEY("n", COLUMN_TEXT, true),
        KEY("sel\"ect", COLUMN_TEXT, true),
        KEY("c0", COLUMN_TEXT, false),
        KEY("it's", COLUMN_FLOAT8, false),
    };
    struct stream odd[] = {{.name = "a name which is cut in the mid of an \303\244, or would be",
                            .kind = "odd",
                            .table = "my \"odd\"; table",
                            .is_foreign = true,
                            .mode = STREAM_UPSERT,
                            .columns = columns,
                            .column_count = COUNT(columns),
                            .key = (const size_t[]){1, 0},
                            .key_count = 2,
                            .version = 3,
                            .time_column = STREAM_NO_COLUMN}};
    loading_open(&x, &SET(odd));
    odd[0].schema = x.db.schema; /* odd enough */
    EXPECT_OK(pg_exec(&x.db.pg,
                      "CREATE TABLE \"my \"\"odd\"\"; table\" (id bigint GENERATED ALWAYS AS"
                      " IDENTITY PRIMARY KEY, \"it's\" float8, c0 varchar(3), \"sel\"\"ect\" text"
                      " NOT NULL, n text NOT NULL, twice float8 GENERATED ALWAYS AS (\"it's\" * 2)"
                      " STORED, since text DEFAULT 'now', UNIQUE (n, \"sel\"\"ect\"))"));
    static const char frames[] =
        "{\"kind\": \"odd\", \"n\": \"a\", \"sel\\\"ect\": \"x\", \"c0\": \"1\", \"it's\": 1}\n"
        "{\"kind\": \"odd\", \"n\": \"a\", \"sel\\\"ect\": \"y\", \"c0\": \"2\", \"it's\": 2}\n"
        "{\"kind\": \"odd\", \"n\": \"a\", \"sel\\\"ect\": \"x\", \"c0\": \"3\", \"it's\": 3}\n"
        "{\"kind\": \"odd\", \"n\": \"a\", \"sel\\\"ect\": \"x\", \"c0\": \"long\", \"it's\": 4}";
    for (int way = 0; way < LOAD_WAYS; way++) {
        EXPECT_OK(loading_load(&x, (enum load_way)way, frames));
        EXPECT_VALUE(&x.db, COUNTS, "4 2 1 1");
        EXPECT_VALUE(&x.db,
                     "SELECT string_agg(concat_ws(',', \"sel\"\"ect\", n, c0, \"it's\", twice,"
                     " since), ' ' ORDER BY id) FROM \"my \"\"odd\"\"; table\"",
                     "x,a,3,3,6,now y,a,2,2,4,now");
    }
}

Test(stage, where_all_columns_are_the_key_nothing_is_replaced)
{
    const struct stream set[] = {{.name = "seen",
                                  .kind = "kv",
                                  .table = "seen",
                                  .columns = kv_columns,
                                  .column_count = 2,
                                  .mode = STREAM_UPSERT,
                                  FIRST_TWO,
                                  UNVERSIONED}};
    loading_open(&x, &SET(set));
    load_batches(LOAD_HELD, "kv", "a1 a2 a1 | a1 a3");
    EXPECT_VALUE(&x.db, COUNTS, "2 1 0 1");
    EXPECT_VALUE(&x.db, "SELECT string_agg(k || v, ' ' ORDER BY k, v) FROM seen", "a1 a2 a3");
}

Test(stage, partitions)
{
    const struct column columns[] = {
        KEY("ts", COLUMN_TIMESTAMPTZ, true),
        KEY("k", COLUMN_TEXT, true),
        KEY("v", COLUMN_TEXT, false),
    };
    const struct stream set[] = {{.name = "days",
                                  .kind = "kv",
                                  .table = "days",
                                  .columns = columns,
                                  .column_count = COUNT(columns),
                                  .mode = STREAM_UPSERT,
                                  FIRST_TWO,
                                  .version = STREAM_NO_COLUMN,
                                  .every = PERIOD_DAY,
                                  .window_past_us = 36530 * TIME_US_PER_DAY,
                                  .window_ahead_us = 36530 * TIME_US_PER_DAY}};
    static const char frames[] =
        "{\"kind\": \"kv\", \"ts\": \"2026-01-02T10:00:00Z\", \"k\": \"a\", \"v\": \"1\"}\n"
        "{\"kind\": \"kv\", \"ts\": \"2026-01-01T10:00:00Z\", \"k\": \"a\", \"v\": \"2\"}\n"
        "{\"kind\": \"kv\", \"ts\": \"2026-01-02T10:00:00Z\", \"k\": \"a\", \"v\": \"3\"}\n";
    loading_open(&x, &SET(set));
    for (int way = 0; way < LOAD_WAYS; way++) {
        EXPECT_OK(loading_load(&x, (enum load_way)way, frames));
        EXPECT_VALUE(&x.db, COUNTS, "3 2 0 1");
        EXPECT_VALUE(&x.db, "SELECT string_agg(k || v, ' ' ORDER BY ts) FROM days", "a2 a3");
        EXPECT_VALUE(&x.db, "SELECT v FROM days_2026_01_02", "3");
    }
}

/* ---- rows that the server refuses ---- */

Test(stage, a_refused_row_leaves_the_value_before_it)
{
    static const struct {
        const char *what, *sql, *batches, *content, *counts, *sqlstates;
    } rows[] = {
        {"a check", "ALTER TABLE kv ADD CHECK (v <> '9')", "a1 b1 a9 c2", "a1 b1 c2", "4 3 1 0",
         "23514"},
        {"of a key that is there", "ALTER TABLE kv ADD CHECK (v <> '9')", "a1 | b1 a9", "a1 b1",
         "2 1 1 0", "23514"},
        {"one that is replaced anyway", "ALTER TABLE kv ADD CHECK (v <> '9')", "a1 a9 a2 b1",
         "a2 b1", "4 2 0 2", ""},
        {"another unique index", "ALTER TABLE kv ADD UNIQUE (v)", "a1 b2 | c2 d4", "a1 b2 d4",
         "2 1 1 0", "23505"},
        {"one that is checked in the end",
         "ALTER TABLE kv ADD UNIQUE (v) DEFERRABLE INITIALLY DEFERRED", "a1 b2 | c2 d4", "a1 b2 d4",
         "2 1 1 0", "23505"},
        {"on its way into the stage",
         "CREATE DOMAIN small AS text CHECK (value < '9'); ALTER TABLE kv ALTER v TYPE small",
         "a1 b9 a2", "a2", "3 2 1 0", "23514"},
        {"all of them", "ALTER TABLE kv ADD CHECK (v <> '9')", "a1 | b9 c9 a9", "a1", "3 0 3 0",
         "23514 23514 23514"},
    };
    loading_open(&x, &(struct stream_set){&modes[1], 1});
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf sql = {0};
        buf_str(&sql, "DROP TABLE kv; DELETE FROM ingestion_reject;");
        ddl_stream(&sql, &modes[1], NULL);
        buf_str(&sql, rows[i].sql);
        EXPECT_OK(pg_exec(&x.db.pg, buf_cstr(&sql)));
        buf_free(&sql);
        load_batches(LOAD_HELD, "kv", rows[i].batches);
        EXPECT_VALUE(&x.db, CONTENT, rows[i].content);
        EXPECT_VALUE(&x.db, COUNTS, rows[i].counts);
        EXPECT_VALUE(&x.db, "SELECT coalesce(string_agg(sqlstate, ' '), '') FROM ingestion_reject",
                     rows[i].sqlstates);
    }
}

/* Frame n of `count` has the key n % keys and the value n, or "bad" every `bad` frames. */
static char *many_lines(const char *kind, unsigned count, unsigned keys, unsigned bad)
{
    struct buf lines = {0};
    for (unsigned n = 0; n < count; n++)
        if (bad && n % bad == bad - 1)
            buf_printf(&lines, "{\"kind\": \"%s\", \"k\": \"%u\", \"v\": \"bad\"}\n", kind,
                       n % keys);
        else
            buf_printf(&lines, "{\"kind\": \"%s\", \"k\": \"%u\", \"v\": \"%u\"}\n", kind, n % keys,
                       n);
    return buf_take(&lines);
}

Test(stage, blocks_go_in_the_order_of_the_frames)
{
    enum { FRAMES = 3500, KEYS = 700, BAD = 100 };
    char *lines = many_lines("kv", FRAMES, KEYS, BAD);
    loading_open(&x, &(struct stream_set){&modes[1], 1});
    EXPECT_OK(pg_exec(&x.db.pg, "ALTER TABLE kv ADD CHECK (v <> 'bad')"));
    EXPECT_OK(loading_load(&x, LOAD_HELD, lines));
    EXPECT_VALUE(&x.db, "SELECT count(*) FROM ingestion_reject", "35");
    /* The last 700 frames have each key once; where one of them is refused, no other comes in its
     * place, since FRAMES, KEYS and BAD make the bad frames' keys bad in all rounds. */
    EXPECT_VALUE(&x.db,
                 "SELECT count(*) || ' ' || count(*) FILTER (WHERE v::int = k::int + 2800) FROM kv",
                 "693 693");
    EXPECT_VALUE(&x.db,
                 "SELECT rows_loaded + frames_skipped || ' ' || frames_rejected || ' ' ||"
                 " (tables->>'kv' = rows_loaded::text)"
                 " FROM ingestion_manifest WHERE status = 'done'",
                 "3465 35 true");
    free(lines);
}

Test(stage, too_many_refused_rows_fail_the_batch)
{
    char *lines = many_lines("kv", 600, 600, 10); /* 60; 50 may be */
    loading_open(&x, &(struct stream_set){&modes[1], 1});
    load_words(LOAD_HELD, "kv", "11 21 31");
    EXPECT_OK(pg_exec(&x.db.pg, "ALTER TABLE kv ADD CHECK (v <> 'bad')"));
    EXPECT_OK(loading_load(&x, LOAD_HELD, lines));
    EXPECT_VALUE(&x.db, COUNTS, "600 0 0 600");
    EXPECT_VALUE(&x.db, CONTENT, "11 21 31");
    cr_assert(x.worker.outcome.failed);
    free(lines);
}

/* ---- several streams ---- */

static const struct column k_columns[] = {KEY("k", COLUMN_TEXT, true),
                                          KEY("v", COLUMN_TEXT, false)};
#define K_COLUMNS .columns = k_columns, .column_count = COUNT(k_columns)

Test(stage, streams_of_all_modes_in_one_batch)
{
    const struct stream set[] = {
        {.name = "z",
         .kind = "z",
         .table = "z",
         K_COLUMNS,
         .mode = STREAM_UPSERT,
         FIRST,
         UNVERSIONED},
        {.name = "log", .kind = "log", .table = "log", K_COLUMNS, UNVERSIONED},
        {.name = "a",
         .kind = "a",
         .table = "a",
         K_COLUMNS,
         .mode = STREAM_IGNORE,
         FIRST,
         UNVERSIONED},
        /* the same table by two kinds */
        {.name = "z too",
         .kind = "too",
         .table = "z",
         K_COLUMNS,
         .mode = STREAM_UPSERT,
         FIRST,
         UNVERSIONED},
        {.name = "none",
         .kind = "none",
         .table = "none",
         K_COLUMNS,
         .mode = STREAM_UPSERT,
         FIRST,
         UNVERSIONED},
    };
    static const char frames[] = "{\"kind\": \"z\", \"k\": \"1\", \"v\": \"a\"}\n"
                                 "{\"kind\": \"log\", \"k\": \"1\", \"v\": \"b\"}\n"
                                 "{\"kind\": \"a\", \"k\": \"1\", \"v\": \"c\"}\n"
                                 "{\"kind\": \"z\", \"k\": \"1\", \"v\": \"d\"}\n"
                                 "{\"kind\": \"log\", \"k\": \"1\", \"v\": \"e\"}\n"
                                 "{\"kind\": \"a\", \"k\": \"1\", \"v\": \"f\"}\n"
                                 "{\"kind\": \"too\", \"k\": \"2\", \"v\": \"g\"}\n";
    loading_open(&x, &SET(set));
    for (int way = 0; way < LOAD_WAYS; way++) {
        EXPECT_OK(pg_exec(&x.db.pg, "TRUNCATE a, log, z"));
        EXPECT_OK(loading_load(&x, (enum load_way)way, frames));
        EXPECT_VALUE(&x.db, COUNTS, "7 5 0 2");
        EXPECT_VALUE(&x.db, TABLES, "{\"a\": 1, \"z\": 2, \"log\": 2}");
        EXPECT_VALUE(&x.db,
                     "SELECT string_agg(t || k || v, ' ' ORDER BY t, k, v) FROM (SELECT 'a', * FROM"
                     " a UNION ALL SELECT 'log', * FROM log UNION ALL SELECT 'z', * FROM z)"
                     " AS all_of_them (t, k, v)",
                     "a1c log1b log1e z1d z2g");
    }
}

/* ---- what is wrong with the table ---- */

Test(stage, what_is_missing_is_named)
{
    static const struct {
        const char *sql, *part;
    } rows[] = {
        {"REVOKE SELECT ON kv FROM CURRENT_USER", "needs TEMPORARY on the database"},
        {"REVOKE UPDATE ON kv FROM CURRENT_USER", "and UPDATE on kv: GRANT them"},
        {"GRANT ALL ON kv TO CURRENT_USER; DROP INDEX kv_k_key", "needs a unique index on kv"},
        {"DROP TABLE kv", "42P01"},
    };
    loading_open(&x, &(struct stream_set){&modes[1], 1});
    for (size_t i = 0; i < COUNT(rows); i++) {
        EXPECT_OK(pg_exec(&x.db.pg, rows[i].sql));
        EXPECT_ERR(loading_load(&x, LOAD_HELD, "{\"kind\": \"kv\", \"k\": \"a\"}"), ERR_DATABASE,
                   rows[i].part);
        EXPECT_VALUE(&x.db, "SELECT status FROM ingestion_manifest ORDER BY batch_id DESC LIMIT 1",
                     "loading");
        EXPECT_OK(pg_open(&x.worker.loader.pg, &x.worker.loader.target));
    }
}

/* ---- several loaders ---- */

struct work {
    struct loading_worker *worker;
    enum load_way way;
    const char *lines;
    struct err outcome;
};

static void *work_main(void *work)
{
    struct work *w = work;
    w->outcome = loading_work(w->worker, w->way, w->lines);
    return NULL;
}

static pthread_t start(struct work *w)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, work_main, w), 0);
    return thread;
}

/* The server ends the session between the COPY and the INSERT: nothing of the batch is there, and
 * it is loaded from what is on disk. */
Test(stage, a_crash_before_the_merge_leaves_nothing)
{
    loading_open(&x, &(struct stream_set){&modes[1], 1});
    load_words(LOAD_HELD, "kv", "a1 b1");
    struct work w = {&x.worker, LOAD_HELD,
                     "{\"kind\": \"kv\", \"k\": \"a\", \"v\": \"2\"}\n"
                     "{\"kind\": \"kv\", \"k\": \"c\", \"v\": \"2\"}",
                     ERR_OK};
    EXPECT_OK(pg_exec(&x.db.pg, "BEGIN"));
    EXPECT_OK(pg_query(&x.db.pg, sql_stage_lock_alone, PG_PARAMS("kv"), NULL));
    pthread_t thread = start(&w);
    while (strcmp(database_value(&x.db, "SELECT count(pg_terminate_backend(pid, 10000)) FROM"
                                        " pg_locks WHERE locktype = 'advisory' AND NOT granted AND"
                                        " pg_backend_pid() = ANY (pg_blocking_pids(pid))"),
                  "1") != 0)
        EXPECT_OK(pg_exec(&x.db.pg, "SELECT pg_sleep(0.01)"));
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(w.outcome.cls, ERR_DATABASE, "got %s", w.outcome.text);
    EXPECT_OK(pg_exec(&x.db.pg, "COMMIT"));
    EXPECT_VALUE(&x.db, CONTENT, "a1 b1");
    EXPECT_OK(pg_open(&x.worker.loader.pg, &x.worker.loader.target));
    EXPECT_OK(load_resume(&x.worker.loader, &x.worker.id, &x.worker.outcome));
    EXPECT_VALUE(&x.db, CONTENT, "a2 b1 c2");
    EXPECT_VALUE(&x.db, COUNTS, "2 2 0 0");
}

/* KEYS frames of that version, upwards or downwards. */
static char *versioned_lines(int keys, int version, bool upwards)
{
    struct buf lines = {0};
    for (int i = 0; i < keys; i++)
        buf_printf(&lines, "{\"kind\": \"kv\", \"k\": \"%d\", \"v\": \"of %d\", \"ver\": %d}\n",
                   upwards ? i : keys - 1 - i, version, version);
    return buf_take(&lines);
}

/* Two loaders, the same keys in opposite order, at once. In every fourth round one of them is
 * careful, and goes in the order of its file. */
Test(stage, two_loaders_never_deadlock)
{
    enum { KEYS = 10000, ROUNDS = 20 };
    struct loading_worker second;
    const struct stream_set set = {&modes[2], 1};
    char want[64];
    loading_open(&x, &set);
    loading_worker_open(&second, &x, &set, "b.msgpack");
    for (int round = 0; round < ROUNDS; round++) {
        int newer = round % 2; /* which of them */
        char *up = versioned_lines(KEYS, 2 * round + !newer, true);
        char *down = versioned_lines(KEYS, 2 * round + newer, false);
        struct work a = {&x.worker, LOAD_HELD, up, ERR_OK};
        struct work b = {&second, round % 4 == 3 ? LOAD_CAREFUL : LOAD_HELD, down, ERR_OK};
        pthread_t threads[] = {start(&a), start(&b)};
        cr_assert_eq(pthread_join(threads[0], NULL), 0);
        cr_assert_eq(pthread_join(threads[1], NULL), 0);
        cr_assert_eq(a.outcome.cls, ERR_NONE, "round %d, upwards: %s", round, a.outcome.text);
        cr_assert_eq(b.outcome.cls, ERR_NONE, "round %d, downwards: %s", round, b.outcome.text);
        (void)snprintf(want, sizeof want, "%d of %d %d", KEYS, 2 * round + 1, 2 * round + 1);
        EXPECT_VALUE(&x.db, "SELECT count(*) || ' ' || min(v) || ' ' || max(ver) FROM kv", want);
        free(up);
        free(down);
    }
    loading_worker_close(&second);
    EXPECT_VALUE(&x.db,
                 "SELECT count(*) FROM ingestion_manifest WHERE status <> 'done'"
                 " OR frames_total <> rows_loaded + frames_skipped",
                 "0");
}
