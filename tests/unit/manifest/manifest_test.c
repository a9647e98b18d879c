/* SPDX-License-Identifier: MIT */
#include "manifest/manifest.h"

#include "base/time.h"
#include "sets.h"

/* What others rely on: tables, columns and their types. */
Test(manifest_manifest, shipped)
{
    static const struct {
        const char *name, *kind;
        const char *columns; /* with * where NOT NULL */
    } want[] = {
        {"events", "event",
         "ts timestamptz* source text* type text* id text payload jsonb* batch_id uuid* "},
        {"metrics", "metric",
         "ts timestamptz* source text* name text* value double precision labels jsonb* "
         "batch_id uuid* "},
    };
    struct manifest *m = manifest_default();
    cr_assert_eq(m->streams.count, COUNT(want), "%zu streams", m->streams.count);
    for (size_t i = 0; i < COUNT(want); i++) {
        const struct stream *s = &m->streams.streams[i];
        char got[512] = "";
        for (size_t c = 0; c < s->column_count; c++) {
            const struct column *column = &s->columns[c];
            char type[COLUMN_TYPE_NAME];
            size_t at = strlen(got);
            (void)snprintf(got + at, sizeof got - at, "%s %s%s ", column->name,
                           column_type_name(column, type), column->required ? "*" : "");
            if (column->type == COLUMN_JSONB)
                EXPECT_BYTES(column->fallback.field, column->fallback.field_len, "\0\0\0\3\1{}", 7,
                             "%s.%s", s->name, column->name);
            else
                cr_expect_null(column->fallback.text, "%s.%s", s->name, column->name);
            cr_expect_eq(column->source == COLUMN_FROM_BATCH, column->type == COLUMN_UUID);
        }
        cr_expect_str_eq(s->name, want[i].name, "want %s, got %s", want[i].name, s->name);
        cr_expect_str_eq(s->table, want[i].name, "want %s, got %s", want[i].name, s->table);
        cr_expect_str_eq(s->kind, want[i].kind, "want %s, got %s", want[i].kind, s->kind);
        cr_expect_str_eq(got, want[i].columns, "%s\nwant: %s\n got: %s", s->name, want[i].columns,
                         got);
        cr_expect(!s->schema && !s->is_foreign && s->mode == STREAM_APPEND && !s->file);
        cr_expect(s->time_column == 0 && s->every == PERIOD_DAY && s->keep_us == 0);
        cr_expect_eq(s->window_past_us, 3653 * TIME_US_PER_DAY, "%s: window back", s->name);
        cr_expect_eq(s->window_ahead_us, TIME_US_PER_DAY, "%s: window ahead", s->name);
        cr_assert_eq(s->index_count, 1, "%s: %zu indexes", s->name, s->index_count);
        cr_expect_str_eq(s->indexes[0].method, "brin");
        cr_expect(s->indexes[0].column_count == 1 && s->indexes[0].columns[0] == 0);
    }
    cr_expect(m->gate_count == 0 && m->sink_count == 0 && m->files.count == 0);
    cr_expect_eq(manifest_shipped_streams(m).count, COUNT(want));
    manifest_release(m);
}

Test(manifest_manifest, a_declared_stream_replaces_a_shipped_one)
{
    struct sets s = {0};
    sets_add(&s, "streams/mine.yaml", "stream: metrics\nkind: metric\ncolumns: {x: text}\n");
    sets_build(&s);
    cr_assert_not_null(s.set, "%s", s.findings);
    cr_expect_eq(s.set->streams.count, 2);
    cr_expect_str_eq(manifest_stream(s.set, "metrics")->columns[0].name, "x");
    cr_expect_not_null(manifest_stream(s.set, "events"));
    cr_expect_eq(manifest_shipped_streams(s.set).count, 1);
    cr_expect_str_eq(manifest_stream(s.set, "metrics")->file, "streams/mine.yaml");
    sets_free(&s);
}

#define COLUMNS "columns: {x: text}\n"

