/* SPDX-License-Identifier: MIT */
/*
 * pipe: standard output, for those who have signals wait until they are asked for: nobody may read
 * it, and that must not make us deaf.
 *
 *     while (len > 0 && !is_over) {
 *         TRY(pipe_write(&text, &len, signals));
 *         if (len > 0)
 *             ... a signal is there: take it ...
 *     }
 *
 * Nothing else may have written to stdio's buffer. ERR_SPOOL: it can't be written.
 */
#ifndef SPOOLGATE_CLI_PIPE_H
#define SPOOLGATE_CLI_PIPE_H

#include <stddef.h>

#include "base/err.h"

/* Takes from the front of the text what could be written: all of it, unless a signal is to be read
 * from the file descriptor `signals`. -1: without waiting for anything. */
struct err pipe_write(const char **text, size_t *len, int signals);

#endif
