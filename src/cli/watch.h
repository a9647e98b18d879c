/* SPDX-License-Identifier: MIT */
/*
 * watch: `status --watch`: looks again and again, and shows what has become of it.
 *
 *     TRY(watch_run(&survey, every_us, json));
 *
 * On a terminal the screen is redrawn in place until `q`, Ctrl-C or SIGTERM; elsewhere each look is
 * a block of text, or with json a line. Only the first look's failure is the command's; later ones
 * are shown (or told on stderr), and the next look tries again.
 */
#ifndef SPOOLGATE_CLI_WATCH_H
#define SPOOLGATE_CLI_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/survey.h"

/* Doesn't return where it ends while a look is under way: a database that doesn't answer would keep
 * it. The process is then ended with the exit code 0. */
struct err watch_run(struct survey *survey, int64_t every_us, bool json);

#endif
