/* SPDX-License-Identifier: MIT */
#include "manifest/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bytes.h"

/* text: manifests, each after a line `== PATH`. */
static struct manifest *build(const char *text)
{
    struct manifest_files files = {0};
    struct yaml_diag diag = {0};
    struct buf said = {0};
    while (strncmp(text, "== ", 3) == 0) {
        const char *body = strchr(text, '\n') + 1;
        const char *end = strstr(body, "== ");
        size_t len = end ? (size_t)(end - body) : strlen(body);
        char *path = mem_strndup(text + 3, (size_t)(body - 1 - text - 3));
        manifest_files_add(&files, path, mem_strndup(body, len), len);
        free(path);
        text = body + len;
    }
    manifest_files_sort(&files);
    struct manifest *m = manifest_build(&files, &diag);
    for (size_t i = 0; i < diag.count; i++) {
        yaml_diag_text(&diag.items[i], &said);
        buf_str(&said, "\n");
    }
    cr_assert_not_null(m, "%s", buf_cstr(&said));
    buf_free(&said);
    yaml_diag_free(&diag);
    manifest_files_free(&files);
    return m;
}

#define DEVICES                                                            \
    "== streams/d.yaml\nstream: devices\npartition: {by: t, every: day}\n" \
    "columns:\n  t: {type: timestamptz, required: true}\n  lat: float8\n"
#define GATE "== gates/g.yaml\ngate: fast\nincoming: fast\n"
#define SINK                                                                            \
    "== sinks/s.yaml\nsink: ops\nurl: https://example.org/tok3n\nevents: [gate.done]\n" \
    "secret: {env: A}\nretry: [0s, 5s]\nconcurrency: 4\n"
#define WITH(template) SINK "format: {template: " template ".tmpl}\n"
#define PARTS          "== templates/t.tmpl\n{{> p}}\n== templates/u.tmpl\n{{> p}}\n== templates/v.tmpl\n-\n"
#define PART(text)     "== templates/p.tmpl\n" text "\n"

#define METRICS(labels_required)                                                             \
    "== streams/m.yaml\nstream: metrics\nkind: metric\npartition: {by: ts, every: day}\n"    \
    "brin: [ts]\ncolumns:\n  ts: {type: timestamptz, required: true}\n"                      \
    "  source: {type: text, required: true}\n  name: {type: text, required: true}\n"         \
    "  value: float8\n  labels: {type: jsonb, default: {}, required: " labels_required "}\n" \
    "  batch_id: {type: uuid, required: true, provenance: batch_id}\n"

