/* SPDX-License-Identifier: MIT */
#include "manifest/files.h"

#include <stdlib.h>

#include "base/mem.h"
#include "bytes.h"

enum name { OTHER, NEAR, MATCHING };

static void expect_name(const char *folder, const char *name, enum name want)
{
    static const char *const words[] = {"other", "near", "matching"};
    enum name got = manifest_name_matches(folder, name)   ? MATCHING
                    : manifest_name_is_near(folder, name) ? NEAR
                                                          : OTHER;
    cr_expect_eq(got, want, "%s/%s: want %s, got %s", folder, name, words[want], words[got]);
}

Test(manifest_files, names)
{
    static const struct {
        const char *name;
        enum name want, in_templates;
    } rows[] = {
        {"devices.yaml", MATCHING, NEAR},
        {"devices.yml", MATCHING, NEAR},
        {"a b.yaml", MATCHING, NEAR},
        {"a.b.yaml", MATCHING, NEAR},
        {".yaml", OTHER, OTHER},
        {".yml", OTHER, OTHER},
        {".devices.yaml", OTHER, OTHER},
        {".#dev.yaml", OTHER, OTHER},
        {"devices.yaml~", OTHER, OTHER},
        {"#dev.yaml#", OTHER, OTHER},
        {"devices.yaml.bak", OTHER, OTHER},
        {".dev.yaml.swp", OTHER, OTHER},
        {"README.md", OTHER, OTHER},
        {"yaml", OTHER, OTHER},
        {"", OTHER, OTHER},
        {"devices.YAML", NEAR, NEAR},
        {"devices.Yml", NEAR, NEAR},
        {"devices.json", NEAR, NEAR},
        {"devices.yaml.JSON", NEAR, NEAR},
        {".devices.YAML", OTHER, OTHER},
        {".JSON", OTHER, OTHER},
        {"devices.YAML~", OTHER, OTHER},
        {"#dev.json#", OTHER, OTHER},
        {"devices.jsonl", OTHER, OTHER},
        {"gate.json.tmpl", NEAR, MATCHING},
        {"a b.tmpl", NEAR, MATCHING},
        {".tmpl", OTHER, OTHER},
        {".gate.tmpl", OTHER, OTHER},
        {"gate.tmpl~", OTHER, OTHER},
        {"gate.TMPL", NEAR, NEAR},
        {"gate.mustache", NEAR, NEAR},
        {"gate.tmpl.bak", OTHER, OTHER},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_name("sinks", rows[i].name, rows[i].want);
        expect_name(MANIFEST_TEMPLATES, rows[i].name, rows[i].in_templates);
    }
    cr_expect(!manifest_name_is_near("streams", "devices.yaml"), "what matches isn't near");
}

