/* SPDX-License-Identifier: MIT */
#include "stream/ddl.h"

#include "base/time.h"
#include "base/utf8.h"
#include "bytes.h"

static const struct stream_index first_brin = {"brin", false, (const size_t[]){0}, 1};

/* A stream whose every name needs quoting. */
static const struct column odd_columns[] = {
    {.name = "Time \"of\" day", .type = COLUMN_TIMESTAMPTZ, .required = true},
    {.name = "select", .type = COLUMN_TEXT},
    {.name = "it's",
     .type = COLUMN_JSONB,
     .required = true,
     .fallback = {.text = "{\"a\": \"it's\"}"}},
};
static const struct stream odd = {.table = "My \"odd\"; table",
                                  .columns = odd_columns,
                                  .column_count = COUNT(odd_columns),
                                  .every = PERIOD_DAY,
                                  .indexes = &first_brin,
                                  .index_count = 1};
static const struct column plain_columns[] = {
    {.name = "ts", .type = COLUMN_TIMESTAMPTZ, .required = true},
    {.name = "value", .type = COLUMN_FLOAT8},
};
static const struct stream plain = {.table = "plain",
                                    .columns = plain_columns,
                                    .column_count = COUNT(plain_columns),
                                    .every = PERIOD_DAY,
                                    .indexes = &first_brin,
                                    .index_count = 1};

/* Runs of white space count as one: the frames' layout in db/queries is free to change. */
static const char *squeezed(struct buf *text)
{
    const char *p = buf_cstr(text);
    size_t at = 0;
    for (; *p; p++)
        if ((*p != ' ' && *p != '\n') || (at > 0 && text->data[at - 1] != ' '))
            text->data[at++] = *p == '\n' ? ' ' : (uint8_t)*p;
    while (at > 0 && text->data[at - 1] == ' ')
        at--;
    text->len = at;
    return buf_cstr(text);
}

static void expect_text(struct buf *out, const char *want)
{
    const char *got = squeezed(out);
    cr_expect_str_eq(got, want, "\nwant: %s\n got: %s", want, got);
    buf_free(out);
}

Test(stream_ddl, table)
{
    struct buf out = {0};
    ddl_stream(&out, &plain, NULL);
    expect_text(&out,
                "CREATE TABLE IF NOT EXISTS \"plain\" ( \"ts\" timestamptz NOT NULL, \"value\" "
                "double precision ) PARTITION BY RANGE (\"ts\"); "
                "ALTER TABLE \"plain\" ENABLE ROW LEVEL SECURITY; "
                "DROP POLICY IF EXISTS spoolgate_read ON \"plain\"; "
                "CREATE POLICY spoolgate_read ON \"plain\" FOR SELECT USING (true); "
                "CREATE INDEX IF NOT EXISTS \"plain_ts_brin\" ON \"plain\" USING brin (\"ts\");");
}

#define ODD "\"My \"\"odd\"\"; table\""

Test(stream_ddl, table_with_odd_names)
{
    struct buf out = {0};
    ddl_stream(&out, &odd, NULL);
    expect_text(&out,
                "CREATE TABLE IF NOT EXISTS " ODD " ( \"Time \"\"of\"\" day\" timestamptz NOT "
                "NULL, \"select\" text, \"it's\" jsonb NOT NULL DEFAULT '{\"a\": \"it''s\"}' ) "
                "PARTITION BY RANGE (\"Time \"\"of\"\" day\"); "
                "ALTER TABLE " ODD " ENABLE ROW LEVEL SECURITY; "
                "DROP POLICY IF EXISTS spoolgate_read ON " ODD "; "
                "CREATE POLICY spoolgate_read ON " ODD " FOR SELECT USING (true); "
                "CREATE INDEX IF NOT EXISTS \"My \"\"odd\"\"; table_Time \"\"of\"\" day_brin\" "
                "ON " ODD " USING brin (\"Time \"\"of\"\" day\");");
}

