/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/show.h"
#include "db/queries.h"
#include "spool/claim.h"
#include "status/rows.h"

#define REJECTS_SHOWN "10"
enum { FILES_SHOWN = 10 };

static void print_list(const json_t *rows)
{
    size_t i;
    json_t *m;
    int64_t now = time_now();
    if (json_array_size(rows) == 0) {
        (void)puts("No receipts yet.");
        return;
    }
    (void)printf("%-36s %-7s %9s %12s %8s %8s %8s  %s\n", "BATCH", "STATUS", "SEGMENTS", "ROWS",
                 "REJECTED", "SKIPPED", "TOOK", "OPENED");
    json_array_foreach(rows, i, m)
    {
        char tag[SHOW_CELL];
        char n[4][STR_HUMAN];
        char took[STR_HUMAN];
        char age[STR_HUMAN];
        int64_t end = show_time(m, "finished_at");
        int64_t opened = show_time(m, "opened_at");
        (void)printf("%s %-7s %9s %12s %8s %8s %8s  %s ago\n",
                     show_cell(show_str(m, "batch_tag"), 36, tag), show_str(m, "status"),
                     show_count(m, "file_count", n[0]), show_count(m, "rows_loaded", n[1]),
                     show_count(m, "frames_rejected", n[2]), show_count(m, "frames_skipped", n[3]),
                     end == INT64_MIN ? "-" : str_duration(end - opened, took),
                     show_age(m, "opened_at", now, age));
    }
}

static void print_files(const json_t *m)
{
    const json_t *files = json_object_get(m, "files");
    size_t i;
    json_t *f;
    char n[STR_MANY];
    json_array_foreach(files, i, f)
    {
        if (i == FILES_SHOWN) {
            (void)printf("    ... and %s more (--json lists them)\n",
                         str_count(json_array_size(files) - FILES_SHOWN, n));
            break;
        }
        if (*show_str(f, "failed"))
            (void)printf("    %s  FAILED: %s\n", show_str(f, "name"), show_str(f, "failed"));
        else if (*show_str(f, "duplicate_of"))
            (void)printf("    %s  duplicate of batch %s\n", show_str(f, "name"),
                         show_str(f, "duplicate_of"));
        else
            (void)printf("    %s  %s, %" PRId64 " rejected\n", show_str(f, "name"),
                         str_many((uint64_t)show_int(f, "frames"), "frame", n),
                         show_int(f, "rejected"));
    }
}

static void print_place(const json_t *m)
{
    struct uuid id;
    char path[64 + UUID_TEXT];
    const char *status = show_str(m, "status");
    if (!uuid_parse(show_str(m, "batch_id"), &id))
        return;
    if (strcmp(status, "done") == 0) {
        claim_archive_path(&id, path);
        (void)printf("  segments    SPOOL/%s\n", path);
    } else if (strcmp(status, "failed") != 0) {
        (void)printf("  segments    SPOOL/processing/%s\n", show_str(m, "batch_id"));
    }
    if (show_int(m, "segments_failed") > 0 || show_int(m, "frames_rejected") > 0)
        (void)printf("  failed      SPOOL/failed/%s\n", show_str(m, "batch_id"));
}

static void print_rejects(const json_t *rejects, int64_t total)
{
    char n[2][STR_HUMAN];
    size_t shown = json_array_size(rejects);
    size_t i;
    json_t *r;
    if (shown > 0 && (int64_t)shown < total)
        (void)printf("  rejects     the first %s of %s\n", str_count(shown, n[0]),
                     str_count((uint64_t)total, n[1]));
    else if (shown > 0)
        (void)printf("  rejects     %s\n", str_count(shown, n[0]));
    json_array_foreach(rejects, i, r)
    {
        const char *column = show_str(r, "column_name");
        const char *sqlstate = show_str(r, "sqlstate");
        (void)printf("    %s frame %" PRId64 " at byte %" PRId64 "%s%s: %s%s%s%s\n",
                     show_str(r, "segment"), show_int(r, "frame_index"), show_int(r, "byte_offset"),
                     *column ? ", " : "", column, show_str(r, "reason"),
                     *sqlstate ? " (SQLSTATE " : "", sqlstate, *sqlstate ? ")" : "");
    }
}

