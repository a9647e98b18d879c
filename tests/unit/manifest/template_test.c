/* SPDX-License-Identifier: MIT */
#include "manifest/manifest.h"

#include "sets.h"

#define BRACES "; {{{x}}} stands for a whole value, {{x}} only for text between quotes"

#define PATH   "sinks/k.yaml"
#define SINK(events, template) \
    "sink: k\nurl: https://h/\nevents: [" events "]\nformat: {template: " template "}\n"

struct row {
    const char *label;
    struct {
        const char *path, *text;
    } files[4];
    const char *want;
};

static void build(struct sets *s, const struct row *row)
{
    for (size_t i = 0; i < COUNT(row->files) && row->files[i].path; i++)
        sets_add(s, row->files[i].path, row->files[i].text);
    sets_build(s);
}

Test(manifest_template, findings)
{
    static const struct row rows[] = {
        {"a shipped one", {{PATH, SINK("gate.done", "gate_done.json.tmpl")}}, ""},
        {"those for people, all events",
         {{PATH, SINK("gate.open, gate.done, embed.start, kb.ingest.asset.created.v1, "
                      "kb.index.completed.v1",
                      "discord.json.tmpl")},
          {"sinks/l.yaml", "sink: l\nurl: https://h/\nevents: [gate.open, gate.done, embed.start, "
                           "kb.ingest.asset.created.v1, kb.index.completed.v1]\n"
                           "format: {template: slack.json.tmpl}\n"}},
         ""},
        {"a declared one",
         {{PATH, SINK("gate.done", "mine.tmpl")}, {"templates/mine.tmpl", "{{gate}}"}},
         ""},
        {"one that no sink uses is looked at, too",
         {{"templates/a.tmpl", "x\n {{#y}}"}},
         "templates/a.tmpl:2:2: this section isn't closed: {{/y}} is missing"},
        {"unknown",
         {{PATH, SINK("gate.done", "nothing.like.it.tmpl")}},
         PATH ":4:20: there is no nothing.like.it.tmpl in templates/"},
        {"nearly known",
         {{PATH, SINK("gate.done", "gatedone.json.tmpl")}},
         PATH ":4:20: there is no gatedone.json.tmpl in templates/; did you mean "
              "gate_done.json.tmpl?"},
        {"a bad one is told of once",
         {{PATH, SINK("gate.done, gate.open", "a.json.tmpl")},
          {"templates/a.json.tmpl", "{{a b}}"}},
         "templates/a.json.tmpl:1:1: a name can't hold white space"},
        {"a partial that isn't there, where no data leads",
         {{PATH, SINK("gate.done", "a.tmpl")},
          {"templates/a.tmpl", "é\n  {{#no}}{{> part}}{{/no}}"},
          {"templates/b.tmpl", "{{> a}}{{> gone}}"}},
         "templates/a.tmpl:2:10: there is no templates/part.tmpl\n"
         "templates/b.tmpl:1:8: there is no templates/gone.tmpl"},
        {"partials have the suffix of what they are in",
         {{"templates/a.json.tmpl", "{{> part}}"}, {"templates/part.tmpl", "x"}},
         "templates/a.json.tmpl:1:1: there is no templates/part.json.tmpl"},
        {"a bad partial is told of once",
         {{PATH, SINK("gate.done", "a.tmpl")},
          {"templates/a.tmpl", "{{> b}}"},
          {"templates/b.tmpl", "{{> c}}"},
          {"templates/c.tmpl", "\n{{/x}}"}},
         "templates/c.tmpl:2:1: {{/x}} closes a section that isn't open"},
        {"what renders to no JSON: the example, and where",
         {{PATH, SINK("gate.open, gate.done", "a.json.tmpl")},
          {"templates/a.json.tmpl", "{\"rows\": {{rows_loaded}}}"}},
         PATH
         ":4:20: a.json.tmpl fails with example 1 of gate.open: templates/a.json.tmpl: line 1, "
         "column 10 of what it rendered isn't JSON: unexpected token near '}'" BRACES},
        {"what renders to no JSON, of some example only",
         {{PATH, SINK("gate.open, gate.done", "a.json.tmpl")},
          {"templates/a.json.tmpl", "\"{{{ts_min}}}\""}},
         PATH
         ":4:20: a.json.tmpl fails with example 1 of gate.done: templates/a.json.tmpl: line 1, "
         "column 6 of what it rendered isn't JSON: end of file expected near '2026'" BRACES},
        {"a partial that fails as it renders",
         {{PATH, SINK("gate.done", "a.tmpl")},
          {"templates/a.tmpl", "{{> b}}"},
          {"templates/b.tmpl", "{{> a}}"}},
         PATH ":4:20: a.tmpl fails with example 1 of gate.done: templates/a.tmpl:1:1: more than 64 "
              "sections and partials inside each other"},
        {"only the events that are wanted count",
         {{PATH, SINK("gate.open", "a.json.tmpl")},
          {"templates/a.json.tmpl", "[{{#doc_id}},{{/doc_id}}]"}},
         ""},
        {"a NUL isn't text",
         {{"templates/a.tmpl", "\xff"}},
         "templates/a.tmpl:1:1: byte 0xff isn't UTF-8"},
        {"a declared one hides a shipped one, also as a partial",
         {{PATH, SINK("gate.done", "slack.json.tmpl")}, {"templates/sentence.json.tmpl", "x"}},
         PATH
         ":4:20: slack.json.tmpl fails with example 1 of gate.done: templates/slack.json.tmpl: "
         "line 10, column 9 of what it rendered isn't JSON: invalid token near 'x'" BRACES},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sets s = {0};
        build(&s, &rows[i]);
        cr_expect_str_eq(s.findings, rows[i].want, "%s\nwant: %s\n got: %s", rows[i].label,
                         rows[i].want, s.findings);
        sets_free(&s);
    }
}

