/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "daemon/control.h"
#include "spool/name.h"

static struct err require_gate(const struct spool *spool, const char *gate)
{
    int folder;
    if (strcmp(gate, SPOOL_DEFAULT_GATE) != 0 && !name_is_gate(gate))
        return err_make(ERR_USAGE, "`%s` can't be a gate's name", gate);
    struct err e = spool_open_gate(spool, gate, false, &folder);
    if (err_is(&e))
        return err_make(ERR_USAGE, "there is no gate `%s`: %s/incoming has no such folder", gate,
                        spool->path);
    (void)close(folder);
    return ERR_OK;
}

/* A hold is a file in the spool, so it works without a daemon and outlives one. */
static struct err set_hold(const struct spool *spool, const char *gate, bool hold)
{
    struct buf answer = {0};
    bool running;
    TRY(spool_hold(spool, gate, hold));
    struct err e = control_ask(spool, "rescan", &answer, &running);
    buf_free(&answer);
    if (err_is(&e))
        return e;
    (void)printf("gate %s is %s%s\n", gate, hold ? "held" : "released",
                 running ? "" : " (no daemon is running)");
    return ERR_OK;
}

static struct err open_now(const struct spool *spool, const char *gate)
{
    char request[SPOOL_GATE + 8];
    struct buf answer = {0};
    bool running;
    (void)snprintf(request, sizeof request, "open %s", gate);
    struct err e = control_ask(spool, request, &answer, &running);
    if (!err_is(&e) && !running)
        e = err_make(ERR_BUSY, "no daemon runs on %s; `spoolgate drain --force` loads what waits",
                     spool->path);
    if (!err_is(&e))
        e = control_check(buf_cstr(&answer));
    if (!err_is(&e))
        (void)printf("gate %s opens for what waits now\n", gate);
    buf_free(&answer);
    return e;
}

static struct err act(const struct config *config, const char *verb, const char *gate)
{
    struct cli_site site;
    TRY(cli_open_site(config, false, &site));
    struct err e = cli_require_gate(&site, gate);
    if (!err_is(&e))
        e = require_gate(&site.spool, gate);
    if (!err_is(&e) && strcmp(verb, "open") == 0)
        e = open_now(&site.spool, gate);
    else if (!err_is(&e))
        e = set_hold(&site.spool, gate, strcmp(verb, "hold") == 0);
    cli_close_site(&site);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    const struct cli_option options[] = {CLI_CONFIG(common), CLI_SPOOL(common), {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_gate, options, &argc, &argv, &code))
        return code;
    if (argc != 2 || (strcmp(argv[0], "hold") != 0 && strcmp(argv[0], "release") != 0 &&
                      strcmp(argv[0], "open") != 0))
        return cli_usage(&cli_gate, "hold, release or open, and a gate's name, are wanted");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = act(&config, argv[0], argv[1]);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_gate = {
    .name = "gate",
    .arguments = "hold|release|open NAME",
    .summary = "hold a gate shut, release it, or open it now",
    .details = "hold      no batch is claimed at this gate until it is released, across restarts;\n"
               "          segments go on waiting in incoming/\n"
               "release   ends a hold\n"
               "open      what waits becomes a batch now, whatever the thresholds say (needs the "
               "daemon)\n\n"
               "  spoolgate gate hold default\n",
    .run = run,
};
