/* SPDX-License-Identifier: MIT */
/*
 * manual: the sources of the manual pages, from the tables that --help prints. What a page says
 * beside them is written in man/.
 *
 *     spoolgate status --help=mdoc      the page of a command
 *     spoolgate help --mdoc TOPIC       the same, or a part of a page in man/
 *
 * Topics: a command; commands, exits, config; keys-stream, keys-gate, keys-sink, keys-embedder.
 */
#ifndef SPOOLGATE_CLI_MANUAL_H
#define SPOOLGATE_CLI_MANUAL_H

#include "cli/cli.h"

/* What an exit code means. */
struct manual_exit {
    int code;
    const char *commands; /* those alone that exit so, with blanks between them; NULL: any */
    const char *what;
};
extern const struct manual_exit manual_exits[]; /* ends with a NULL what */

void manual_print_command(const struct cli_command *command, const struct cli_option *options);
/* False: there is no such part. */
bool manual_print_part(const char *topic);

/* The keys of configuration and manifests (manual_keys.c). */
void manual_put_config(struct buf *out);
/* False: no kind of manifest is called so. */
bool manual_put_manifest(struct buf *out, const char *kind);

#endif
