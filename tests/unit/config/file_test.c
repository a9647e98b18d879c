/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "bytes.h"

static struct err load(struct config *c, const char *text, size_t len)
{
    config_init(c);
    return config_load_text(c, "t.yaml", text, len);
}

Test(config_file, understood)
{
    static const struct {
        const char *text;
        size_t len;
        const char *spool;
        uint64_t keys, depth, count,
            level; /* limits.keys, limits.depth, the count of gate `fast` */
    } rows[] = {
        {BYTES(""), "spool", 10000, 64, 1000, 1},
        {BYTES("\n\n"), "spool", 10000, 64, 1000, 1},
        {BYTES("# only a remark\n"), "spool", 10000, 64, 1000, 1},
        {BYTES("---\n...\n"), "spool", 10000, 64, 1000, 1},
        {BYTES("spool: x\n"), "x", 10000, 64, 1000, 1},
        {BYTES("spool: x"), "x", 10000, 64, 1000, 1},
        {BYTES("spool: \"a b\\tc\"\n"), "a b\tc", 10000, 64, 1000, 1},
        {BYTES("spool: 'it''s'\n"), "it's", 10000, 64, 1000, 1},
        {BYTES("spool: |-\n  x\n"), "x", 10000, 64, 1000, 1},
        {BYTES("spool: caf\xc3\xa9\n"), "caf\xc3\xa9", 10000, 64, 1000, 1},
        {BYTES("spool:\n"), "", 10000, 64, 1000, 1},
        {BYTES("limits:\n  keys: 7\n  depth: 8\n"), "spool", 7, 8, 1000, 1},
        {BYTES("limits: {keys: 7, depth: 8}\n"), "spool", 7, 8, 1000, 1},
        {BYTES("limits: {}\n"), "spool", 10000, 64, 1000, 1},
        {BYTES("limits.keys: 7\n"), "spool", 7, 64, 1000, 1},
        {BYTES("{\"limits\": {\"keys\": 7}, \"log\": {\"level\": \"warn\"}}"), "spool", 7, 64, 1000,
         2},
        {BYTES("gates:\n  fast:\n    open: {count: 3}\n"), "spool", 10000, 64, 3, 1},
        {BYTES("gates:\n  default:\n    open: {count: 3}\n"), "spool", 10000, 64, 3, 1},
        {BYTES("gates:\n  fast:\n    open: {count: 3}\n  default:\n    open: {count: 4}\n"),
         "spool", 10000, 64, 3, 1},
        {BYTES("\xef\xbb\xbfspool: x\n"), "x", 10000, 64, 1000, 1},
        {BYTES("spool: x\r\nlimits:\r\n  keys: 7\r\n"), "x", 7, 64, 1000, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c;
        struct err e = load(&c, rows[i].text, rows[i].len);
        const struct gate_policy *fast = &config_gate(&c, "fast")->policy;
        cr_expect(!err_is(&e), "row %zu: %s", i, e.text);
        cr_expect_str_eq(c.spool, rows[i].spool, "row %zu: want spool %s, got %s", i, rows[i].spool,
                         c.spool);
        cr_expect_eq(c.limits.keys, rows[i].keys, "row %zu: want keys %zu, got %zu", i,
                     (size_t)rows[i].keys, (size_t)c.limits.keys);
        cr_expect_eq(c.limits.depth, rows[i].depth, "row %zu: want depth %zu, got %zu", i,
                     (size_t)rows[i].depth, (size_t)c.limits.depth);
        cr_expect_eq(fast->open_count, rows[i].count, "row %zu: want count %zu, got %zu", i,
                     (size_t)rows[i].count, (size_t)fast->open_count);
        cr_expect_eq(c.log_level, rows[i].level, "row %zu: want level %zu, got %zu", i,
                     (size_t)rows[i].level, (size_t)c.log_level);
        config_free(&c);
    }
}

/* Each mistake, with the place where it stands. `...`: whatever libfyaml says there. */
Test(config_file, mistakes)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("spol: x\n"), "t.yaml:1:1: unknown key `spol`; did you mean `spool`?"},
        {BYTES("spool: x\n\nlimits:\n  keys: 7\n  dept: 8\n"),
         "t.yaml:5:3: unknown key `limits.dept`; did you mean `limits.depth`?"},
        {BYTES("limits: {keys: 7, dept: 8}\n"),
         "t.yaml:1:19: unknown key `limits.dept`; did you mean `limits.depth`?"},
        {BYTES("gates:\n  fast:\n    open:\n      cont: 3\n"),
         "t.yaml:4:7: unknown key `gates.fast.open.cont`; did you mean `open.count`?"},
        {BYTES("gates:\n  Fast:\n    open:\n      count: 3\n"),
         "t.yaml:4:7: `Fast` can't be a gate's name: a-z, 0-9, _ and -, at most 63"},
        {BYTES("loaders: many\n"),
         "t.yaml:1:1: `many` is not a number for `loaders`; write it like `auto`"},
        {BYTES("loaders: 99\n"), "t.yaml:1:1: `99` is out of range for `loaders` (0 to 8)"},
        {BYTES("loaders:\n"), "t.yaml:1:1: `` is not a number for `loaders`; write it like `auto`"},
        {BYTES("log: {format: xml}\n"),
         "t.yaml:1:7: `log.format` can't be `xml`; it is one of logfmt, json"},
        {BYTES("log: loud\n"),
         "t.yaml:1:1: unknown key `log`; `spoolgate help config` lists them all"},
        {BYTES("spool: [x]\n"), "t.yaml:1:1: a single value is wanted here"},
        {BYTES("spool: {x: 1}\n"), "t.yaml:1:9: unknown key `spool.x`; did you mean `spool`?"},
        {BYTES("spool: \"a\\0b\"\n"), "t.yaml:1:8: a NUL character"},
        {BYTES("- spool\n"), "t.yaml:1:1: a mapping of keys to values is wanted"},
        {BYTES("spool\n"), "t.yaml:1:1: a mapping of keys to values is wanted"},
        {BYTES("? [a]\n: b\n"), "t.yaml:1:3: a key must be a single value"},
        {BYTES("a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: 1}}}}}}}}}}\n"),
         "t.yaml:1:41: unknown key `a.b.c.d.e.f.g.h.i.j.k`; `spoolgate help config` lists them "
         "all"},
        {BYTES("spool: &a x\ndatabase: *a\n"),
         "t.yaml:2:11: aliases (*name) are not understood here"},
        {BYTES("limits: &a {keys: 1}\nlog: *a\n"),
         "t.yaml:2:6: aliases (*name) are not understood here"},
        {BYTES("limits: &a {keys: 1}\nlog:\n  <<: *a\n"),
         "t.yaml:3:7: aliases (*name) are not understood here"},
        {BYTES("spool: x\nspool: y\n"),
         "t.yaml:2:1: duplicate key `spool`; the first is in line 1"},
        {BYTES("limits: {keys: 1, keys: 2}\n"),
         "t.yaml:1:19: duplicate key `keys`; the first is in line 1"},
        {BYTES("spool: x\n---\nspool: y\n"),
         "t.yaml:2:1: more than one YAML document; a file of its own for each"},
        {BYTES("spool: \"open\n"), "t.yaml:..."},
        {BYTES("limits: {keys: 1\n"), "t.yaml:..."},
        {BYTES("\tspool: x\n"), "t.yaml:1:..."},
        {BYTES("spool: x\n  keys: 1\n"), "t.yaml:1:..."},
        {BYTES("limits: {keys: 1}}\n"), "t.yaml:1:..."},
        {BYTES("spool: *nowhere\n"), "t.yaml:1:8: aliases (*name) are not understood here"},
        {BYTES("spool: !!str x\n"),
         "t.yaml:1:8: tags (!name) are not understood here; write the value alone"},
        {BYTES("rescan: 1s\nspool: a\xff\n"), "t.yaml:2:9: not UTF-8"},
        {BYTES("spool: a\0b\n"), "t.yaml:1:9: a NUL character"},
        {BYTES("\0"), "t.yaml:1:1: a NUL character"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c;
        struct err e = load(&c, rows[i].text, rows[i].len);
        const char *open_end = strstr(rows[i].want, "...");
        bool same = open_end ? strncmp(e.text, rows[i].want, (size_t)(open_end - rows[i].want)) == 0
                             : strcmp(e.text, rows[i].want) == 0;
        cr_expect_eq(e.cls, ERR_CONFIG, "row %zu: class %s", i, err_class_name(e.cls));
        cr_expect(same, "row %zu: %s\nwant: %s\n got: %s", i, rows[i].text, rows[i].want, e.text);
        config_free(&c);
    }
}

