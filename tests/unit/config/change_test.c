/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include "bytes.h"

static void note(void *context, const struct config_change *change)
{
    buf_printf(context, "%s%s: %s > %s\n", change->key && change->key->at_start ? "later " : "",
               change->path, change->from, change->to);
}

static void set(struct config *c, const char *path, const char *value)
{
    struct err e = config_set(c, path, value);
    cr_assert(!err_is(&e), "%s", e.text);
}

/* "rescan 30s, spool a" */
static void load(struct config *c, const char *text)
{
    char path[64];
    char value[64];
    int len;
    config_init(c);
    while (sscanf(text, "%63s %63[^,]%n", path, value, &len) == 2) {
        set(c, path, value);
        text += len + (text[len] == ',');
    }
}

static void expect_text(struct buf *got, const char *want, const char *what)
{
    cr_expect_str_eq(buf_cstr(got), want, "%s: want\n%s\ngot\n%s", what, want, buf_cstr(got));
    buf_free(got);
}

Test(config_change, told)
{
    static const struct {
        const char *from, *to, *want;
    } rows[] = {
        {"", "", ""},
        {"spool a", "spool b", "later spool: a > b\n"},
        {"rescan 30s", "rescan 90s", "rescan: 30s > 90s\n"},
        {"rescan 60s", "rescan 1m", ""},
        {"keep.archive 1 day", "", "keep.archive: 1 day > 0\n"},
        {"limits.frame 1MiB", "limits.frame 1536KiB", "limits.frame: 1MiB > 1536KiB\n"},
        {"loaders 2", "loaders auto", "later loaders: 2 > auto\n"},
        {"log.level info", "log.level debug", "log.level: info > debug\n"},
        {"", "manifests /etc/m", "manifests:  > /etc/m\n"},
        {"gates.default.max_rejects 5", "gates.default.max_rejects 0.5%",
         "gates.default.max_rejects: 5 > 0.5%\n"},
        {"gates.a.open.count 2", "gates.a.open.count 3", "gates.a.open.count: 2 > 3\n"},
        /* One that is gone goes by the default gate's settings. */
        {"gates.default.open.count 7, gates.a.open.count 2", "gates.default.open.count 7",
         "gates.a: (named) > (not named)\ngates.a.open.count: 2 > 7\n"},
        {"", "gates.a.nul strip", "gates.a: (not named) > (named)\ngates.a.nul: reject > strip\n"},
        {"gates.a.nul strip, gates.b.nul strip", "gates.b.nul strip, gates.a.nul strip", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config from;
        struct config to;
        struct buf got = {0};
        load(&from, rows[i].from);
        load(&to, rows[i].to);
        (void)config_compare(&from, &to, note, &got);
        expect_text(&got, rows[i].want, rows[i].to);
        config_free(&from);
        config_free(&to);
    }
}

Test(config_change, a_copy_is_its_own)
{
    struct config c;
    struct buf got = {0};
    load(&c, "spool a, gates.x.open.count 2");
    struct config *copy = config_copy(&c);
    cr_expect_eq(config_compare(&c, copy, note, &got), 0, "%s", buf_cstr(&got));
    set(&c, "spool", "b");
    set(&c, "gates.x.open.count", "3");
    set(copy, "gates.y.open.count", "4");
    config_free(&c);
    cr_expect_str_eq(copy->spool, "a");
    cr_expect_eq(config_gate(copy, "x")->policy.open_count, 2);
    cr_expect_eq(config_gate(copy, "y")->policy.open_count, 4);
    config_delete(copy);
    buf_free(&got);
}

/* Of every key that waits for a start, and of no other, the running value stays. */
Test(config_change, what_runs_stays)
{
    static const char other[] =
        "spool x, database x, schema x, loaders 3, http.listen off, http.socket x, http.hosts x, "
        "knowledge.enabled false, knowledge.embed false, knowledge.roots /x, rescan 5s, "
        "limits.depth 9, manifests.repo x, deliveries 5";
    struct config running;
    struct config fresh;
    struct buf got = {0};
    load(&running, "");
    load(&fresh, other);
    config_keep_running(&fresh, &running);
    (void)config_compare(&running, &fresh, note, &got);
    expect_text(&got,
                "manifests.repo:  > x\nrescan: 30s > 5s\ndeliveries: 64 > 5\n"
                "limits.depth: 64 > 9\nknowledge.roots:  > /x\n",
                "kept");
    config_free(&running);
    config_free(&fresh);
}