Test(manifest_diff, lines)
{
    static const struct {
        const char *label, *old, *new, *want;
    } rows[] = {
        {"nothing", "", "", ""},
        {"the same", DEVICES GATE SINK, DEVICES GATE SINK, ""},
        {"a remark, and another order", DEVICES GATE,
         "== gates/z.yaml\n# fast\nincoming: fast\ngate: fast\n" DEVICES, ""},
        {"added", "", DEVICES GATE SINK,
         "stream devices: added\ngate fast: added\nsink ops: added\n"},
        {"removed", DEVICES GATE SINK, "",
         "stream devices: removed\ngate fast: removed\nsink ops: removed\n"},
        {"columns", DEVICES "  a: jsonb\n  b: {type: int8, from: x.y}\n  c: text\n",
         DEVICES "  a: text\n  b: {type: int8, from: x.z, default: 7}\n  d: text\n",
         "stream devices: column a: type jsonb → text\n"
         "stream devices: column b: from x.y → x.z\n"
         "stream devices: column b: default none → 7\n"
         "stream devices: column d: added\n"
         "stream devices: column c: removed\n"},
        {"required, unit", DEVICES "  a: {type: timestamptz, unit: ms}\n",
         DEVICES "  a: {type: timestamptz, required: true, unit: ns}\n",
         "stream devices: column a: required no → yes\n"
         "stream devices: column a: unit 1ms → 1ns\n"},
        {"sources", DEVICES "  a: {type: jsonb, rest: true}\n  n: int8\n",
         DEVICES "  a: {type: jsonb, constant: {x: 1}}\n  n: {type: int8, provenance: frame}\n",
         "stream devices: column a: from the rest → a constant\n"
         "stream devices: column a: constant none → {\"x\":1}\n"
         "stream devices: column n: from n → frame\n"},
        {"long and crooked values", DEVICES "  a: text\n",
         DEVICES "  a: {type: text, default: \"a\\nb"
                 "0123456789012345678901234567890123456789012345678901234567890123456789012345\\xe4"
                 "rest\"}\n",
         "stream devices: column a: default none → a b"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345…\n"},
        {"partition and window", DEVICES,
         "== streams/d.yaml\nstream: devices\n"
         "partition: {by: t, every: month, ahead: 5, keep: 90 days, detached: true}\n"
         "window: {past: 36h, ahead: 90s}\n"
         "columns:\n  t: {type: timestamptz, required: true}\n  lat: float8\n",
         "stream devices: partition.every day → month\n"
         "stream devices: partition.ahead 0 → 5\n"
         "stream devices: partition.keep 0 → 90 days\n"
         "stream devices: partition.detached no → yes\n"
         "stream devices: window.past 3653 days → 36h\n"
         "stream devices: window.ahead 1 day → 90s\n"},
        {"mode, key, table",
         "== streams/d.yaml\nstream: d\ncolumns: {id: {type: text, required: true}, v: int8}\n",
         "== streams/d.yaml\nstream: d\nkind: e\ntable: f\nschema: s\nmode: upsert\nkey: [id]\n"
         "version: v\ncolumns: {id: {type: text, required: true}, v: int8}\n",
         "stream d: kind d → e\n"
         "stream d: table d → s.f\n"
         "stream d: mode append → upsert\n"
         "stream d: key none → id\n"
         "stream d: version none → v\n"},
        {"indexes", DEVICES "brin: [t]\n",
         DEVICES "indexes: [{columns: [lat, t], method: btree}]\n",
         "stream devices: index btree (lat, t): added\n"
         "stream devices: index brin (t): removed\n"},
        {"a shipped stream", "", METRICS("false"),
         "stream metrics: column labels: required yes → no\n"},
        {"a shipped stream, declared as it is", "", METRICS("true"), ""},
        {"a gate", GATE "open: {count: 10, bytes: 1536KiB, idle: 0}\n",
         "== gates/g.yaml\ngate: fast\nincoming: quick\n"
         "open: {count: 100, bytes: 2GiB, idle: 1500ms}\nbatch: {bytes: 1000}\n"
         "max_rejects: 2.5%\ndedupe: name\nstreams: [metrics, events]\n",
         "gate fast: incoming fast → quick\n"
         "gate fast: open.count 10 → 100\n"
         "gate fast: open.bytes 1536KiB → 2GiB\n"
         "gate fast: open.idle 0 → 1500ms\n"
         "gate fast: batch.bytes auto → 1000\n"
         "gate fast: max_rejects 1% → 2.5%\n"
         "gate fast: dedupe content → name\n"
         "gate fast: streams all → events, metrics\n"},
        {"a gate's streams, one of which moved in its set",
         GATE "streams: [alpha, metrics]\n== streams/a.yaml\nstream: alpha\ncolumns: {v: int8}\n",
         GATE "streams: [metrics, alpha]\n== streams/a.yaml\nstream: alpha\ncolumns: {v: "
              "int8}\n" METRICS("true"),
         ""},
        {"a sink", SINK "headers: {x-a: {env: X}}\n" GATE,
         "== sinks/s.yaml\nsink: ops\nurl: https://example.org/0ther\n"
         "events: [gate.open, gate.done]\ngates: [fast]\nformat: {template: v.tmpl}\n"
         "secret: [{env: B}, {credential: A}]\nbearer: {file: /b}\ntimeout: 90s\n"
         "retry: [1s, 1m]\nconcurrency: 3\nallow_private: true\nca: /ca.pem\n"
         "headers: {x-b: {env: X}}\n" GATE "== templates/v.tmpl\n-\n",
         "sink ops: url changed\n"
         "sink ops: events gate.done → gate.open, gate.done\n"
         "sink ops: gates all → fast\n"
         "sink ops: format flat → template v.tmpl\n"
         "sink ops: secret env A → env B, credential A\n"
         "sink ops: bearer none → file /b\n"
         "sink ops: timeout 20s → 90s\n"
         "sink ops: retry 0, 5s → 1s, 1m\n"
         "sink ops: concurrency 4 → 3\n"
         "sink ops: allow_private no → yes\n"
         "sink ops: ca none → /ca.pem\n"
         "sink ops: header x-b: added\n"
         "sink ops: header x-a: removed\n"},
        {"a template's text", WITH("v") "== templates/v.tmpl\nx\n",
         WITH("v") "== templates/v.tmpl\ny\n", "sink ops: template v.tmpl changed\n"},
        {"what a template includes", WITH("t") PARTS PART("x"), WITH("t") PARTS PART("y"),
         "sink ops: template t.tmpl changed\n"},
        {"what another template includes", WITH("v") PARTS PART("x"), WITH("v") PARTS PART("y"),
         ""},
        {"another template of the same text", WITH("t") PARTS PART("x"), WITH("u") PARTS PART("x"),
         "sink ops: format template t.tmpl → template u.tmpl\n"},
        {"no template any more", WITH("t") PARTS PART("x"), SINK PARTS PART("y"),
         "sink ops: format template t.tmpl → flat\n"},
        {"where a URL comes from", SINK,
         "== sinks/s.yaml\nsink: ops\nurl: {env: U}\nevents: [gate.done]\nsecret: {env: A}\n"
         "retry: [0s, 5s]\nconcurrency: 4\n",
         "sink ops: url changed\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct manifest *old = build(rows[i].old);
        struct manifest *new = build(rows[i].new);
        struct buf got = {0};
        manifest_diff_words(old, new, &got);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "%s\nwant:\n%s\ngot:\n%s", rows[i].label,
                         rows[i].want, buf_cstr(&got));
        buf_free(&got);
        manifest_release(old);
        manifest_release(new);
    }
}
