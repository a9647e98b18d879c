/* SPDX-License-Identifier: MIT */
#include "base/time.h"
#include "sets.h"

#define PATH    "streams/s.yaml"
#define DAYS(n) ((n)*TIME_US_PER_DAY)

static const struct stream *build(struct sets *s, const char *text)
{
    sets_add(s, PATH, text);
    sets_build(s);
    cr_assert_not_null(s->set, "%s", s->findings);
    const struct stream *stream = manifest_stream(s->set, "s");
    cr_assert_not_null(stream);
    return stream;
}

Test(manifest_stream, defaults)
{
    struct sets s = {0};
    const struct stream *got = build(&s, "stream: s\ncolumns: {a: text}\n");
    cr_expect_str_eq(got->kind, "s");
    cr_expect_str_eq(got->table, "s");
    cr_expect_null(got->schema);
    cr_expect_eq(got->mode, STREAM_APPEND);
    cr_expect_eq(got->version, STREAM_NO_COLUMN);
    cr_expect_eq(got->time_column, STREAM_NO_COLUMN);
    cr_expect_eq(got->every, PERIOD_NONE);
    cr_expect(!got->is_foreign && !got->keep_detached && got->keep_us == 0 && got->ahead == 0);
    cr_expect_eq(got->column_count, 1);
    cr_expect(got->columns[0].path_count == 1 && strcmp(got->columns[0].path[0], "a") == 0);
    cr_expect(!got->columns[0].required && !got->columns[0].fallback.text);
    sets_free(&s);
}

Test(manifest_stream, every_key)
{
    struct sets s = {0};
    const struct stream *got =
        build(&s, "stream: s\n"
                  "kind: k\n"
                  "table: \"odd \\\"table\\\"; DROP TABLE x\"\n"
                  "schema: select\n"
                  "mode: upsert\n"
                  "key: [device, t]\n"
                  "version: seq\n"
                  "partition: {by: t, every: week, ahead: 3, keep: 90 days, detached: true}\n"
                  "window: {past: 10d, ahead: 1h}\n"
                  "brin: [[t], [seq, t]]\n"
                  "indexes:\n"
                  "  - {columns: [extra], method: gin}\n"
                  "  - {columns: [seq, t], unique: true}\n"
                  "columns:\n"
                  "  device: {type: text, required: true, from: [dev, a.b]}\n"
                  "  t: {type: timestamptz, required: true, unit: ms, from: pos.at.t}\n"
                  "  seq: {type: bigint, required: true}\n"
                  "  extra: {type: jsonb, rest: true}\n"
                  "  v: vector(384)\n"
                  "  site: {type: text, constant: x}\n"
                  "  batch: {type: uuid, provenance: batch_id}\n"
                  "  file: {type: text, provenance: segment}\n"
                  "  place: {type: int8, provenance: frame}\n");
    cr_expect_str_eq(s.findings, "");
    cr_expect_str_eq(got->kind, "k");
    cr_expect_str_eq(got->table, "odd \"table\"; DROP TABLE x");
    cr_expect_str_eq(got->schema, "select");
    cr_expect_eq(got->mode, STREAM_UPSERT);
    cr_expect(got->key_count == 2 && got->key[0] == 0 && got->key[1] == 1);
    cr_expect_eq(got->version, 2);
    cr_expect_eq(got->time_column, 1);
    cr_expect_eq(got->every, PERIOD_WEEK);
    cr_expect_eq(got->ahead, 3);
    cr_expect_eq(got->keep_us, DAYS(90));
    cr_expect(got->keep_detached);
    cr_expect_eq(got->window_past_us, DAYS(10));
    cr_expect_eq(got->window_ahead_us, DAYS(1) / 24);
    cr_assert_eq(got->index_count, 4);
    cr_expect(strcmp(got->indexes[1].method, "brin") == 0 && got->indexes[1].column_count == 2 &&
              got->indexes[1].columns[0] == 2 && got->indexes[1].columns[1] == 1);
    cr_expect(strcmp(got->indexes[2].method, "gin") == 0 && !got->indexes[2].unique);
    cr_expect(strcmp(got->indexes[3].method, "btree") == 0 && got->indexes[3].unique);
    const struct column *c = got->columns;
    cr_assert_eq(got->column_count, 9);
    cr_expect(c[0].path_count == 2 && strcmp(c[0].path[1], "a.b") == 0);
    cr_expect(c[1].path_count == 3 && strcmp(c[1].path[2], "t") == 0 && c[1].unit_ns == 1000000);
    cr_expect_eq(c[2].type, COLUMN_INT8);
    cr_expect_eq(c[3].source, COLUMN_FROM_REST);
    cr_expect(c[4].type == COLUMN_VECTOR && c[4].dimensions == 384);
    cr_expect(c[5].source == COLUMN_FROM_CONSTANT && strcmp(c[5].fallback.text, "x") == 0);
    cr_expect_eq(c[6].source, COLUMN_FROM_BATCH);
    cr_expect_eq(c[7].source, COLUMN_FROM_SEGMENT);
    cr_expect_eq(c[8].source, COLUMN_FROM_FRAME);
    sets_free(&s);
}