Test(manifest_files, what_to_do_with_names_that_are_near)
{
    static const struct {
        const char *folder, *name, *want;
    } rows[] = {
        {"gates", "a.json", "a manifest's name ends in .yaml or .yml; rename it"},
        {"sinks", "a.json.tmpl", "templates are read from templates/; move it there"},
        {MANIFEST_TEMPLATES, "a.json", "a template's name ends in .tmpl; rename it"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = manifest_name_advice(rows[i].folder, rows[i].name);
        cr_expect_str_eq(got, rows[i].want, "%s/%s: want `%s`, got `%s`", rows[i].folder,
                         rows[i].name, rows[i].want, got);
    }
}

Test(manifest_files, limits_are_held_before_memory_is_spent)
{
    static const struct {
        size_t count, bytes;
        const char *path;
        uint64_t len;
        const char *want; /* "" for a file that may come in */
    } rows[] = {
        {0, 0, "streams/a.yaml", 0, ""},
        {0, 0, "streams/a.yaml", MANIFEST_FILE_BYTES, ""},
        {0, 0, "streams/a.yaml", MANIFEST_FILE_BYTES + 1, "larger than 1 MiB: not a manifest"},
        {0, 0, "streams/a.yaml", UINT64_MAX, "larger than 1 MiB: not a manifest"},
        {9999, 0, "streams/a.yaml", 1, ""},
        {10000, 0, "streams/a.yaml", 1, "there are more than 10000 manifests"},
        {16, MANIFEST_TOTAL_BYTES - 1, "gates/a.yaml", 1, ""},
        {16, MANIFEST_TOTAL_BYTES - 1, "gates/a.yaml", 2,
         "the manifests are larger than 16 MiB in all"},
        {0, 0, "streams/a\nb.yaml", 1, "the file's name is not plain text; rename it"},
        {0, 0, "streams/\xff.yaml", 1, "the file's name is not plain text; rename it"},
        {0, 0, "streams/\xc3\xa4.yaml", 1, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct manifest_files files = {.count = rows[i].count, .bytes = rows[i].bytes};
        struct err e = manifest_files_check(&files, rows[i].path, rows[i].len);
        cr_expect_str_eq(e.text, rows[i].want, "row %zu: want \"%s\", got \"%s\"", i, rows[i].want,
                         e.text);
        cr_expect_eq(e.cls, *rows[i].want ? ERR_CONFIG : ERR_NONE, "row %zu: class %s", i,
                     err_class_name(e.cls));
    }
}

Test(manifest_files, paths_shown)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"", ""},
        {"streams/a b.yaml", "streams/a b.yaml"},
        {"streams/\xc3\xa4.yaml", "streams/\xc3\xa4.yaml"},
        {"a\nb\x1b\x7f", "a?b??"},
        {"\xff\xc3", "??"},
        {"\xc3(\xf0\x9f\x98\x80", "?(\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *got = manifest_path_shown(rows[i].path);
        cr_expect_str_eq(got, rows[i].want, "row %zu: want \"%s\", got \"%s\"", i, rows[i].want,
                         got);
        free(got);
    }
}

static void add(struct manifest_files *files, const char *path, const char *text)
{
    manifest_files_add(files, path, mem_strdup(text), strlen(text));
}

Test(manifest_files, sorted_by_path)
{
    static const char *const want[] = {"gates/b.yaml", "sinks/a.yaml", "streams/a.yaml",
                                       "streams/b.yaml"};
    struct manifest_files files = {0};
    manifest_files_sort(&files);
    add(&files, "streams/b.yaml", "1");
    add(&files, "gates/b.yaml", "22");
    add(&files, "streams/a.yaml", "333");
    add(&files, "sinks/a.yaml", "4444");
    manifest_files_sort(&files);
    cr_assert_eq(files.count, COUNT(want));
    cr_expect_eq(files.bytes, 10, "want 10 bytes, got %zu", files.bytes);
    for (size_t i = 0; i < COUNT(want); i++)
        cr_expect_str_eq(files.items[i].path, want[i], "%zu: want %s, got %s", i, want[i],
                         files.items[i].path);
    manifest_files_free(&files);
    cr_expect_eq(files.count, 0);
}

/* Sets that differ in any way have different hashes; the order in which they were found, and where
 * they lie, doesn't matter. */
Test(manifest_files, hash)
{
    static const struct {
        const char *path[2], *text[2];
    } sets[] = {
        {{"streams/a.yaml", "streams/b.yaml"}, {"x", "y"}},
        {{"streams/a.yaml", "streams/b.yaml"}, {"y", "x"}},
        {{"streams/a.yaml", "streams/b.yaml"}, {"xy", ""}},
        {{"streams/a.yaml", "streams/b.yaml"}, {"", "xy"}},
        {{"streams/a.yaml", "streams/c.yaml"}, {"x", "y"}},
        {{"streams/a.yaml", NULL}, {"x", NULL}},
        {{NULL, NULL}, {NULL, NULL}},
    };
    char hex[COUNT(sets)][HASH_HEX];
    for (size_t i = 0; i < COUNT(sets); i++) {
        char again[HASH_HEX];
        for (int turn = 0; turn < 2; turn++) {
            struct manifest_files files = {0};
            for (int n = 0; n < 2; n++)
                if (sets[i].path[n ^ turn])
                    add(&files, sets[i].path[n ^ turn], sets[i].text[n ^ turn]);
            manifest_files_sort(&files);
            manifest_files_hash(&files, turn == 0 ? hex[i] : again);
            manifest_files_free(&files);
        }
        cr_expect_str_eq(hex[i], again, "set %zu: in another order %s, not %s", i, again, hex[i]);
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(hex[i], hex[j], "sets %zu and %zu: both %s", i, j, hex[i]);
    }
}
