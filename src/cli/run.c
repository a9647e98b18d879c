/* SPDX-License-Identifier: MIT */
#include "cli/commands.h"
#include "daemon/daemon.h"

struct request {
    struct cli_common common;
    const char *loaders;
};

static struct err read_config(void *context, struct config *config)
{
    struct request *r = context;
    TRY(cli_read_config(&r->common, config));
    return r->loaders ? config_set(config, "loaders", r->loaders) : ERR_OK;
}

static int run(int argc, char **argv)
{
    struct request r = {0};
    bool migrate = false;
    const struct cli_option options[] = {
        CLI_COMMON(r.common),
        {0, "loaders", "N", "batches loaded at once (key `loaders`)", &r.loaders, NULL},
        {0, "migrate", NULL, "bring the database to this version first", NULL, &migrate},
        {0}};
    int code;
    struct config config;
    struct manifest_current current = {0};
    if (cli_parse(&cli_run, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_run, "no arguments are taken");
    r.common.config = cli_find_config(&r.common); /* a reload reads the same one */
    struct err e = cli_config(&r.common, &config);
    if (!err_is(&e) && r.loaders)
        e = config_set(&config, "loaders", r.loaders);
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    current.read_config = read_config;
    current.context = &r;
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
        "hand, or leaves it for the next start, within 10 s; SIGHUP reads configuration and\n"
        "manifests anew and scans at once (see `spoolgate reload`). Under systemd it tells when "
        "it\n"
        "is ready, how it is, and that it makes progress (Type=notify, WatchdogSec).\n\n"
        "  spoolgate run --spool /var/spool/spoolgate --database postgresql:///metrics --migrate\n",
    .run = run,
};
