/* SPDX-License-Identifier: MIT */
#include "cli/words.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/commands.h"
#include "spool/scan.h"

enum { ARCHIVED_MOST = 100, ARCHIVED_DAYS = 31 };

struct sources {
    const struct config *config;
    const struct manifest *set;
    const struct spool *spool;
};

/* Declared or configured ones, and folders that have none but their own name. Some come twice. */
static struct err print_gates(const struct sources *from)
{
    struct scan_rules rules = {.now_us = time_now()};
    char **folders = NULL;
    size_t count = 0;
    (void)puts(SPOOL_DEFAULT_GATE);
    for (size_t i = 0; i < from->config->gate_count; i++)
        (void)puts(from->config->gates[i].name);
    for (size_t i = 0; i < from->set->gate_count; i++)
        (void)puts(from->set->gates[i].name);
    struct err e = scan_gate_folders(from->spool, &rules, &folders, &count);
    for (size_t i = 0; i < count; i++) {
        (void)puts(folders[i]);
        free(folders[i]);
    }
    free(folders);
    return e;
}

static struct err print_sinks(const struct sources *from)
{
    for (size_t i = 0; i < from->set->sink_count; i++)
        (void)puts(from->set->sinks[i].name);
    return ERR_OK;
}

static struct err print_embedders(const struct sources *from)
{
    for (size_t i = 0; i < from->set->embedder_count; i++)
        (void)puts(from->set->embedders[i].name);
    return ERR_OK;
}

static struct err print_folder(int folder)
{
    struct uuid *ids = NULL;
    size_t count = 0;
    char id[UUID_TEXT];
    TRY(scan_batches(folder, &ids, &count));
    for (size_t i = 0; i < count; i++)
        (void)puts(uuid_format(&ids[i], id));
    free(ids);
    return ERR_OK;
}

static struct err print_batches(const struct sources *from)
{
    TRY(print_folder(from->spool->processing));
    return print_folder(from->spool->failed);
}

/* Loaded ones, the newest: of the last days, as far as there is an archive. */
static struct err print_archived(const struct sources *from)
{
    int64_t today = time_day(time_now());
    size_t left = ARCHIVED_MOST;
    struct err e = ERR_OK;
    for (int64_t day = today; day > today - ARCHIVED_DAYS && left > 0 && !err_is(&e); day--) {
        struct time_date d = time_date_of_day(day);
        struct uuid *ids = NULL;
        size_t count = 0;
        char path[32];
        char id[UUID_TEXT];
        (void)snprintf(path, sizeof path, "%04d/%02d/%02d", d.year, d.month, d.day);
        int folder = openat(from->spool->archive, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
            continue;
        e = scan_batches(folder, &ids, &count);
        (void)close(folder);
        for (; count > 0 && left > 0; left--)
            (void)puts(uuid_format(&ids[--count], id));
        free(ids);
    }
    return e;
}

typedef struct err (*printer)(const struct sources *from);

static printer find_printer(const char *kind, bool *needs_spool)
{
    static const struct {
        const char *kind;
        printer print;
        bool needs_spool;
    } kinds[] = {{"gates", print_gates, true},
                 {"sinks", print_sinks, false},
                 {"embedders", print_embedders, false},
                 {"batches", print_batches, true},
                 {"archived", print_archived, true}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        *needs_spool = kinds[i].needs_spool;
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].print;
    }
    return NULL;
}

static struct err print_words(const struct config *config, printer print, bool needs_spool)
{
    struct manifest_current current;
    struct spool spool;
    struct err e = cli_manifests(config, &current);
    if (!err_is(&e) && needs_spool)
        e = spool_open(&spool, config->spool, false);
    if (!err_is(&e)) {
        struct manifest *set = manifest_current_get(&current);
        if (needs_spool)
            spool.names = manifest_current_names(&current);
        e = print(&(struct sources){config, set, &spool});
        if (needs_spool)
            spool_close(&spool);
        manifest_release(set);
    }
    manifest_current_close(&current);
    return e;
}

int words_print(int argc, char **argv)
{
    struct cli_common common = {0};
    const struct cli_option options[] = {
        CLI_CONFIG(common), CLI_SPOOL(common), CLI_MANIFESTS(common), {0}};
    bool needs_spool;
    int code;
    struct config config;
    printer print = find_printer(argv[0], &needs_spool);
    if (cli_parse(&cli_help, options, &argc, &argv, &code))
        return code;
    if (!print || argc > 0)
        return cli_usage(&cli_help, "--words is of gates, sinks, embedders, batches or archived");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = print_words(&config, print, needs_spool);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}
