/* SPDX-License-Identifier: MIT */
/*
 * words: names for shell completion, a line each.
 *
 *     spoolgate help --words gates [--config FILE] [--spool DIR] [--manifests DIR]
 *
 * Kinds: gates, sinks, embedders; batches, which are those in processing/ and failed/; archived,
 * the newest 100 batches of the last month in archive/. They come from the configuration, the
 * manifests and the spool alone: no database is asked, so that a Tab never waits for one.
 */
#ifndef SPOOLGATE_CLI_WORDS_H
#define SPOOLGATE_CLI_WORDS_H

/* argv[0] is the kind. The exit code: names that can't be found out are a failure like any other.
 */
int words_print(int argc, char **argv);

#endif
