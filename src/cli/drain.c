/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "base/jsonw.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "daemon/drain.h"

static void print_json(const struct drain_result *r)
{
    const struct {
        const char *key;
        uint64_t value;
    } fields[] = {{"batches", r->batches},
                  {"segments", r->segments},
                  {"segments_failed", r->segments_failed},
                  {"rows_loaded", r->rows},
                  {"frames_rejected", r->rejected},
                  {"frames_skipped", r->skipped},
                  {"segments_left", r->left},
                  {"events_delivered", r->delivered},
                  {"events_failed", r->undelivered},
                  {"chunks_embedded", r->embedded},
                  {"chunks_failed", r->unembedded},
                  {"documents_completed", r->documents}};
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_object(&j);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        jsonw_key(&j, fields[i].key);
        jsonw_int(&j, (int64_t)fields[i].value);
    }
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

static void print_text(const struct drain_result *r)
{
    char a[STR_MANY];
    char b[STR_MANY];
    char c[STR_MANY];
    (void)printf("%s, %s (%" PRIu64 " failed), %s, %" PRIu64 " rejected, %" PRIu64 " skipped",
                 str_many(r->batches, "batch", a), str_many(r->segments, "segment", b),
                 r->segments_failed, str_many(r->rows, "row", c), r->rejected, r->skipped);
    if (r->left > 0)
        (void)printf("; %s wait%s on: not due, not settled or held",
                     str_many(r->left, "segment", a), r->left == 1 ? "s" : "");
    if (r->delivered > 0 || r->undelivered > 0)
        (void)printf("; %s delivered, %s failed", str_many(r->delivered, "event", a),
                     str_many(r->undelivered, "attempt", b));
    if (r->embedded > 0 || r->unembedded > 0)
        (void)printf("; %s embedded, %" PRIu64 " failed, %s complete",
                     str_many(r->embedded, "chunk", a), r->unembedded,
                     str_many(r->documents, "document", b));
    (void)putchar('\n');
}

static void show_progress(void *context, const struct drain_result *r)
{
    struct progress *p = context;
    char batches[STR_MANY];
    char rows[STR_MANY];
    char rate[STR_MANY];
    char text[256];
    if (!progress_is_due(p))
        return;
    int len =
        snprintf(text, sizeof text, "%s  %s  %s rows/s", str_many(r->batches, "batch", batches),
                 str_many(r->rows, "row", rows), str_count(progress_rate(p, r->rows), rate));
    if (r->embedded > 0)
        (void)snprintf(text + len, sizeof text - (size_t)len, "  %s embedded",
                       str_many(r->embedded, "chunk", rows));
    progress_show(p, 0, 0, text);
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool force = false;
    bool strict = false;
    bool json = false;
    const char *loaders = NULL;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "force", NULL, "load everything that waits, due or not", NULL, &force},
        {0, "loaders", "N", "batches loaded at once (key `loaders`)", &loaders, NULL},
        {0, "strict", NULL, "exit 65 when frames were rejected or segments failed", NULL, &strict},
        CLI_JSON(json),
        {0}};
    int code;
    struct config config;
    struct manifest_current current = {0};
    struct drain_result result = {0};
    struct progress progress;
    const struct drain_watch watch = {show_progress, &progress};
    if (cli_parse(&cli_drain, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_drain, "no arguments are taken");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e) && loaders)
        e = config_set(&config, "loaders", loaders);
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    if (!err_is(&e)) {
        progress_open(&progress, "draining");
        e = drain_run(&config, &current, force, &watch, &result);
        progress_close(&progress);
        if (json)
            print_json(&result);
        else
            print_text(&result);
    }
    manifest_current_close(&current);
    config_free(&config);
    if (err_is(&e))
        return cli_fail(&e);
    return cli_finish(strict && (result.rejected > 0 || result.segments_failed > 0) ? 65 : 0);
}

const struct cli_command cli_drain = {
    .name = "drain",
    .arguments = "",
    .summary = "one pass and exit: load and deliver what is due (for timers and scripts)",
    .details =
        "Takes up what a crash left in processing/, loads the gates that are due, delivers "
        "the events\n"
        "that are due, and ends when nothing is due any more. A segment that changed in the "
        "last 2 s\n"
        "counts as still being written: a plain drain leaves it to the next pass, --force "
        "waits for it.\n"
        "Rejected frames and failed segments are recorded, and no failure of the pass unless "
        "--strict;\n"
        "an event that a listener didn't take waits for its next attempt.\n\n"
        "  spoolgate drain --force --json\n",
    .run = run,
};