Test(stream_ddl, leaf)
{
    static const struct {
        int year, month, day;
        const char *leaf, *from, *to;
    } rows[] = {
        {2026, 11, 21, "2026_11_21", "2026-11-21", "2026-11-22"},
        {2024, 2, 28, "2024_02_28", "2024-02-28", "2024-02-29"},
        {2026, 12, 31, "2026_12_31", "2026-12-31", "2027-01-01"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        char want[1000];
        (void)snprintf(
            want, sizeof want,
            "CREATE TABLE IF NOT EXISTS \"My \"\"odd\"\"; table_%s\" (LIKE " ODD " INCLUDING ALL); "
            "ALTER TABLE \"My \"\"odd\"\"; table_%s\" ENABLE ROW LEVEL SECURITY; "
            "DROP POLICY IF EXISTS spoolgate_read ON \"My \"\"odd\"\"; table_%s\"; "
            "CREATE POLICY spoolgate_read ON \"My \"\"odd\"\"; table_%s\" FOR SELECT USING "
            "(true); "
            "ALTER TABLE " ODD " ATTACH PARTITION \"My \"\"odd\"\"; table_%s\" FOR VALUES "
            "FROM ('%sT00:00:00Z') TO ('%sT00:00:00Z');",
            rows[i].leaf, rows[i].leaf, rows[i].leaf, rows[i].leaf, rows[i].leaf, rows[i].from,
            rows[i].to);
        ddl_leaf(&out, &odd,
                 time_day_of_date(rows[i].year, rows[i].month, rows[i].day) * TIME_US_PER_DAY);
        expect_text(&out, want);
    }
}

Test(stream_ddl, copy)
{
    struct buf out = {0};
    ddl_copy(&out, &plain);
    expect_text(&out, "COPY \"plain\" (\"ts\", \"value\") FROM STDIN (FORMAT binary)");
    ddl_copy(&out, &odd);
    expect_text(&out, "COPY " ODD " (\"Time \"\"of\"\" day\", \"select\", \"it's\") FROM STDIN "
                      "(FORMAT binary)");
}

/* ---- streams with a key ---- */

static const struct column staged_columns[] = {
    {.name = "K \"1\"", .type = COLUMN_TEXT, .required = true},
    {.name = "k2", .type = COLUMN_TEXT, .required = true},
    {.name = "v", .type = COLUMN_FLOAT8},
    {.name = "at", .type = COLUMN_TIMESTAMPTZ},
};
static const size_t second_and_first[] = {1, 0};

#define STAGED(mode_, column_count_, version_)                                                     \
    (struct stream)                                                                                \
    {                                                                                              \
        .name = "last \"seen\"", .schema = "S", .table = "t", .columns = staged_columns,           \
        .column_count = (column_count_), .mode = (mode_), .key = second_and_first, .key_count = 2, \
        .version = (version_)                                                                      \
    }
#define STAGE "pg_temp.\"spoolgate stage last \"\"seen\"\"\""

Test(stream_ddl, stage)
{
    struct stream s = STAGED(STREAM_UPSERT, 3, STREAM_NO_COLUMN);
    struct buf out = {0};
    ddl_stage_create(&out, &s);
    expect_text(&out, "CREATE TEMPORARY TABLE " STAGE " (c0, c1, c2) ON COMMIT DROP AS SELECT "
                      "\"K \"\"1\"\"\", \"k2\", \"v\" FROM \"S\".\"t\" WITH NO DATA; "
                      "ALTER TABLE " STAGE " ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY "
                      "(CACHE 1000)");
    ddl_copy(&out, &s);
    expect_text(&out, "COPY " STAGE " (c0, c1, c2) FROM STDIN (FORMAT binary)");
    ddl_stage_empty(&out, &s);
    expect_text(&out, "TRUNCATE " STAGE);
}

Test(stream_ddl, merge)
{
    static const struct {
        const char *what;
        enum stream_mode mode;
        size_t columns, version;
        const char *want;
    } rows[] = {
        {"ignore", STREAM_IGNORE, 3, STREAM_NO_COLUMN,
         "(\"K \"\"1\"\"\", \"k2\", \"v\") SELECT DISTINCT ON (c1, c0) c0, c1, c2 FROM " STAGE
         " ORDER BY c1, c0, n ON CONFLICT (\"k2\", \"K \"\"1\"\"\") DO NOTHING"},
        {"upsert", STREAM_UPSERT, 3, STREAM_NO_COLUMN,
         "(\"K \"\"1\"\"\", \"k2\", \"v\") SELECT DISTINCT ON (c1, c0) c0, c1, c2 FROM " STAGE
         " ORDER BY c1, c0, n DESC ON CONFLICT (\"k2\", \"K \"\"1\"\"\") DO UPDATE SET "
         "\"v\" = EXCLUDED.\"v\""},
        {"all columns are the key", STREAM_UPSERT, 2, STREAM_NO_COLUMN,
         "(\"K \"\"1\"\"\", \"k2\") SELECT DISTINCT ON (c1, c0) c0, c1 FROM " STAGE
         " ORDER BY c1, c0, n DESC ON CONFLICT (\"k2\", \"K \"\"1\"\"\") DO NOTHING"},
        {"version", STREAM_UPSERT, 4, 3,
         "(\"K \"\"1\"\"\", \"k2\", \"v\", \"at\") SELECT DISTINCT ON (c1, c0) c0, c1, c2, c3 "
         "FROM " STAGE " ORDER BY c1, c0, c3 DESC NULLS LAST, n DESC ON CONFLICT "
         "(\"k2\", \"K \"\"1\"\"\") DO UPDATE SET \"v\" = EXCLUDED.\"v\", \"at\" = "
         "EXCLUDED.\"at\" WHERE there.\"at\" IS NULL OR EXCLUDED.\"at\" >= there.\"at\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stream s = STAGED(rows[i].mode, rows[i].columns, rows[i].version);
        struct buf out = {0};
        char want[1000];
        (void)snprintf(want, sizeof want, "INSERT INTO \"S\".\"t\" AS there %s", rows[i].want);
        ddl_stage_merge(&out, &s);
        expect_text(&out, want);
    }
}

/* Whatever is cut, the name stays text. */
Test(stream_ddl, long_names_are_cut_between_characters)
{
    char name[100];
    for (size_t ascii = 30; ascii < 45; ascii++) {
        struct stream s = STAGED(STREAM_UPSERT, 3, STREAM_NO_COLUMN);
        struct buf out = {0};
        (void)snprintf(name, sizeof name, "%.*s\xe2\x82\xac and what comes after it, to fill up",
                       (int)ascii, "a name of so many letters and not one more");
        s.name = name;
        ddl_stage_empty(&out, &s);
        const char *stage = strchr(buf_cstr(&out), '"') + 1;
        size_t len = strcspn(stage, "\"");
        cr_expect_leq(len, 63, "%zu: got %zu bytes", ascii, len);
        cr_expect_eq(utf8_check((const uint8_t *)stage, len), len, "%zu: got %s", ascii, stage);
        buf_free(&out);
    }
}

Test(stream_ddl, columns)
{
    static const struct {
        struct column column;
        const char *vector_schema, *want;
    } rows[] = {
        {{.name = "a", .type = COLUMN_INT4}, NULL, "\"a\" integer"},
        {{.name = "a", .type = COLUMN_INT4}, "ext", "\"a\" integer"},
        {{.name = "v", .type = COLUMN_VECTOR, .dimensions = 3}, NULL, "\"v\" vector(3)"},
        {{.name = "v", .type = COLUMN_VECTOR, .dimensions = 3},
         "e\"x",
         "\"v\" \"e\"\"x\".vector(3)"},
        {{.name = "h", .type = COLUMN_HALFVEC, .dimensions = 3, .required = true},
         "ext",
         "\"h\" \"ext\".halfvec(3) NOT NULL"},
        {{.name = "d", .type = COLUMN_TEXT, .fallback = {.text = "it's"}},
         NULL,
         "\"d\" text DEFAULT 'it''s'"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        ddl_column(&out, &rows[i].column, rows[i].vector_schema);
        expect_text(&out, rows[i].want);
    }
}

Test(stream_ddl, indexes)
{
    static const size_t both[] = {0, 1};
    static const struct stream_index key = {"btree", true, both, 2};
    struct buf out = {0};
    ddl_index(&out, &plain, &first_brin, true);
    expect_text(&out, "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"plain_ts_brin\" ON \"plain\" "
                      "USING brin (\"ts\");");
    ddl_index(&out, &plain, &key, false);
    expect_text(&out, "CREATE UNIQUE INDEX IF NOT EXISTS \"plain_ts_value_key\" ON \"plain\" "
                      "USING btree (\"ts\", \"value\");");
    ddl_index_drop(&out, &plain, &key, true);
    expect_text(&out, "DROP INDEX CONCURRENTLY IF EXISTS \"plain_ts_value_key\";");
}

/* What doesn't fit into 63 bytes is cut between characters, and stays apart from its like. */
Test(stream_ddl, long_index_names)
{
#define TEN "1234567890"
    static const struct {
        const char *table, *begins;
        size_t length;
    } rows[] = {
        {TEN TEN TEN TEN TEN "123", TEN TEN TEN TEN TEN "123_ts_brin", 61},
        {TEN TEN TEN TEN TEN "12345", TEN TEN TEN TEN TEN "12345_ts_brin", 63},
        {TEN TEN TEN TEN TEN "123456", TEN TEN TEN TEN TEN "1234_", 63},
        {TEN TEN TEN TEN TEN "123é9", TEN TEN TEN TEN TEN "123_", 62},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[DDL_NAME];
        struct stream s = plain;
        s.table = rows[i].table;
        ddl_index_name(&s, &first_brin, got);
        cr_expect(strncmp(got, rows[i].begins, strlen(rows[i].begins)) == 0, "want %s..., got %s",
                  rows[i].begins, got);
        cr_expect_eq(strlen(got), rows[i].length, "want %zu bytes, got %zu: %s", rows[i].length,
                     strlen(got), got);
    }
}
