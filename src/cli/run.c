/* SPDX-License-Identifier: MIT */
#include "cli/commands.h"
#include "daemon/daemon.h"

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    const char *loaders = NULL;
    bool migrate = false;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "loaders", "N", "batches loaded at once (key `loaders`)", &loaders, NULL},
        {0, "migrate", NULL, "bring the database to this version first", NULL, &migrate},
        {0}};
    int code;
    struct config config;
    struct manifest_current current = {0};
    if (cli_parse(&cli_run, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_run, "no arguments are taken");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e) && loaders)
        e = config_set(&config, "loaders", loaders);
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    if (!err_is(&e))
        e = daemon_run(&config, &current, migrate);
    manifest_current_close(&current);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : 0;
}

const struct cli_command cli_run = {
    .name = "run",
    .arguments = "",
    .summary = "watch the spool and load what arrives (the daemon)",
    .details =
        "Stays in the foreground and logs to stderr. Segments dropped into SPOOL/incoming become "
        "rows;\n"
        "each batch leaves a receipt in ingestion_manifest. SIGTERM or Ctrl-C finishes the batch "
        "in\n"
        "hand, or leaves it for the next start, within 10 s; SIGHUP reads the"
        " manifests anew and scans at once.\n\n"
        "  spoolgate run --spool /var/spool/spoolgate --database postgresql:///metrics --migrate\n",
    .run = run,
};