/* A file of its own for a test, gone afterwards. */
static int temporary(char path[64])
{
    (void)strcpy(path, "/tmp/spoolgate-config.XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0, "can't make %s", path);
    return fd;
}

Test(config_file, files)
{
    static const struct {
        size_t padding; /* of a remark behind the text */
        const char *want;
    } rows[] = {
        {0, ""},
        {(1 << 20) - 20, ""}, /* with the text: 1 MiB */
        {(1 << 20) - 19, " is larger than 1 MiB: not a configuration"},
        {5 << 20, " is larger than 1 MiB: not a configuration"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c;
        struct buf text = {0};
        char path[64];
        int fd = temporary(path);
        buf_str(&text, "limits: {keys: 77}\n#"); /* 20 bytes */
        memset(buf_reserve(&text, rows[i].padding), 'x', rows[i].padding);
        text.len += rows[i].padding;
        cr_assert_eq(write(fd, text.data, text.len), (ssize_t)text.len);
        config_init(&c);
        struct err e = config_load_file(&c, path);
        (void)close(fd);
        (void)unlink(path);
        if (*rows[i].want) {
            cr_expect(err_is(&e) && strncmp(e.text, path, strlen(path)) == 0 &&
                          strcmp(e.text + strlen(path), rows[i].want) == 0,
                      "%zu bytes\nwant: %s%s\n got: %s", text.len, path, rows[i].want, e.text);
        } else {
            cr_expect(!err_is(&e), "%zu bytes: %s", text.len, e.text);
            cr_expect_eq(c.limits.keys, 77, "%zu bytes: keys are %zu", text.len,
                         (size_t)c.limits.keys);
        }
        config_free(&c);
        buf_free(&text);
    }
}

Test(config_file, unreadable_files)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"/nonexistent/x.yaml", "can't open /nonexistent/x.yaml: No such file or directory"},
        {"/", "can't read /: Is a directory"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c;
        config_init(&c);
        struct err e = config_load_file(&c, rows[i].path);
        cr_expect_str_eq(e.text, rows[i].want, "want: %s\n got: %s", rows[i].want, e.text);
        cr_expect_eq(e.cls, ERR_CONFIG, "class %s", err_class_name(e.cls));
        config_free(&c);
    }
}

