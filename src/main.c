/* SPDX-License-Identifier: MIT */
/* The table of subcommands, and the way into them. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/version.h"
#include "cli/commands.h"

const struct cli_command *const cli_commands[] = {
    &cli_run,  &cli_drain, &cli_put,      &cli_inspect, &cli_status,  &cli_receipt,
    &cli_gate, &cli_retry, &cli_park,     &cli_doctor,  &cli_migrate, &cli_lint,
    &cli_plan, &cli_apply, &cli_maintain, &cli_explain, &cli_reload,  &cli_sink,
    &cli_dlq,  &cli_index, &cli_embed,    &cli_search,  &cli_help,    NULL,
};

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const struct cli_command *best = NULL;
    unsigned distance = 4;
    for (size_t i = 0; cli_commands[i]; i++) {
        unsigned d = str_distance(name, cli_commands[i]->name);
        if (d < distance) {
            distance = d;
            best = cli_commands[i];
        }
    }
    struct err e =
        best ? err_make(ERR_USAGE, "unknown command `%s`; did you mean `%s`?", name, best->name)
             : err_make(ERR_USAGE, "unknown command `%s`; see `spoolgate help`", name);
    return cli_fail(&e);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)cli_help.run(1, (char *[]){"help", NULL});
        return 64;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        (void)puts("spoolgate " SPOOLGATE_VERSION);
        return cli_finish(0);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    const struct cli_command *command = find_command(name);
    return command ? command->run(argc - 1, argv + 1) : unknown_command(name);
}
