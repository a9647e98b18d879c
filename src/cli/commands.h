/* SPDX-License-Identifier: MIT */
/* commands: one object a subcommand; src/main.c lists them. */
#ifndef SPOOLGATE_CLI_COMMANDS_H
#define SPOOLGATE_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command cli_run, cli_drain, cli_put, cli_inspect, cli_status, cli_receipt,
    cli_gate, cli_retry, cli_park, cli_doctor, cli_migrate, cli_lint, cli_plan, cli_apply,
    cli_maintain, cli_explain, cli_reload, cli_sink, cli_dlq, cli_index, cli_embed, cli_search,
    cli_help;

#endif
