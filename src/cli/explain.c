/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "db/queries.h"
#include "manifest/manifest.h"

/* The row of db/queries/manifest_of_batch.sql. */
enum { ID, TAG, GATE, STATUS, FINISHED, VERSION, TABLES, REV, SOURCE, FILES, RECORDED };

static const char *field(const PGresult *row, int column)
{
    return PQgetisnull(row, 0, column) ? NULL : PQgetvalue(row, 0, column);
}

static struct err find(struct pg *pg, const char *batch, PGresult **row)
{
    TRY(pg_query(pg, sql_manifest_of_batch, PG_PARAMS(batch), row));
    int found = PQntuples(*row);
    if (found == 1)
        return ERR_OK;
    PQclear(*row);
    *row = NULL;
    return err_make(ERR_USAGE,
                    found > 1 ? "more than one batch begins with `%s`"
                              : "no receipt of a batch `%s`; see `spoolgate receipt list`",
                    batch);
}

static void print_json(const PGresult *row)
{
    static const struct {
        const char *key;
        int column;
        bool is_json;
    } keys[] = {{"batch_id", ID, false},
                {"batch_tag", TAG, false},
                {"gate", GATE, false},
                {"status", STATUS, false},
                {"finished_at", FINISHED, false},
                {"version", VERSION, false},
                {"tables", TABLES, true},
                {"manifest_rev", REV, false},
                {"source", SOURCE, false},
                {"recorded_at", RECORDED, false},
                {"files", FILES, true}};
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_object(&j);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        jsonw_key(&j, keys[i].key);
        if (keys[i].is_json)
            jsonw_raw(&j, field(row, keys[i].column));
        else
            jsonw_str(&j, field(row, keys[i].column));
    }
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

/* The files of the set as they were, checked anew: which of them is which stream's. NULL where this
 * program no longer takes them. */
static struct manifest *rebuild(const json_t *files)
{
    struct manifest_files all = {0};
    struct yaml_diag diag = {0};
    size_t i;
    const json_t *file;
    json_array_foreach(files, i, file)
    {
        const char *text = json_string_value(json_object_get(file, "text"));
        const char *path = json_string_value(json_object_get(file, "path"));
        if (text && path)
            manifest_files_add(&all, path, mem_strdup(text), strlen(text));
    }
    struct manifest *m = manifest_build(&all, &diag);
    manifest_files_free(&all);
    yaml_diag_free(&diag);
    return m;
}

/* Did the file say how this batch was loaded: its gate, or the stream of a table that got rows? */
static bool is_used(const struct manifest *m, const char *path, const char *gate,
                    const json_t *tables)
{
    char label[STREAM_LABEL];
    for (size_t i = 0; i < m->streams.count; i++) {
        const struct stream *s = &m->streams.streams[i];
        if (s->file && strcmp(s->file, path) == 0 &&
            json_object_get(tables, stream_label(s, label)))
            return true;
    }
    for (size_t i = 0; i < m->gate_count; i++)
        if (strcmp(m->gates[i].file, path) == 0 && strcmp(m->gates[i].name, gate) == 0)
            return true;
    return false;
}

static void print_files(const PGresult *row, bool all)
{
    json_t *files = json_loads(field(row, FILES), 0, NULL);
    json_t *tables = json_loads(field(row, TABLES), 0, NULL);
    struct manifest *m = rebuild(files);
    size_t others = 0;
    size_t i;
    const json_t *file;
    json_array_foreach(files, i, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));
        const char *text = json_string_value(json_object_get(file, "text"));
        if (!all && m && !is_used(m, path, field(row, GATE), tables)) {
            others++;
            continue;
        }
        (void)printf("\n--- %s\n%s", path, text);
    }
    if (others > 0)
        (void)printf("\n%zu other file%s of the set had no part in it; --all shows them\n", others,
                     others == 1 ? "" : "s");
    manifest_release(m);
    json_decref(files);
    json_decref(tables);
}

static void print_text(const PGresult *row, bool all)
{
    const char *finished = field(row, FINISHED);
    (void)printf("batch     %s  %s\n", field(row, ID), field(row, TAG));
    (void)printf("status    %s%s%s\n", field(row, STATUS), finished ? ", " : "",
                 finished ? finished : "");
    (void)printf("rows      %s\n", field(row, TABLES));
    (void)printf("by        spoolgate %s\n", field(row, VERSION));
    (void)printf("manifests %s\n", field(row, REV) ? field(row, REV) : "not known");
    if (!field(row, FILES)) {
        (void)puts("          the shipped streams alone");
        return;
    }
    (void)printf("from      %s\n", field(row, SOURCE));
    print_files(row, all);
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool all = false;
    bool json = false;
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_DATABASE(common),
        {'a', "all", NULL, "also the files that had no part in it", NULL, &all},
        CLI_JSON(json),
        {0}};
    int code;
    struct config config;
    struct pg pg;
    PGresult *row = NULL;
    if (cli_parse(&cli_explain, options, &argc, &argv, &code))
        return code;
    if (argc != 1)
        return cli_usage(&cli_explain, "one batch is wanted");
    pg_init(&pg);
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = cli_connect(&config, &pg);
    if (!err_is(&e))
        e = find(&pg, argv[0], &row);
    if (!err_is(&e) && json)
        print_json(row);
    else if (!err_is(&e))
        print_text(row, all);
    PQclear(row);
    pg_close(&pg);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_explain = {
    .name = "explain",
    .arguments = "BATCH",
    .summary = "which manifests, at which commit, loaded a batch",
    .details = "BATCH is an id, a tag, or the beginning of an id. The declarations are printed as "
               "they were\nwhen the batch was loaded, also when the repository is gone since.\n\n"
               "  spoolgate explain default-20261121T015701Z-3f9c\n"
               "  spoolgate explain 0193a1b2 --json | jq -r .manifest_rev\n",
    .run = run,
};