Test(manifest_stream, windows)
{
    struct sets a = {0};
    const struct stream *got =
        build(&a, "stream: s\nwindow: {by: d}\ncolumns: {d: date, x: text}\n");
    cr_expect_eq(got->time_column, 0);
    cr_expect_eq(got->every, PERIOD_NONE);
    cr_expect_eq(got->window_past_us, DAYS(3653));
    cr_expect_eq(got->window_ahead_us, DAYS(1));
    sets_free(&a);
}

/* Every type, as the documents spell it and as SQL does. */
Test(manifest_stream, types)
{
    static const struct {
        const char *text;
        enum column_type type;
        uint32_t dimensions;
    } rows[] = {
        {"text", COLUMN_TEXT, 0},
        {"jsonb", COLUMN_JSONB, 0},
        {"bool", COLUMN_BOOL, 0},
        {"boolean", COLUMN_BOOL, 0},
        {"int2", COLUMN_INT2, 0},
        {"smallint", COLUMN_INT2, 0},
        {"int4", COLUMN_INT4, 0},
        {"int", COLUMN_INT4, 0},
        {"integer", COLUMN_INT4, 0},
        {"int8", COLUMN_INT8, 0},
        {"bigint", COLUMN_INT8, 0},
        {"float4", COLUMN_FLOAT4, 0},
        {"real", COLUMN_FLOAT4, 0},
        {"float8", COLUMN_FLOAT8, 0},
        {"double precision", COLUMN_FLOAT8, 0},
        {"numeric", COLUMN_NUMERIC, 0},
        {"decimal", COLUMN_NUMERIC, 0},
        {"timestamptz", COLUMN_TIMESTAMPTZ, 0},
        {"timestamp with time zone", COLUMN_TIMESTAMPTZ, 0},
        {"date", COLUMN_DATE, 0},
        {"interval", COLUMN_INTERVAL, 0},
        {"uuid", COLUMN_UUID, 0},
        {"bytea", COLUMN_BYTEA, 0},
        {"inet", COLUMN_INET, 0},
        {"text[]", COLUMN_TEXT_ARRAY, 0},
        {"int8[]", COLUMN_INT8_ARRAY, 0},
        {"bigint[]", COLUMN_INT8_ARRAY, 0},
        {"float8[]", COLUMN_FLOAT8_ARRAY, 0},
        {"double precision[]", COLUMN_FLOAT8_ARRAY, 0},
        {"vector(1)", COLUMN_VECTOR, 1},
        {"halfvec(16000)", COLUMN_HALFVEC, 16000},
    };
    bool seen[COLUMN_TYPES] = {false};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sets s = {0};
        char text[128];
        (void)snprintf(text, sizeof text, "stream: s\ncolumns: {a: \"%s\", b: {type: \"%s\"}}\n",
                       rows[i].text, rows[i].text);
        const struct stream *got = build(&s, text);
        for (size_t k = 0; k < 2; k++)
            cr_expect(got->columns[k].type == rows[i].type &&
                          got->columns[k].dimensions == rows[i].dimensions,
                      "%s: want type %d, got %d with %u dimensions", rows[i].text, rows[i].type,
                      got->columns[k].type, got->columns[k].dimensions);
        seen[rows[i].type] = true;
        sets_free(&s);
    }
    for (size_t type = 0; type < COLUMN_TYPES; type++)
        cr_expect(seen[type], "no manifest can name type %zu", type);
}

/* ---- mistakes: of what the keys are, then of what they mean ---- */

