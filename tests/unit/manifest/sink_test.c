/* SPDX-License-Identifier: MIT */
#include "sets.h"

#define PATH "sinks/k.yaml"
#define SINK "sink: k\nurl: https://h/\nevents: [gate.done]\n"

static const struct manifest_sink *build(struct sets *s, const char *text)
{
    sets_add(s, PATH, text);
    sets_build(s);
    cr_assert_not_null(s->set, "%s", s->findings);
    return manifest_sink(s->set, "k");
}

static void expect_secret(const struct manifest_secret *got, enum manifest_secret_from from,
                          const char *value)
{
    cr_expect_eq(got->from, from, "%s: want %d, got %d", value, from, got->from);
    cr_expect_str_eq(got->value, value);
}

Test(manifest_sink, defaults)
{
    static const int64_t want[] = {0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    struct sets s = {0};
    const struct manifest_sink *got = build(&s, SINK);
    expect_secret(&got->url, SECRET_INLINE, "https://h/");
    for (size_t i = 0; i < EVENT_COUNT; i++)
        cr_expect_eq(got->events[i], i == EVENT_GATE_DONE, "event %s", event_names[i]);
    cr_expect(got->gate_count == 0 && got->secret_count == 0 && got->header_count == 0);
    cr_expect_eq(got->bearer.from, SECRET_NONE);
    cr_expect_eq(got->format, BODY_FLAT);
    cr_expect_eq(got->timeout_us, 20000000);
    cr_expect_eq(got->concurrency, 4);
    cr_expect(!got->allow_private);
    cr_assert_eq(got->retry_count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++)
        cr_expect_eq(got->retry_us[i], want[i] * 1000000, "wait %zu", i);
    sets_free(&s);
}

Test(manifest_sink, every_key)
{
    struct sets s = {0};
    sets_add(&s, "gates/g.yaml", "gate: g\n");
    sets_add(&s, "templates/a.json.tmpl", "{{{event}}}");
    const struct manifest_sink *got =
        build(&s, "sink: k\nurl: {credential: hook}\n"
                  "events: [gate.open, kb.index.completed.v1]\ngates: [g, default]\n"
                  "format: {template: a.json.tmpl}\n"
                  "secret: [{env: OLD}, {file: /run/new}]\nbearer: {env: TOKEN}\n"
                  "headers: {X-Key: {file: /run/key}}\ntimeout: 2.5s\nretry: [0, 1m]\n"
                  "concurrency: 9\nallow_private: true\nca: /etc/ca.pem\n");
    cr_expect_str_eq(s.findings, "");
    expect_secret(&got->url, SECRET_CREDENTIAL, "hook");
    cr_expect(got->events[EVENT_GATE_OPEN] && got->events[EVENT_KB_INDEX_COMPLETED] &&
              !got->events[EVENT_GATE_DONE]);
    cr_expect(got->gate_count == 2 && strcmp(got->gates[1], "default") == 0);
    cr_expect_eq(got->format, BODY_TEMPLATE);
    cr_expect_str_eq(got->template, "a.json.tmpl");
    cr_expect_not_null(got->compiled);
    cr_assert_eq(got->secret_count, 2);
    expect_secret(&got->secrets[0], SECRET_ENV, "OLD");
    expect_secret(&got->secrets[1], SECRET_FILE, "/run/new");
    expect_secret(&got->bearer, SECRET_ENV, "TOKEN");
    cr_assert_eq(got->header_count, 1);
    cr_expect_str_eq(got->headers[0].name, "X-Key");
    expect_secret(&got->headers[0].value, SECRET_FILE, "/run/key");
    cr_expect_eq(got->timeout_us, 2500000);
    cr_expect(got->retry_count == 2 && got->retry_us[1] == 60000000);
    cr_expect_eq(got->concurrency, 9);
    cr_expect(got->allow_private);
    cr_expect_str_eq(got->ca_file, "/etc/ca.pem");
    sets_free(&s);
}

Test(manifest_sink, formats)
{
    static const struct {
        const char *text;
        enum body_format want;
    } rows[] = {
        {"flat", BODY_FLAT}, {"standard", BODY_STANDARD}, {"cloudevents", BODY_CLOUDEVENTS}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sets s = {0};
        char text[256];
        (void)snprintf(text, sizeof text, SINK "format: %s\nsecret: {env: A}\n", rows[i].text);
        const struct manifest_sink *got = build(&s, text);
        cr_expect_eq(got->format, rows[i].want, "%s: got %d", rows[i].text, got->format);
        cr_expect_eq(got->secret_count, 1, "one secret needs no list");
        sets_free(&s);
    }
}

#define URL(text) "sink: k\nurl: " text "\nevents: [gate.done]\n"
#define NOT_PUBLIC                                                                   \
    "warning: `url`: this is no public address: nothing will be sent there without " \
    "`allow_private: true`"
#define NO_URL PATH ":2:6: `url`: an http or https URL without user and password is wanted here"
#define SECRET "{env: NAME}, {file: PATH} or {credential: NAME} (a secret is never inline)"

/* What may be a secret is never shown. */
Test(manifest_sink, mistakes)
{
    static const struct sets_row rows[] = {
        {"sink: K\n",
         PATH ":1:1: `url` is missing: where events are sent: the URL, or where it is kept "
              "secret\n" PATH ":1:1: `events` is missing: which events\n" PATH
              ":1:7: `sink`: a sink's name (a-z, 0-9, _ and -) is wanted, not `K`"},
        {URL("https://user:hunter2@h/"), NO_URL},
        {URL("ftp://h/"), NO_URL},
        {URL("https://"), NO_URL},
        {URL("\"https://h/\\r\\nX: y\""), NO_URL},
        {URL("\"https://h h/\""), NO_URL},
        {URL("https://[2606:4700::1111]:8080/x?y#z"), ""},
        {URL("https://10.example.org/"), ""},
        {URL("https://10.0.0.5:8080/x?y#z"), PATH ":2:6: " NOT_PUBLIC},
        {URL("https://[::1]:8080/x?y#z"), PATH ":2:6: " NOT_PUBLIC},
        {URL("https://Localhost?x"), PATH ":2:6: " NOT_PUBLIC},
        {URL("https://localhost/") "allow_private: true\n", ""},
        {SINK "format: [flat]\n",
         PATH ":4:9: `format`: flat, standard, cloudevents, or {template: NAME.tmpl} is wanted, "
              "but it is a list"},
        {URL("http://h"), PATH ":2:6: warning: `url`: events go out unencrypted; https is better"},
        {URL("5"), PATH ":2:6: `url`: an http or https URL without user and password, or " SECRET
                        " is wanted here"},
        {URL("{env: A, file: /x}"), PATH ":2:6: `url`: exactly one of env, file, credential is "
                                         "wanted"},
        {URL("{}"), PATH ":2:6: `url`: exactly one of env, file, credential is wanted"},
        {URL("{value: hunter2}"),
         PATH ":2:7: unknown key `value`; the keys here are env, file, credential"},
        {SINK "secret: hunter2\n",
         PATH ":4:9: `secret`: " SECRET ", or a list of such is wanted here"},
        {SINK "secret: [hunter2]\n",
         PATH ":4:9: `secret`: " SECRET ", or a list of such is wanted here"},
        {SINK "secret: [{env: A}, hunter2]\n", PATH ":4:20: `secret`: " SECRET " is wanted here"},
        {SINK "secret: {env: hunter-2}\n",
         PATH ":4:15: `env`: the name of an environment variable is wanted here"},
        {SINK "bearer: hunter2\n", PATH ":4:9: `bearer`: " SECRET " is wanted here"},
        {SINK "bearer: {file: etc/x}\n", PATH ":4:16: `file`: an absolute path is wanted here"},
        {SINK "headers: {X-A: hunter2}\n", PATH ":4:16: `X-A`: " SECRET " is wanted here"},
        {SINK "headers: {\"X: y\": {env: A}}\n",
         PATH ":4:11: `headers`: `X: y` can't be a name here: 1 to 63 bytes, a header's name"},
        {SINK "headers: {Host: {env: A}, x: {env: B}, X: {env: C}, Authorization: {env: D}}\n"
              "bearer: {env: A}\n",
         PATH ":4:11: header `Host` is set by the delivery itself\n" PATH
              ":4:40: header `X` is there twice\n" PATH
              ":4:53: `bearer` sets the header `Authorization` already"},
        {"sink: k\nurl: https://h/\nevents: [gate.don, gate.open, gate.open]\n",
         PATH ":3:10: `events` can't be `gate.don`; did you mean `gate.done`?\n" PATH
              ":3:31: event `gate.open` is there twice"},
        {SINK "gates: [g]\n", PATH ":4:9: there is no gate `g` in gates/"},
        {SINK "gates: [default]\n", ""},
        {SINK "format: xml\n",
         PATH ":4:9: `format` can't be `xml`; it is one of flat, standard, cloudevents, or "
              "{template: NAME.tmpl}"},
        {SINK "format: {template: ../x.tmpl}\n",
         PATH ":4:20: `template`: the name of a file in templates/, NAME.tmpl is wanted, not "
              "`../x.tmpl`"},
        {SINK "secret: [{env: A}, {env: B}, {env: C}, {env: D}, {env: E}]\n",
         PATH ":4:9: `secret` has 5 entries, at most 4 are possible"},
        {SINK "ca: ca.pem\n", PATH ":4:5: `ca`: an absolute path is wanted, not `ca.pem`"},
        {SINK "timeout: 0\n", PATH ":4:10: `timeout` is from 100 ms to 5 min 0 s, not `0`"},
        {SINK "timeout: 6m\n", PATH ":4:10: `timeout` is from 100 ms to 5 min 0 s, not `6m`"},
        {SINK "retry: []\n", PATH ":4:8: `retry` must not be empty"},
        {SINK "retry: [0, soon]\n",
         PATH ":4:12: `retry`: a duration such as 200ms, 2s or 90 days is wanted, not `soon`"},
        {SINK "concurrency: 65\n", PATH ":4:14: `concurrency` is from 1 to 64, not `65`"},
    };
    sets_check(PATH, rows, COUNT(rows));
}
