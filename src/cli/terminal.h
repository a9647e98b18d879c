/* SPDX-License-Identifier: MIT */
/*
 * terminal: standard output as a screen that is redrawn in place, and standard input as its keys.
 *
 *     struct terminal t;
 *     if (terminal_open(&t)) {                   // false: no terminal, or one that can't
 *         TRY(terminal_show(&t, text));
 *         terminal_close(&t);                    // as it was before
 *     }
 *
 * Signals are the caller's: after SIGWINCH terminal_measure, on SIGTSTP terminal_suspend, and
 * before an end by any other terminal_close. Keys are in file descriptor t.keys, one at a time and
 * not echoed; -1 where standard input is something else.
 */
#ifndef SPOOLGATE_CLI_TERMINAL_H
#define SPOOLGATE_CLI_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

#include "base/err.h"
#include "base/screen.h"

struct terminal {
    int keys;
    bool is_open;
    struct screen_size size;
    struct termios before; /* private */
};

bool terminal_open(struct terminal *t);
void terminal_close(struct terminal *t); /* any number of times */
void terminal_measure(struct terminal *t);
/* Stops the process as Ctrl-Z does, and goes on with it. */
void terminal_suspend(struct terminal *t);
struct err terminal_show(const struct terminal *t, const char *text);

#endif