Test(manifest_stream, structure)
{
    static const struct sets_row rows[] = {
        {"", PATH ":1:1: the file says nothing; a stream is wanted"},
        {"[]\n", PATH ":1:1: `the file`: a map of a stream's keys is wanted, but it is a list"},
        {"stream: s\ncolums: {a: text}\n",
         PATH ":2:1: unknown key `colums`; did you mean `columns`?"},
        {"stream: s\n", PATH ":1:1: `columns` is missing: the table's columns: NAME: TYPE, or "
                             "NAME: {type: TYPE, ...}"},
        {"columns: {a: text}\n", PATH ":1:1: `stream` is missing: the stream's name; that of a "
                                      "shipped one replaces it"},
        {"stream: 5\ncolumns: {a: text}\n",
         PATH ":1:9: `stream`: a name is wanted, not `5`; put it in quotes"},
        {"stream:\ncolumns: {a: text}\n", PATH ":1:1: `stream`: a name is wanted, but it is null"},
        {"stream: \"\"\ncolumns: {a: text}\n",
         PATH ":1:9: `stream` must not be empty: a name is wanted"},
        {"stream: [s]\ncolumns: {a: text}\n",
         PATH ":1:9: `stream`: a name is wanted, but it is a list"},
        {"stream: a123456789012345678901234567890123456789012345678901234567890123\n"
         "columns: {a: text}\n",
         PATH ":1:9: `stream` is longer than 63 bytes"},
        {"stream: s\ncolumns: {}\n", PATH ":2:10: `columns` must not be empty"},
        {"stream: s\ncolumns: [a]\n", PATH ":2:10: `columns`: a map is wanted, but it is a list"},
        {"stream: s\ncolumns: {a: tex}\n", PATH ":2:14: `a` can't be `tex`; did you mean `text`?"},
        {"stream: s\ncolumns: {a: varchar}\n",
         PATH ":2:14: `a` can't be `varchar`; it is one of text, jsonb, bool, int2, int4, int8, "
              "float4, float8, numeric, timestamptz, date, interval, uuid, bytea, inet, text[], "
              "int8[], float8[], vector(N), halfvec(N)"},
        {"stream: s\ncolumns: {a: {typ: text}}\n",
         PATH ":2:15: unknown key `typ`; did you mean `type`?"},
        {"stream: s\ncolumns: {a: {}}\n",
         PATH ":2:14: `type` is missing: the column's type: one of text, jsonb, bool, int2, int4, "
              "int8, float4, float8, numeric, timestamptz, date, interval, uuid, bytea, inet, "
              "text[], int8[], float8[], vector(N), halfvec(N)"},
        {"stream: s\ncolumns: {a: {type: text, from: \"\"}}\n",
         PATH ":2:33: `from` must not be empty: text is wanted"},
        {"stream: s\nbrin: a\ncolumns: {a: text}\n",
         PATH ":2:7: `brin`: a list of columns such as [t], or a list of such lists is wanted, not "
              "`a`"},
        {"stream: s\ncolumns: {a: vector(0)}\n",
         PATH ":2:14: `a` can't be `vector(0)`; it is one "
              "of text, jsonb, bool, int2, int4, int8, "
              "float4, float8, numeric, timestamptz, date, interval, uuid, bytea, inet, text[], "
              "int8[], float8[], vector(N), halfvec(N)"},
        {"stream: s\ncolumns: {a: vector(16001)}\n",
         PATH ":2:14: `vector(16001)`: a vector has at most 16000 dimensions"},
        {"stream: s\ncolumns: {a: {type: text, required: yes}}\n",
         PATH ":2:37: `required`: true or false is wanted, not `yes`"},
        {"stream: s\nmode: upsrt\nkey: a\ncolumns: {a: text}\n",
         PATH ":2:7: `mode` can't be `upsrt`; did you mean `upsert`?\n" PATH
              ":3:6: `key`: a list of columns such as [t] is wanted, not `a`"},
        {"stream: s\npartition: {by: t, every: fortnight, ahead: -1, keep: soon}\n"
         "columns: {t: {type: date, required: true}}\n",
         PATH
         ":2:27: `every` can't be `fortnight`; it is one of hour, day, week, month, year\n" PATH
         ":2:45: `ahead`: a whole number is wanted, not `-1`\n" PATH
         ":2:55: `keep`: a duration such as 200ms, 2s or 90 days is wanted, not `soon`"},
        {"stream: s\npartition: {by: t, every: day, ahead: 401}\n"
         "columns: {t: {type: date, required: true}}\n",
         PATH ":2:39: `ahead` is from 0 to 400, not `401`"},
        {"stream: s\ncolumns: {a: text, a: text}\n",
         PATH ":2:20: duplicate key `a`; the first is in line 2"},
        {"stream: s\nbrin: [a, [b]]\ncolumns: {a: text, b: text}\n",
         PATH ":2:11: `brin`: a name is wanted, but it is a list"},
        {"gate: g\n", PATH ":1:1: this declares a gate: it belongs in gates/"},
        {"stream: s\ngate: g\ncolumns: {a: text}\n",
         PATH ":2:1: unknown key `gate`; the keys here are stream, kind, table, schema, existing, "
              "mode, key, version, partition, window, brin, indexes, columns"},
    };
    sets_check(PATH, rows, COUNT(rows));
}

