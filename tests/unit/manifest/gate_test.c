/* SPDX-License-Identifier: MIT */
#include "sets.h"

#define PATH "gates/g.yaml"

Test(manifest_gate, defaults_are_those_of_config)
{
    struct sets s = {0};
    struct gate_settings want;
    memset(&want, 0, sizeof want);
    config_gate_init(&want);
    sets_add(&s, "gates/g.yaml", "gate: g\n");
    sets_add(&s, "gates/d.yaml", "gate: default\n");
    sets_build(&s);
    cr_assert_not_null(s.set, "%s", s.findings);
    const struct manifest_gate *g = manifest_gate(s.set, "g");
    const struct manifest_gate *d = manifest_gate(s.set, "default");
    cr_expect_str_eq(g->incoming, "g", "a gate's folder has its name");
    cr_expect_str_eq(d->incoming, ".", "the default gate's is incoming/ itself");
    EXPECT_BYTES(&g->settings.policy, sizeof want.policy, &want.policy, sizeof want.policy,
                 "the policy");
    cr_expect_eq(g->settings.rules.max_rejects.count, want.rules.max_rejects.count);
    cr_expect_null(g->streams);
    cr_expect(!g->is_ordered);
    sets_free(&s);
}

Test(manifest_gate, every_key)
{
    struct sets s = {0};
    sets_add(&s, PATH,
             "gate: g\nincoming: in-1\n"
             "open: {count: 7, bytes: 1KiB, age: 3s, idle: 1.5}\n"
             "batch: {segments: 9, bytes: 2048}\n"
             "max_rejects: 12.5%\ndedupe: off\nnul: strip\nstreams: [u, metrics]\n");
    sets_add(&s, "streams/u.yaml",
             "stream: u\nmode: upsert\nkey: [k]\n"
             "columns: {k: {type: int8, required: true}}\n");
    sets_add(&s, "gates/all.yaml", "gate: all\n");
    sets_add(&s, "gates/plain.yaml", "gate: plain\nstreams: [events]\n");
    sets_add(&s, "gates/known.yaml", "gate: known\nstreams: [events, knowledge]\n");
    sets_build(&s);
    cr_assert_not_null(s.set, "%s", s.findings);
    const struct manifest_gate *g = manifest_gate(s.set, "g");
    const struct gate_policy *p = &g->settings.policy;
    cr_expect_str_eq(g->incoming, "in-1");
    cr_expect(p->open_count == 7 && p->open_bytes == 1024 && p->open_age_us == 3000000 &&
                  p->open_idle_us == 1500000 && p->batch_segments == 9 && p->batch_bytes == 2048,
              "%zu, %zu, %zu, %zu, %zu, %zu", (size_t)p->open_count, (size_t)p->open_bytes,
              (size_t)p->open_age_us, (size_t)p->open_idle_us, (size_t)p->batch_segments,
              (size_t)p->batch_bytes);
    cr_expect(g->settings.rules.max_rejects.is_percent &&
              g->settings.rules.max_rejects.count == 125000);
    cr_expect_eq(g->settings.rules.dedupe, DEDUPE_OFF);
    cr_expect_eq(g->settings.rules.nul, NUL_STRIP);
    for (size_t i = 0; i < s.set->streams.count; i++) {
        const char *name = s.set->streams.streams[i].name;
        bool want = strcmp(name, "u") == 0 || strcmp(name, "metrics") == 0;
        cr_expect_eq(g->streams[i], want, "stream %s: want %d", name, want);
    }
    cr_expect(g->is_ordered, "upsert without a version is in order");
    cr_expect(manifest_gate(s.set, "all")->is_ordered, "a gate that takes all takes that one, too");
    cr_expect(!manifest_gate(s.set, "plain")->is_ordered);
    cr_expect(manifest_gate(s.set, "known")->is_ordered, "knowledge by name is in order");
    cr_expect(manifest_gate(s.set, "all")->takes_handled, "a gate that takes all takes knowledge");
    cr_expect(manifest_gate(s.set, "known")->takes_handled, "knowledge is in its list");
    cr_expect(!manifest_gate(s.set, "plain")->takes_handled, "knowledge isn't in its list");
    sets_free(&s);
}

/* No key of config's is missing from the gates' files. */
Test(manifest_gate, settings)
{
    struct buf schema = {0};
    manifest_schema(MANIFEST_GATE, &schema);
    for (const struct config_key *k = config_keys; k->path; k++) {
        const char *name = config_gate_key(k);
        struct buf quoted = {0};
        if (!name)
            continue;
        const char *dot = strrchr(name, '.');
        buf_printf(&quoted, "\"%s\":{\"description\":\"%s", dot ? dot + 1 : name, k->help);
        cr_expect_not_null(strstr(buf_cstr(&schema), buf_cstr(&quoted)), "%s is not in %s", name,
                           buf_cstr(&schema));
        buf_free(&quoted);
    }
    buf_free(&schema);
}

Test(manifest_gate, mistakes)
{
    static const struct sets_row rows[] = {
        {"gate: Fast\n",
         PATH ":1:7: `gate`: a gate's name (a-z, 0-9, _ and -) is wanted, not `Fast`"},
        {"gate: g\nincoming: a/b\n",
         PATH ":2:11: `incoming`: a folder's name (a-z, 0-9, _ and -), or . for incoming/ itself, "
              "is wanted, not `a/b`"},
        {"gate: g\nincoming: ..\n",
         PATH ":2:11: `incoming`: a folder's name (a-z, 0-9, _ and -), or . for incoming/ itself, "
              "is wanted, not `..`"},
        {"gate: g\nopen: {cont: 1}\n", PATH ":2:8: unknown key `cont`; did you mean `count`?"},
        {"gate: g\nopen: 5\n", PATH ":2:7: `open`: a map is wanted, not `5`"},
        {"gate: g\nopen: {count: many, bytes: 1 parsec, age: 1e3, idle: -1}\n",
         PATH ":2:15: `count`: a whole number is wanted, not `many`\n" PATH
              ":2:28: `bytes`: a size such as 64KiB or 16MiB is wanted, not `1 parsec`\n" PATH
              ":2:43: `age`: a duration such as 200ms, 2s or 90 days is wanted, not `1e3`\n" PATH
              ":2:54: `idle`: a duration such as 200ms, 2s or 90 days is wanted, not `-1`"},
        {"gate: g\nbatch: {segments: 0, bytes: auto}\n",
         PATH ":2:19: `segments` is from 1 to 1,000,000, not `0`"},
        {"gate: g\nbatch: {bytes: 0}\n", PATH ":2:16: `bytes` is at least 1, not `0`"},
        {"gate: g\nmax_rejects: 101%\n",
         PATH ":2:14: `max_rejects`: a whole number or a percentage such as 1% is wanted, not "
              "`101%`"},
        {"gate: g\nmax_rejects: 0.5\n",
         PATH ":2:14: `max_rejects`: a whole number or a percentage such as 1% is wanted, not "
              "`0.5`"},
        {"gate: g\ndedupe: nme\n", PATH ":2:9: `dedupe` can't be `nme`; did you mean `name`?"},
        {"gate: g\nnul: [x]\n", PATH ":2:6: `nul`: a word is wanted, but it is a list"},
        {"gate: g\nstreams: [metric, nothing]\n",
         PATH ":2:11: there is no stream `metric`; did you mean `metrics`?\n" PATH
              ":2:19: there is no stream `nothing`"},
        {"gate: g\nstreams: []\n", PATH ":2:10: `streams` must not be empty"},
    };
    sets_check(PATH, rows, COUNT(rows));
}
