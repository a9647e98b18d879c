/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli/commands.h"
#include "schema/knowledge.h"
#include "schema/migrate.h"

static struct err migrate_knowledge(struct pg *pg, const struct knowledge_wish *wish, bool dry_run,
                                    struct migrate_report *report)
{
    return dry_run ? knowledge_check(pg, wish, report) : knowledge_apply(pg, wish, report);
}

static struct err migrate(const struct config *config, struct manifest_current *current,
                          const struct knowledge_wish *wish, bool dry_run,
                          struct migrate_report *report)
{
    struct manifest *set = manifest_current_get(current);
    struct stream_set shipped = manifest_shipped_streams(set);
    struct pg pg;
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = dry_run ? migrate_check(&pg, &shipped, report)
                    : migrate_apply(&pg, config->schema, &shipped, report);
    if (!err_is(&e) && config->knowledge.is_on)
        e = migrate_knowledge(&pg, wish, dry_run, report);
    pg_close(&pg);
    manifest_release(set);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool dry_run = false;
    const char *embedding = NULL;
    struct knowledge_wish wish = {0};
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "embedding", "TYPE:N", "the knowledge base's vectors: auto, vector, halfvec or real",
         &embedding, NULL},
        {0, "discard-vectors", NULL,
         "drop the vectors that are there, of whatever length and model", NULL, &wish.discards},
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
    if (embedding) {
        struct err wrong = knowledge_parse(embedding, &wish);
        if (err_is(&wrong))
            return cli_usage(&cli_migrate, wrong.text);
    }
    struct err e = cli_config(&common, &config);
    if (!err_is(&e) && (embedding || wish.discards) && !config.knowledge.is_on)
        e = err_make(ERR_CONFIG, "knowledge.enabled is false: there are no vectors to be changed");
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    if (!err_is(&e))
        e = migrate(&config, &current, &wish, dry_run, &report);
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
    .details =
        "Each migration runs in a transaction of its own, one process at a time, and is "
        "recorded with a\n"
        "checksum; a history that was edited, or that is newer than this program, is "
        "refused (78).\n\n"
        "With knowledge.enabled, the knowledge base, too (docs/KNOWLEDGE.md): tables that are "
        "there are\n"
        "adopted, and the role must be allowed to CREATE in the database. --embedding says what "
        "vectors\n"
        "it has, as vector:768; those that are there are converted, or, where their length is "
        "another,\n"
        "refused: --discard-vectors drops them, and `spoolgate embed --again missing` makes new "
        "ones.\n\n"
        "  spoolgate migrate --database postgresql:///metrics --dry-run\n",
    .run = run,
};