Test(manifest_template, nul)
{
    struct sets s = {0};
    manifest_files_add(&s.files, "templates/a.tmpl", mem_strndup("a\0b", 3), 3);
    sets_build(&s);
    cr_expect_str_eq(s.findings, "templates/a.tmpl: there is a NUL byte in it");
    sets_free(&s);
}

/* What couldn't be read may be what is missing. */
Test(manifest_template, of_an_incomplete_set)
{
    struct yaml_diag diag = {0};
    struct sets s = {0};
    yaml_diag_error(&diag, "templates/x.tmpl", (struct yaml_place){0}, "can't be read");
    sets_add(&s, PATH, SINK("gate.done", "x.tmpl"));
    sets_add(&s, "templates/a.tmpl", "{{> x}}");
    s.set = manifest_build(&s.files, &diag);
    cr_expect(!s.set && diag.errors == 1, "want 1 error, got %zu", diag.errors);
    yaml_diag_free(&diag);
    sets_free(&s);
}

static void render(const struct sets *s, const char *sink, const char *payload, struct buf *out)
{
    const struct event event = {"id", "gate.done", payload, "", 0};
    struct body_form form = manifest_sink_form(s->set, manifest_sink(s->set, sink));
    struct err e = body_render(&event, &form, out);
    cr_expect(!err_is(&e), "%s", e.text);
}

Test(manifest_template, forms)
{
    static const struct row row = {
        "",
        {{PATH, SINK("gate.done", "a.json.tmpl")},
         {"templates/a.json.tmpl", "[{{> b}}, {{> sentence}}]"},
         {"templates/b.json.tmpl", "{{{n}}}"},
         {"sinks/f.yaml", "sink: f\nurl: https://h/\nevents: [gate.done]\n"}},
        ""};
    struct sets s = {0};
    struct buf out = {0};
    build(&s, &row);
    cr_assert_not_null(s.set, "%s", s.findings);
    render(&s, "k", "{\"n\":1,\"event\":\"e\"}", &out);
    cr_expect_str_eq(buf_cstr(&out), "[1,       \"e\"\n]");
    buf_clear(&out);
    render(&s, "f", "{\"n\":1}", &out);
    cr_expect_str_eq(buf_cstr(&out), "{\"n\":1}");
    for (size_t i = 1; i < s.set->template_count; i++)
        cr_expect(strcmp(s.set->templates[i - 1].name, s.set->templates[i].name) < 0,
                  "templates are sorted, each is there once");
    buf_free(&out);
    sets_free(&s);
}
