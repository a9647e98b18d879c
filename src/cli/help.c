/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/manual.h"
#include "cli/words.h"

static void print_commands(void)
{
    (void)puts("spoolgate " SPOOLGATE_VERSION ": drop a file, get rows\n\n"
               "Usage: spoolgate COMMAND [OPTIONS] [ARGUMENTS]\n");
    for (size_t i = 0; cli_commands[i]; i++)
        (void)printf("  %-9s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    (void)puts("\nEach command explains itself: spoolgate COMMAND --help\n"
               "Configuration keys: spoolgate help config\n\n"
               "Exit codes:");
    for (const struct manual_exit *e = manual_exits; e->what; e++)
        (void)printf("  %2d %s%s%s\n", e->code, e->commands ? e->commands : "",
                     e->commands ? ": " : "", e->what);
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

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

/* For the build of the manual pages, which is why --help doesn't tell of it. */
static int print_manual(const char *topic)
{
    static const struct cli_option none[] = {{0}};
    const struct cli_command *command = find_command(topic);
    if (command == &cli_help)
        manual_print_command(command, none);
    else if (command)
        return command->run(2, (char *[]){(char *)command->name, "--help=mdoc", NULL});
    else if (!manual_print_part(topic))
        return cli_usage(&cli_help, "no such part of the manual");
    return cli_finish(0);
}

static int run(int argc, char **argv)
{
    const struct cli_command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (argc == 3 && strcmp(argv[1], "--mdoc") == 0)
        return print_manual(argv[2]);
    if (argc >= 3 && strcmp(argv[1], "--words") == 0)
        return words_print(argc - 2, argv + 2);
    if (command && command != &cli_help)
        return command->run(2, (char *[]){argv[1], "--help", NULL});
    if (argc > 1 && strcmp(argv[1], "config") == 0)
        print_config();
    else if (argc > 1 && argv[1][0] != '-' && !command)
        return cli_usage(&cli_help, "no such topic");
    else
        print_commands();
    return cli_finish(0);
}

const struct cli_command cli_help = {
    .name = "help",
    .arguments = "[COMMAND|config]",
    .summary = "this overview, a command's help, or the configuration keys",
    .details = "Without an argument, the list of commands and exit codes. `spoolgate COMMAND "
               "--help` is the same\n"
               "as `spoolgate help COMMAND`.\n",
    .run = run,
};
