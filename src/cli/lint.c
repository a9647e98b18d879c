/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "manifest/manifest.h"
#include "manifest/source.h"

/* A path that an editor or shell can open: inside the folder that was read; "" is that folder. */
static void put_path(struct buf *out, const char *dir, const char *file)
{
    if (*dir)
        buf_printf(out, "%s%s", dir, !*file || dir[strlen(dir) - 1] == '/' ? "" : "/");
    buf_str(out, file);
}

static void print_json(const struct yaml_diag *diag, const char *dir)
{
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_array(&j);
    for (size_t i = 0; i < diag->count; i++) {
        const struct yaml_finding *f = &diag->items[i];
        struct buf path = {0};
        put_path(&path, dir, f->file);
        jsonw_object(&j);
        jsonw_key(&j, "file");
        jsonw_str(&j, buf_cstr(&path));
        jsonw_key(&j, "line");
        jsonw_int(&j, f->place.line);
        jsonw_key(&j, "column");
        jsonw_int(&j, f->place.column);
        jsonw_key(&j, "severity");
        jsonw_str(&j, f->is_warning ? "warning" : "error");
        jsonw_key(&j, "message");
        jsonw_str(&j, f->message);
        jsonw_end(&j);
        buf_free(&path);
    }
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

static void print_count(size_t count, const char *what, const char *before)
{
    (void)printf("%s%zu %s%s", before, count, what, count == 1 ? "" : "s");
}

static size_t count_in(const struct manifest_files *files, const char *folder)
{
    size_t count = 0;
    size_t len = strlen(folder);
    for (size_t i = 0; i < files->count; i++) {
        const char *path = files->items[i].path;
        count += strncmp(path, folder, len) == 0 && path[len] == '/';
    }
    return count;
}

/* "3 streams, 1 gate, 0 sinks: fine" */
static void print_summary(const struct manifest_files *files, const struct yaml_diag *diag)
{
    size_t templates = count_in(files, MANIFEST_TEMPLATES);
    size_t warnings = 0;
    for (size_t i = 0; i < diag->count; i++)
        warnings += diag->items[i].is_warning;
    for (size_t kind = 0; kind < MANIFEST_KINDS; kind++) {
        size_t count = count_in(files, manifest_folders[kind]);
        if (count > 0 || kind != MANIFEST_EMBEDDER) /* most have none: the shipped one does */
            print_count(count, manifest_kind_names[kind], kind > 0 ? ", " : "");
    }
    if (templates > 0)
        print_count(templates, "template", ", ");
    (void)fputs(diag->count == 0 ? ": fine" : ": ", stdout);
    if (diag->errors > 0)
        print_count(diag->errors, "error", "");
    if (warnings > 0)
        print_count(warnings, "warning", diag->errors > 0 ? ", " : "");
    if (diag->errors + warnings > diag->count)
        (void)printf("; %d are shown", YAML_FINDINGS_MAX);
    (void)putchar('\n');
}

static void print_text(const struct manifest_files *files, const struct yaml_diag *diag,
                       const char *dir)
{
    for (size_t i = 0; i < diag->count; i++) {
        const struct yaml_finding *f = &diag->items[i];
        struct buf line = {0};
        put_path(&line, dir, f->file);
        if (f->place.line > 0)
            buf_printf(&line, ":%d:%d", f->place.line, f->place.column);
        (void)printf("%s: %s: %s\n", buf_cstr(&line), f->is_warning ? "warning" : "error",
                     f->message);
        buf_free(&line);
    }
    print_summary(files, diag);
}

/* The folder that is named, else what is configured. *dir: where the files are; "" for those of a
 * repository, and where it isn't known. */
static struct err read_files(const struct cli_common *common, const char *operand,
                             struct manifest_files *files, struct yaml_diag *diag, char **dir)
{
    struct config config = {0};
    struct manifest_origin origin = {0};
    if (operand) { /* needs no configuration, and so works anywhere */
        *dir = mem_strdup(operand);
        return manifest_read_dir(operand, files, diag);
    }
    struct err e = cli_config(common, &config);
    if (!err_is(&e) && !*config.manifests.dir && !*config.manifests.repo)
        e = err_make(ERR_CONFIG, "no manifests are configured; name their folder: "
                                 "spoolgate lint DIR");
    *dir = mem_strdup(err_is(&e) ? "" : config.manifests.dir);
    if (!err_is(&e))
        e = manifest_read(&config, files, &origin, diag);
    manifest_origin_free(&origin);
    config_free(&config);
    return e;
}

static int lint(const struct cli_common *common, const char *operand, bool json)
{
    struct manifest_files files = {0};
    struct yaml_diag diag = {0};
    char *dir = NULL;
    struct err e = read_files(common, operand, &files, &diag, &dir);
    bool is_read = !err_is(&e);
    if (!is_read) {
        yaml_diag_error(&diag, "", (struct yaml_place){0}, "%s", e.text);
        yaml_diag_sort(&diag);
    } else {
        manifest_release(manifest_build(&files, &diag));
        if (diag.errors > 0)
            e = err_make(ERR_CONFIG, "the manifests have errors");
    }
    if (json)
        print_json(&diag, dir);
    else if (is_read || *dir)
        print_text(&files, &diag, dir);
    else /* it is the configuration's or a repository's, and no file's */
        (void)cli_fail(&e);
    int code = cli_finish(err_exit_code(&e));
    free(dir);
    yaml_diag_free(&diag);
    manifest_files_free(&files);
    return code;
}

static int print_schema(const char *name)
{
    struct buf text = {0};
    size_t kind = 0;
    while (kind < MANIFEST_KINDS && strcmp(manifest_kind_names[kind], name) != 0)
        kind++;
    if (kind == MANIFEST_KINDS)
        return cli_usage(&cli_lint, "--schema is of stream, gate, sink or embedder");
    manifest_schema((enum manifest_kind)kind, &text);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
    return cli_finish(0);
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool json = false;
    const char *schema = NULL;
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_MANIFESTS(common),
        CLI_JSON(json),
        {0, "schema", "KIND", "print the JSON Schema of stream, gate, sink or embedder files",
         &schema, NULL},
        {0}};
    int code;
    if (cli_parse(&cli_lint, options, &argc, &argv, &code))
        return code;
    if (argc > 1 || (schema && argc > 0))
        return cli_usage(&cli_lint, schema ? "--schema takes no folder" : "one folder at most");
    return schema ? print_schema(schema) : lint(&common, argc == 1 ? argv[0] : NULL, json);
}

const struct cli_command cli_lint = {
    .name = "lint",
    .arguments = "[DIR]",
    .summary = "check manifests: streams, gates, sinks with their templates, embedders",
    .details =
        "DIR holds streams/, gates/, sinks/, embedders/ and templates/; left out, it is the\n"
        "configured `manifests`.\n"
        "All errors of all files are told, each with its file, line and column. Each template is\n"
        "rendered with examples of the events that its sinks want. Touches no database.\n"
        "Exits 78 when there are errors; warnings alone are fine. The keys are in "
        "docs/MANIFESTS.md.\n\n"
        "  spoolgate lint manifests\n"
        "  spoolgate lint --schema stream > stream.schema.json\n",
    .run = run,
};
