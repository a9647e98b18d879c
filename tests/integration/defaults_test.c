/* SPDX-License-Identifier: MIT */
/* A default that a manifest states is one value, whether SQL reads its text (the table's DEFAULT)
 * or COPY its bytes (a frame without the key). */
#include "base/mem.h"
#include "bytes.h"
#include "database.h"
#include "manifest/manifest.h"
#include "replay/copybin.h"
#include "stream/ddl.h"

static struct database db;

static void open_database(void)
{
    database_open(&db, false);
}

static void close_database(void)
{
    database_close(&db);
}

TestSuite(defaults, .init = open_database, .fini = close_database);

static const char manifest[] =
    "stream: s\n"
    "columns:\n"
    "  t1: {type: text, default: \"'; DROP TABLE s; -- \\\\ \\\"\"}\n"
    "  t2: {type: text, default: \"\"}\n"
    "  \"select \\\"\": {type: text, default: é}\n"
    "  j1: {type: jsonb, default: {b: [1, 0.1, null, \"'\\\\\"], a: {}}}\n"
    "  j2: {type: jsonb, default: 12345678901234567890}\n"
    "  b: {type: bool, default: false}\n"
    "  i2: {type: int2, default: -32768}\n"
    "  i4: {type: int4, default: 0x7fffffff}\n"
    "  i8: {type: int8, default: -9223372036854775808}\n"
    "  f4: {type: float4, default: 0.1}\n"
    "  f8: {type: float8, default: -1.7976931348623157e+308}\n"
    "  f9: {type: float8, default: .nan}\n"
    "  f10: {type: float8, default: -.inf}\n"
    "  n1: {type: numeric, default: 123456789012345678901234567890.5000}\n"
    "  n2: {type: numeric, default: .nan}\n"
    "  n3: {type: numeric, default: 0x1F}\n"
    "  n4: {type: numeric, default: -1e-20}\n"
    "  n5: {type: numeric, default: \"007.10\"}\n"
    "  ts1: {type: timestamptz, default: 2026-11-21T01:57:01.123456+01:00}\n"
    "  ts2: {type: timestamptz, default: 0001-01-01T00:00:00Z}\n"
    "  ts3: {type: timestamptz, default: 253402300799999, unit: ms}\n"
    "  d1: {type: date, default: 2024-02-29}\n"
    "  d2: {type: date, default: 9999-12-31}\n"
    "  v1: {type: interval, default: P1Y2M3DT4H5M6.5S}\n"
    "  v2: {type: interval, default: -P1Y2M3DT4H5M6.5S}\n"
    "  v3: {type: interval, default: 10000000, unit: h}\n"
    "  v4: {type: interval, default: -0.000001}\n"
    "  u: {type: uuid, default: 017F22E279B07CC398C4DC0C0C07398F}\n"
    "  p1: {type: inet, default: 10.1.2.3/8}\n"
    "  p2: {type: inet, default: \"fe80::1\"}\n"
    "  a1: {type: \"text[]\", default: [\"a,b\", '\"\\', \"NULL\", null, \"\", \"{}\", \" x \"]}\n"
    "  a2: {type: \"text[]\", default: []}\n"
    "  a3: {type: \"int8[]\", default: [1, null, -9223372036854775808]}\n"
    "  a4: {type: \"float8[]\", default: [0.1, .nan, -.inf, 1e300]}\n";

static struct manifest *build(void)
{
    struct manifest_files files = {0};
    struct yaml_diag diag = {0};
    struct buf text = {0};
    manifest_files_add(&files, "streams/s.yaml", mem_strdup(manifest), strlen(manifest));
    struct manifest *m = manifest_build(&files, &diag);
    for (size_t i = 0; i < diag.count; i++) {
        yaml_diag_text(&diag.items[i], &text);
        buf_byte(&text, '\n');
    }
    cr_assert_not_null(m, "%s", buf_cstr(&text));
    buf_free(&text);
    yaml_diag_free(&diag);
    manifest_files_free(&files);
    return m;
}

/* A row of COPY in which every column has its default. */
static void copy_defaults(const struct stream *s)
{
    struct buf sql = {0};
    struct buf copy = {0};
    uint64_t taken;
    copybin_header(&copy);
    buf_be16(&copy, (uint16_t)s->column_count);
    for (size_t i = 0; i < s->column_count; i++)
        buf_put(&copy, s->columns[i].fallback.field, s->columns[i].fallback.field_len);
    copybin_trailer(&copy);
    ddl_copy(&sql, s);
    EXPECT_OK(pg_copy_begin(&db.pg, buf_cstr(&sql)));
    EXPECT_OK(pg_copy_data(&db.pg, copy.data, copy.len));
    EXPECT_OK(pg_copy_end(&db.pg, &taken));
    buf_free(&sql);
    buf_free(&copy);
}

Test(defaults, text_and_bytes_are_one_value)
{
    struct manifest *m = build();
    const struct stream *s = manifest_stream(m, "s");
    struct buf sql = {0};
    ddl_stream(&sql, s, NULL);
    EXPECT_OK(pg_exec(&db.pg, "SET timezone = 'America/New_York'"));
    EXPECT_OK(pg_exec(&db.pg, buf_cstr(&sql)));
    EXPECT_OK(pg_exec(&db.pg, "INSERT INTO s DEFAULT VALUES"));
    copy_defaults(s);
    EXPECT_VALUE(&db, "SELECT count(*) FROM s", "2");
    for (size_t i = 0; i < s->column_count; i++) {
        char got[1024];
        buf_clear(&sql);
        /* compared as text, which tells 1.50 from 1.5, too */
        buf_str(&sql, "SELECT string_agg(DISTINCT ");
        sql_identifier(&sql, s->columns[i].name);
        buf_str(&sql, "::text, ' <> ') || ' ' || count(DISTINCT ");
        sql_identifier(&sql, s->columns[i].name);
        buf_str(&sql, "::text) || ' of ' || count(");
        sql_identifier(&sql, s->columns[i].name);
        buf_str(&sql, ") FROM s");
        (void)snprintf(got, sizeof got, "%s", database_value(&db, buf_cstr(&sql)));
        size_t len = strlen(got);
        cr_expect(len >= 7 && strcmp(got + len - 7, " 1 of 2") == 0, "column %s: %s",
                  s->columns[i].name, got);
    }
    buf_free(&sql);
    manifest_release(m);
}