#define COLUMNS                                                                               \
    "columns:\n  t: {type: timestamptz, required: true}\n  a: {type: text, required: true}\n" \
    "  b: {type: text}\n  v: vector(3)\n  j: jsonb\n  d: {type: date, required: true}\n"

Test(manifest_stream, meaning)
{
    static const struct sets_row rows[] = {
        {"stream: s\nkind: seal\ncolumns: {a: text}\n",
         PATH ":2:7: frames of kind `seal` end a segment; no stream can take them"},
        {"stream: s\nmode: upsert\n" COLUMNS,
         PATH ":2:7: `mode: upsert` needs `key`: the columns that tell rows apart"},
        {"stream: s\nkey: [a]\n" COLUMNS,
         PATH ":2:6: `key` is for `mode: ignore` and `mode: upsert`"},
        {"stream: s\nmode: ignore\nkey: [a, aa, nothing, a]\n" COLUMNS,
         PATH ":3:10: there is no column `aa`; did you mean `a`?\n" PATH
              ":3:14: there is no column `nothing`\n" PATH ":3:23: `key` names column `a` twice"},
        {"stream: s\nmode: ignore\nkey: [b]\n" COLUMNS,
         PATH ":3:6: column `b` is in `key` and must be `required: true`"},
        {"stream: s\nmode: ignore\nkey: [v]\n" COLUMNS,
         PATH ":3:6: column `v` is in `key` and must be `required: true`\n" PATH
              ":3:6: column `v` of type vector(3) can't be in `key`"},
        {"stream: s\nmode: ignore\nkey: [a]\npartition: {by: t, every: day}\n" COLUMNS,
         PATH ":3:6: `key` must hold the column of the partitions, `t`"},
        {"stream: s\nmode: ignore\nkey: [a]\nversion: t\n" COLUMNS,
         PATH ":4:10: `version` is for `mode: upsert`"},
        {"stream: s\nmode: upsert\nkey: [a]\nversion: a\n" COLUMNS,
         PATH ":4:10: column `a` is in `key`; a version is what differs between rows of one key"},
        {"stream: s\nmode: upsert\nkey: [a]\nversion: j\n" COLUMNS, PATH
         ":4:10: column `j` of type jsonb has no order of versions\n" PATH
         ":4:10: warning: column `j` should be `required: true`: a row without a version never "
         "replaces another"},
        {"stream: s\npartition: {by: tt, every: day}\n" COLUMNS,
         PATH ":2:17: there is no column `tt`; did you mean `t`?"},
        {"stream: s\npartition: {by: b, every: day}\n" COLUMNS,
         PATH ":2:17: column `b` is no time: timestamptz or date is wanted\n" PATH
              ":2:17: column `b` must be `required: true`: its value chooses the partition"},
        {"stream: s\npartition: {by: d, every: hour}\n" COLUMNS,
         PATH ":2:27: a date has no hours; use `every: day` or longer"},
        {"stream: s\npartition: {by: t, every: month, keep: 30 days}\n" COLUMNS,
         PATH ":2:40: `keep` must be one partition at least: 31 d 0 h"},
        {"stream: s\npartition: {by: t, every: day, detached: true}\n" COLUMNS,
         PATH ":2:42: `detached` is for partitions past `keep`: add it"},
        {"stream: s\npartition: {by: t, every: day}\nwindow: {by: d}\n" COLUMNS,
         PATH ":3:14: with partitions the window is of their column; leave `by` out"},
        {"stream: s\nwindow: {past: 1d}\n" COLUMNS,
         PATH ":2:9: a window is of a time column: add `by`, or partitions"},
        {"stream: s\nwindow: {by: t}\ncolumns: {t: {type: timestamptz, constant: "
         "2026-01-01T00:00:00Z}}\n",
         PATH ":2:14: column `t` must take a key of the frame"},
        {"stream: s\nwindow: {by: t}\ncolumns: {t: {type: timestamptz, default: "
         "2026-01-01T00:00:00Z}}\n",
         PATH ":2:14: column `t` has a default, which would stand for every frame's time"},
        {"stream: s\ntable: t12345678901234567890123456789012345678901234567\n" COLUMNS, ""},
        {"stream: s\ntable: t123456789012345678901234567890123456789012345678\n"
         "partition: {by: t, every: day}\n" COLUMNS,
         PATH ":2:8: the table's name is longer than 48 bytes, which its partitions' names need"},
        {"stream: s\nexisting: true\npartition: {by: t, every: day}\nbrin: [t]\n" COLUMNS,
         PATH ":3:12: `partition` is not for a table that is `existing`: we don't alter it\n" PATH
              ":4:7: `brin` is not for a table that is `existing`: we don't alter it"},
        {"stream: s\nbrin: [j]\nindexes:\n- {columns: [a], method: gin}\n"
         "- {columns: [a, b], method: hash}\n- {columns: [t], method: brin, unique: true}\n"
         "- {columns: [a]}\n- {columns: [a]}\n- {columns: [x]}\n" COLUMNS,
         PATH ":2:7: a brin index can't be made on column `j` of type jsonb\n" PATH
              ":4:3: a gin index can't be made on column `a` of type text\n" PATH
              ":5:3: a hash index has one column\n" PATH
              ":6:3: a brin index can't be unique; use btree\n" PATH
              ":8:3: an index like this one is declared already\n" PATH
              ":9:14: there is no column `x`"},
        {"stream: s\npartition: {by: t, every: day}\nindexes: [{columns: [a], unique: "
         "true}]\n" COLUMNS,
         PATH ":3:11: a unique index must hold the column of the partitions, `t`"},
    };
    sets_check(PATH, rows, COUNT(rows));
}