/* Files that are fine alone. */
Test(manifest_manifest, cross)
{
    static const struct {
        struct {
            const char *path, *text;
        } files[4];
        const char *want;
    } rows[] = {
        {{{"streams/a.yaml", "stream: s\n" COLUMNS}, {"streams/b.yaml", "stream: s\n" COLUMNS}},
         "streams/b.yaml:1:9: stream `s` is declared in streams/a.yaml, too"},
        {{{"streams/b.yaml", "stream: t\nkind: k\n" COLUMNS},
          {"streams/a.yaml", "stream: s\nkind: k\n" COLUMNS}},
         "streams/b.yaml:2:7: frames of kind `k` go to stream `s` (streams/a.yaml) already"},
        {{{"streams/a.yaml", "stream: s\ntable: x\n" COLUMNS},
          {"streams/b.yaml", "stream: x\n" COLUMNS}},
         "streams/b.yaml:1:9: table `x` is that of stream `s` (streams/a.yaml)"},
        {{{"streams/a.yaml", "stream: s\ntable: x\nschema: o\n" COLUMNS},
          {"streams/b.yaml", "stream: x\n" COLUMNS}},
         ""},
        {{{"streams/a.yaml", "stream: s\nkind: metric\n" COLUMNS}},
         "streams/a.yaml:2:7: frames of kind `metric` go to the shipped stream `metrics`; name "
         "this "
         "one `metrics` to replace it"},
        {{{"streams/a.yaml", "stream: s\nkind: chunk\n" COLUMNS}},
         "streams/a.yaml:2:7: frames of kind `chunk` are the knowledge base's; give the stream's "
         "another kind"},
        {{{"streams/a.yaml", "stream: document\n" COLUMNS}},
         "streams/a.yaml:1:9: frames of kind `document` are the knowledge base's; give the "
         "stream's "
         "another kind"},
        {{{"streams/a.yaml", "stream: knowledge\nkind: k\n" COLUMNS}},
         "streams/a.yaml:1:9: `knowledge` is what gates call the frames of the knowledge base; "
         "give "
         "the stream another name"},
        {{{"streams/a.yaml", "stream: s\ntable: events\n" COLUMNS}},
         "streams/a.yaml:2:8: table `events` is that of stream `events` (shipped)"},
        {{{"streams/a.yaml", "stream: a\nkind: k\n" COLUMNS},
          {"streams/b.yaml", "stream: b\ntable: t\n" COLUMNS},
          {"streams/c.yaml", "stream: c\nkind: k\ntable: t\n" COLUMNS},
          {"streams/d.yaml", "stream: d\nkind: k\n" COLUMNS}},
         "streams/c.yaml:2:7: frames of kind `k` go to stream `a` (streams/a.yaml) already\n"
         "streams/c.yaml:3:8: table `t` is that of stream `b` (streams/b.yaml)\n"
         "streams/d.yaml:2:7: frames of kind `k` go to stream `a` (streams/a.yaml) already"},
        {{{"gates/a.yaml", "gate: g\n"}, {"gates/b.yaml", "gate: g\n"}},
         "gates/b.yaml:1:7: gate `g` is declared in gates/a.yaml, too"},
        {{{"gates/a.yaml", "gate: g\nincoming: in\n"}, {"gates/b.yaml", "gate: h\nincoming: in\n"}},
         "gates/b.yaml:2:11: folder `in` is that of gate `g` (gates/a.yaml)"},
        {{{"gates/a.yaml", "gate: g\n"}, {"gates/b.yaml", "gate: h\nincoming: g\n"}},
         "gates/b.yaml:2:11: folder `g` is that of gate `g` (gates/a.yaml)"},
        {{{"sinks/a.yaml", "sink: k\nurl: https://h\nevents: [gate.done]\n"},
          {"sinks/b.yaml", "sink: k\nurl: https://h\nevents: [gate.done]\n"}},
         "sinks/b.yaml:1:7: sink `k` is declared in sinks/a.yaml, too"},
        /* what another file's error hides is not called unknown */
        {{{"streams/a.yaml", "stream: [s\n"}, {"gates/g.yaml", "gate: g\nstreams: [s]\n"}},
         "streams/a.yaml:2:1: ..."},
        {{{"streams/a.yaml", "stream: s\ncolumns: {x: txet}\n"},
          {"gates/g.yaml", "gate: g\nstreams: [s]\n"}},
         "streams/a.yaml:2:14: `x` can't be `txet`; did you mean `text`?"},
        {{{"streams/a.yaml", "gate: g\n"}, {"gates/s.yaml", "sink: g\n"}},
         "gates/s.yaml:1:1: this declares a sink: it belongs in sinks/\n"
         "streams/a.yaml:1:1: this declares a gate: it belongs in gates/"},
        {{{"a.yaml", "stream: s\n" COLUMNS}, {"other/a.yaml", "x"}},
         "a.yaml: manifests are in the folders streams/, gates/, sinks/ and embedders/\n"
         "other/a.yaml: manifests are in the folders streams/, gates/, sinks/ and embedders/"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sets s = {0};
        for (size_t k = 0; k < 4 && rows[i].files[k].path; k++)
            sets_add(&s, rows[i].files[k].path, rows[i].files[k].text);
        sets_build(&s);
        const char *open_end = strstr(rows[i].want, "...");
        bool same =
            open_end ? strncmp(s.findings, "streams/a.yaml:", 15) == 0 && !strchr(s.findings, '\n')
                     : strcmp(s.findings, rows[i].want) == 0;
        cr_expect(same, "row %zu\nwant: %s\n got: %s", i, rows[i].want, s.findings);
        sets_free(&s);
    }
}

/* The set keeps its files, whatever order they came in, and hashes them. */
Test(manifest_manifest, files_and_source)
{
    struct sets a = {0};
    struct sets b = {0};
    struct sets other = {0};
    sets_add(&a, "streams/s.yaml", "stream: s\n" COLUMNS);
    sets_add(&a, "gates/g.yaml", "gate: g\n");
    sets_add(&b, "gates/g.yaml", "gate: g\n");
    sets_add(&b, "streams/s.yaml", "stream: s\n" COLUMNS);
    sets_add(&other, "gates/g.yaml", "gate: g\n# \n");
    sets_add(&other, "streams/s.yaml", "stream: s\n" COLUMNS);
    sets_build(&a);
    sets_build(&b);
    sets_build(&other);
    cr_assert(a.set && b.set && other.set);
    cr_expect_str_eq(a.set->files.items[0].path, "gates/g.yaml");
    cr_expect_eq(strlen(a.set->sha256), 64);
    cr_expect_str_eq(a.set->sha256, b.set->sha256);
    cr_expect_str_neq(a.set->sha256, other.set->sha256);
    cr_expect(*a.set->rev == '\0' && !a.set->source);
    manifest_set_source(a.set, "abc+dirty", "/etc/x");
    manifest_set_source(a.set, "def", "/etc/y");
    cr_expect_str_eq(a.set->rev, "def");
    cr_expect_str_eq(a.set->source, "/etc/y");
    sets_free(&a);
    sets_free(&b);
    sets_free(&other);
}

Test(manifest_manifest, shared)
{
    struct manifest *m = manifest_default();
    cr_expect_eq(manifest_hold(m), m);
    manifest_release(m);
    cr_expect_eq(m->streams.count, 2, "still there: it is held once more");
    manifest_release(m);
    manifest_release(NULL);
}