static void print_receipt(const json_t *m, const json_t *rejects)
{
    char n[6][STR_HUMAN];
    char many[STR_MANY];
    const char *table;
    json_t *rows;
    (void)printf("%s  %s\n", show_str(m, "batch_tag"), show_str(m, "status"));
    (void)printf("  batch       %s\n", show_str(m, "batch_id"));
    (void)printf("  gate        %s: %s\n", show_str(m, "gate"), show_str(m, "reason"));
    (void)printf("  opened      %s by %s, attempt %" PRId64 "\n", show_str(m, "opened_at"),
                 show_str(m, "host"), show_int(m, "attempts"));
    if (*show_str(m, "finished_at"))
        (void)printf("  finished    %s, after %s\n", show_str(m, "finished_at"),
                     str_duration(show_time(m, "finished_at") - show_time(m, "opened_at"), n[0]));
    (void)printf("  frames      %s = %s loaded + %s rejected + %s skipped\n",
                 show_count(m, "frames_total", n[0]), show_count(m, "rows_loaded", n[1]),
                 show_count(m, "frames_rejected", n[2]), show_count(m, "frames_skipped", n[3]));
    (void)printf("  bytes       %s on disk, %s raw\n",
                 str_size((uint64_t)show_int(m, "bytes_total"), n[4]),
                 str_size((uint64_t)show_int(m, "bytes_raw"), n[5]));
    json_object_foreach(json_object_get(m, "tables"), table, rows)(void) printf(
        "  table       %s: %s\n", table, str_many((uint64_t)json_integer_value(rows), "row", many));
    if (*show_str(m, "ts_min"))
        (void)printf("  times       %s to %s\n", show_str(m, "ts_min"), show_str(m, "ts_max"));
    if (*show_str(m, "manifest_rev"))
        (void)printf("  manifests   %s\n", show_str(m, "manifest_rev"));
    if (*show_str(m, "error"))
        (void)printf("  error       %s\n", show_str(m, "error"));
    print_place(m);
    (void)printf("  files       %s, %" PRId64 " failed\n", show_count(m, "file_count", n[0]),
                 show_int(m, "segments_failed"));
    print_files(m);
    print_rejects(rejects, show_int(m, "frames_rejected"));
}

static struct err list(struct pg *pg, const char *limit, const char *gate, bool json)
{
    json_t *rows;
    TRY(rows_query(pg, sql_receipt_list, PG_PARAMS(limit, gate, NULL), &rows));
    if (json)
        show_json(rows);
    else
        print_list(rows);
    json_decref(rows);
    return ERR_OK;
}

static struct err show_one(struct pg *pg, const char *batch, bool json)
{
    json_t *m;
    json_t *rejects;
    TRY(find_receipt(pg, batch, &m));
    struct err e = rows_query(pg, sql_reject_list,
                              PG_PARAMS(show_str(m, "batch_id"), REJECTS_SHOWN), &rejects);
    if (!err_is(&e)) {
        if (json) {
            (void)json_object_set(m, "rejects", rejects);
            show_json(m);
        } else {
            print_receipt(m, rejects);
        }
        json_decref(rejects);
    }
    json_decref(m);
    return e;
}

static void print_fates(const json_t *rows)
{
    size_t i;
    json_t *f;
    json_array_foreach(rows, i, f)
    {
        (void)printf("%s  %s", show_str(f, "name"), show_str(f, "fate"));
        if (*show_str(f, "reason"))
            (void)printf(": %s", show_str(f, "reason"));
        if (*show_str(f, "duplicate_of"))
            (void)printf(" of batch %s", show_str(f, "duplicate_of"));
        (void)printf("\n    batch %s at %s\n", show_str(f, "batch_id"), show_str(f, "at"));
    }
}

static struct err find_file(struct pg *pg, const char *file, bool json)
{
    struct buf encoded = {0};
    json_t *rows;
    /* A name as `ls` shows it, or percent-encoded as receipts do: both lead there. */
    str_percent_encode(&encoded, file);
    bool is_text = utf8_check((const uint8_t *)file, strlen(file)) == strlen(file);
    struct err e = rows_query(pg, sql_segment_find,
                              PG_PARAMS(is_text ? file : "", "20", buf_cstr(&encoded)), &rows);
    buf_free(&encoded);
    if (err_is(&e))
        return e;
    if (json)
        show_json(rows);
    else if (json_array_size(rows) == 0)
        (void)puts("No batch has seen that segment.");
    else
        print_fates(rows);
    json_decref(rows);
    return ERR_OK;
}

struct request {
    const char *file, *gate, *limit;
    bool json;
};

static struct err act(const struct config *config, const struct request *r, int argc, char **argv)
{
    struct pg pg;
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e)) {
        if (r->file)
            e = find_file(&pg, r->file, r->json);
        else if (argc == 1)
            e = list(&pg, r->limit, r->gate, r->json);
        else
            e = show_one(&pg, argv[1], r->json);
    }
    pg_close(&pg);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request r = {.limit = "20"};
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "file", "NAME", "find a segment's fate by its name or sha256", &r.file, NULL},
        {'g', "gate", "NAME", "list: only this gate's", &r.gate, NULL},
        {'n', "limit", "N", "list: how many; default 20", &r.limit, NULL},
        CLI_JSON(r.json),
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_receipt, options, &argc, &argv, &code))
        return code;
    bool is_list = argc == 1 && strcmp(argv[0], "list") == 0;
    bool is_show = argc >= 1 && strcmp(argv[0], "show") == 0 && argc == (r.file ? 1 : 2);
    if (!is_list && !is_show)
        return cli_usage(&cli_receipt, "`list`, `show BATCH` or `show --file NAME` is wanted");
    if (!cli_is_number(r.limit))
        return cli_usage(&cli_receipt, "--limit wants a number");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = act(&config, &r, argc, argv);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_receipt = {
    .name = "receipt",
    .arguments = "list | show BATCH | show --file NAME",
    .summary = "what each batch did: list them, or show one",
    .details = "BATCH is a batch id, the first characters of one (8 or more), or a tag.\n\n"
               "  spoolgate receipt list\n"
               "  spoolgate receipt show default-20261121T015701Z-3f9c\n"
               "  spoolgate receipt show --file a.msgpack.zst\n",
    .run = run,
};