#define S "stream: s\ncolumns:\n  "

Test(manifest_stream, columns)
{
    static const struct sets_row rows[] = {
        {S "ctid: text\n",
         PATH ":3:3: `ctid` is a column that Postgres keeps for itself; choose another name"},
        {S "\"select\": text\n", ""},
        {S "a: {type: text, from: a..b}\n",
         PATH ":3:25: `from`: `a..b` has an empty key; write keys with dots as a list: [a.b, c]"},
        {S "a: {type: text, from: a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p}\n", ""},
        {S "a: {type: text, from: a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q}\n",
         PATH ":3:25: `from`: a path has at most 16 keys"},
        {S "a: {type: text, from: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]}\n",
         PATH ":3:25: `from` has 17 entries, at most 16 are possible"},
        {S "a: {type: text, from: []}\n", PATH ":3:25: `from` must not be empty"},
        {S "a: {type: text, from: b, constant: x}\n",
         PATH ":3:38: `from` and `constant` exclude each other: a column has one source"},
        {S "a: {type: jsonb, rest: true, provenance: frame}\n",
         PATH ":3:44: `rest` and `provenance` exclude each other: a column has one source"},
        {S "a: {type: text, rest: true}\n", PATH ":3:25: `rest` is for columns of type jsonb"},
        {S "a: {type: text, rest: false}\n", ""},
        {S "a: {type: jsonb, rest: true}\n  b: {type: jsonb, rest: true}\n",
         PATH ":4:3: column `b`: a stream has one `rest` column"},
        {S "a: {type: text, provenance: batch_id}\n",
         PATH ":3:31: `provenance`: batch_id is of type uuid"},
        {S "a: {type: uuid, provenance: batch}\n",
         PATH ":3:31: `provenance` can't be `batch`; it is one of batch_id, segment, frame"},
        {S "a: {type: uuid, provenance: batch_id, default: x}\n",
         PATH ":3:50: `default` is for columns that take a key of the frame"},
        {S "a: {type: text, unit: ms}\n",
         PATH ":3:25: `unit` is for timestamptz, date and interval columns"},
        {S "a: {type: text, constant: null}\n", PATH ":3:29: `constant` can't be null"},
        {S "a: {type: text, default: null}\n", ""},
        {S "a: {type: text, default: *x}\n", PATH ":3:28: aliases (*name) are not understood here"},
    };
    sets_check(PATH, rows, COUNT(rows));
}
