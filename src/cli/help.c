/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/commands.h"

static void print_commands(void)
{
    (void)puts("spoolgate " SPOOLGATE_VERSION ": drop a file, get rows\n\n"
               "Usage: spoolgate COMMAND [OPTIONS] [ARGUMENTS]\n");
    for (size_t i = 0; cli_commands[i]; i++)
        (void)printf("  %-9s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    (void)puts(
        "\nEach command explains itself: spoolgate COMMAND --help\n"
        "Configuration keys: spoolgate help config\n\n"
        "Exit codes: 0 fine, 1 doctor has findings, 2 plan or apply has differences, 64 usage, 65 "
        "data,\n"
        "69 database or listener unavailable, 73 can't create, 75 try again (another process has "
        "the "
        "spool),\n"
        "76 refused by a listener (sink test), 78 configuration");
}

static void print_config(void)
{
    (void)puts("Keys of spoolgate.yaml (a dot is a level of the file; * is a gate's name):\n");
    for (const struct config_key *k = config_keys; k->path; k++) {
        (void)printf("  %s: %s\n      %s", k->path, *k->fallback ? k->fallback : "\"\"", k->help);
        if (k->environment)
            (void)printf(" [%s]", k->environment);
        if (k->at_start)
            (void)fputs(" (at the next start)", stdout);
        (void)putchar('\n');
    }
    (void)puts(
        "\nFlags win over the environment, the environment over the file, the file over the\n"
        "defaults shown. Sizes: 16MiB, 64KiB; durations: 200ms, 2s, 5m. `spoolgate reload` brings\n"
        "changes of the file to a running daemon, but for those marked (at the next start).");
}

static int run(int argc, char **argv)
{
    if (argc <= 1) {
        print_commands();
    } else if (strcmp(argv[1], "config") == 0) {
        print_config();
    } else {
        for (size_t i = 0; cli_commands[i]; i++)
            if (strcmp(cli_commands[i]->name, argv[1]) == 0 && cli_commands[i] != &cli_help)
                return cli_commands[i]->run(2, (char *[]){argv[1], "--help", NULL});
        if (argv[1][0] != '-')
            return cli_usage(&cli_help, "no such topic");
        print_commands();
    }
    return cli_finish(0);
}

const struct cli_command cli_help = {
    .name = "help",
    .arguments = "[COMMAND|config]",
    .summary = "this overview, a command's help, or the configuration keys",
    .details = "",
    .run = run,
};
