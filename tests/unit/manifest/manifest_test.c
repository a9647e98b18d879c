/* SPDX-License-Identifier: MIT */
#include "manifest/manifest.h"

#include "sets.h"
#include "stream/builtin.h"

static void expect_columns(const struct stream *got, const struct stream *want)
{
    cr_assert_eq(got->column_count, want->column_count, "%s: %zu columns", want->name,
                 got->column_count);
    for (size_t i = 0; i < want->column_count; i++) {
        const struct column *a = &got->columns[i];
        const struct column *b = &want->columns[i];
        cr_expect_str_eq(a->name, b->name);
        cr_expect(a->type == b->type && a->source == b->source && a->required == b->required &&
                      a->unit_ns == b->unit_ns && a->dimensions == b->dimensions &&
                      a->path_count == b->path_count,
                  "%s.%s differs", want->name, b->name);
        for (size_t k = 0; k < b->path_count; k++)
            cr_expect_str_eq(a->path[k], b->path[k]);
        cr_expect_eq(a->fallback.text == NULL, b->fallback.text == NULL);
        if (b->fallback.text)
            cr_expect_str_eq(a->fallback.text, b->fallback.text);
        EXPECT_BYTES(a->fallback.field, a->fallback.field_len, b->fallback.field,
                     b->fallback.field_len, "%s.%s", want->name, b->name);
    }
}

/* The files in manifests/streams/ are the streams that were C before. */
Test(manifest_manifest, shipped)
{
    struct manifest *m = manifest_default();
    cr_assert_eq(m->streams.count, stream_builtin.count);
    for (size_t i = 0; i < stream_builtin.count; i++) {
        const struct stream *want = &stream_builtin.streams[i];
        const struct stream *got = manifest_stream(m, want->name);
        cr_assert_not_null(got, "no stream %s", want->name);
        cr_expect_str_eq(got->kind, want->kind);
        cr_expect_str_eq(got->table, want->table);
        cr_expect(got->schema == NULL && !got->is_foreign && got->mode == want->mode &&
                  got->key_count == 0 && got->version == want->version);
        cr_expect(got->time_column == want->time_column && got->every == want->every &&
                  got->ahead == want->ahead && got->keep_us == want->keep_us &&
                  got->window_past_us == want->window_past_us &&
                  got->window_ahead_us == want->window_ahead_us);
        cr_assert_eq(got->index_count, want->index_count);
        for (size_t k = 0; k < want->index_count; k++) {
            cr_expect_str_eq(got->indexes[k].method, want->indexes[k].method);
            EXPECT_BYTES(got->indexes[k].columns, got->indexes[k].column_count * sizeof(size_t),
                         want->indexes[k].columns, want->indexes[k].column_count * sizeof(size_t),
                         "index %zu", k);
        }
        expect_columns(got, want);
    }
    cr_expect(m->gate_count == 0 && m->sink_count == 0 && m->files.count == 0);
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
         "a.yaml: manifests are in the folders streams/, gates/ and sinks/\n"
         "other/a.yaml: manifests are in the folders streams/, gates/ and sinks/"},
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