/* A folder or a repository; an environment or a flag that names a folder wins over both. */
Test(config_file, manifests)
{
    static const struct {
        const char *text, *flag;
        const char *want; /* dir|repo|rev|path, or the failure */
    } rows[] = {
        {"", NULL, "||HEAD|manifests"},
        {"manifests: m\n", NULL, "m||HEAD|manifests"},
        {"manifests: {repo: r.git}\n", NULL, "|r.git|HEAD|manifests"},
        {"manifests:\n  repo: r.git\n  rev: main\n  path: .\n", NULL, "|r.git|main|."},
        {"", "f", "f||HEAD|manifests"},
        {"manifests: m\n", "f", "f||HEAD|manifests"},
        {"manifests: {repo: r.git, rev: main}\n", "f", "f||main|manifests"},
        {"manifests: {repo: r.git, rev: main}\n", "", "|r.git|main|manifests"},
        {"manifests: {ref: main}\n", NULL,
         "t.yaml:1:13: unknown key `manifests.ref`; did you mean `manifests.rev`?"},
        {"manifests: m\nmanifests: {repo: r.git}\n", NULL,
         "t.yaml:2:1: duplicate key `manifests`; the first is in line 1"},
        {"manifests: m\nmanifests.repo: r.git\n", NULL,
         "t.yaml: `manifests` names a folder and `manifests.repo` a repository; leave one of them "
         "out"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c;
        struct buf got = {0};
        struct err e = load(&c, rows[i].text, strlen(rows[i].text));
        if (!err_is(&e) && rows[i].flag)
            e = config_override(&c, "manifests", rows[i].flag);
        if (err_is(&e))
            buf_str(&got, e.text);
        else
            buf_printf(&got, "%s|%s|%s|%s", c.manifests.dir, c.manifests.repo, c.manifests.rev,
                       c.manifests.path);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "row %zu: want %s, got %s", i, rows[i].want,
                         buf_cstr(&got));
        buf_free(&got);
        config_free(&c);
    }
}

/* ---- spoolgate.example.yaml: the documentation of every key, kept true here ---- */

static const char example[] = "spoolgate.example.yaml"; /* tests run in the checkout */

Test(config_file, example_holds_the_defaults)
{
    struct config want;
    struct config got;
    config_init(&want);
    config_init(&got);
    struct err e = config_load_file(&got, example);
    cr_assert(!err_is(&e), "%s", e.text);
    for (const struct config_key *k = config_keys; k->path; k++) {
        bool is_gates = strncmp(k->path, "gates.*.", 8) == 0;
        const char *a = is_gates ? (const char *)&want.default_gate : (const char *)&want;
        const char *b = is_gates ? (const char *)&got.default_gate : (const char *)&got;
        bool same =
            config_is_string(k)
                ? strcmp(*(char *const *)(a + k->offset), *(char *const *)(b + k->offset)) == 0
                : memcmp(a + k->offset, b + k->offset, sizeof(uint64_t)) == 0;
        cr_expect(same, "%s: the example has another value than the default, %s", k->path,
                  k->fallback);
    }
    config_free(&want);
    config_free(&got);
}

/* Is the last word of the path (after the others, at any distance) a key of the example, remarked
 * out or not? */
static bool names_key(const char *text, const char *path)
{
    char word[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        (void)snprintf(word, sizeof word, "%.*s:", (int)n, path);
        if (strncmp(word, "*:", 2) != 0) {
            text = strstr(text, word);
            if (!text)
                return false;
        }
        path += n + (path[n] == '.');
    }
    return true;
}

Test(config_file, example_names_every_key)
{
    struct buf text = {0};
    FILE *f = fopen(example, "r");
    cr_assert_not_null(f, "can't open %s", example);
    text.len = fread(buf_reserve(&text, 1 << 20), 1, 1 << 20, f);
    (void)fclose(f);
    for (const struct config_key *k = config_keys; k->path; k++)
        cr_expect(names_key(buf_cstr(&text), k->path), "%s is not in %s", k->path, example);
    buf_free(&text);
}
