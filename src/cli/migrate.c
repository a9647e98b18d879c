/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli/commands.h"
#include "schema/migrate.h"

static struct err migrate(const struct config *config, struct manifest_current *current,
                          bool dry_run, struct migrate_report *report)
{
    struct manifest *set = manifest_current_get(current);
    struct stream_set shipped = manifest_shipped_streams(set);
    struct pg pg;
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = dry_run ? migrate_check(&pg, &shipped, report)
                    : migrate_apply(&pg, config->schema, &shipped, report);
    pg_close(&pg);
    manifest_release(set);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool dry_run = false;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {'n', "dry-run", NULL, "print the SQL that is missing; change nothing", NULL, &dry_run},
        {0}};
    int code;
    struct config config;
    struct manifest_current current = {0};
    struct migrate_report report = {0};
    if (cli_parse(&cli_migrate, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_migrate, "no arguments are taken");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    if (!err_is(&e))
        e = migrate(&config, &current, dry_run, &report);
    manifest_current_close(&current);
    if (dry_run && report.pending > 0)
        (void)fputs(buf_cstr(&report.sql), stdout);
    else if (report.pending > 0)
        (void)printf("Applied:\n%s", buf_cstr(&report.steps));
    if (!err_is(&e) && report.pending == 0)
        (void)puts("The database is at this version.");
    migrate_report_free(&report);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_migrate = {
    .name = "migrate",
    .arguments = "",
    .summary = "bring the database to this version, shipped streams included",
    .details = "Each migration runs in a transaction of its own, one process at a time, and is "
               "recorded with a\n"
               "checksum; a history that was edited, or that is newer than this program, is "
               "refused (78).\n\n"
               "  spoolgate migrate --database postgresql:///metrics --dry-run\n",
    .run = run,
};
