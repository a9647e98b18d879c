/* SPDX-License-Identifier: MIT */
/* sample: `sink test`: one sample event, delivered as the daemon would, and what came of it. */
#ifndef SPOOLGATE_CLI_SAMPLE_H
#define SPOOLGATE_CLI_SAMPLE_H

#include <stdbool.h>

#include "base/err.h"
#include "manifest/manifest.h"

/*
 * The event's first example with "test": true in it is rendered, signed and POSTed once, and the
 * exchange printed, secrets left out, with the verdict. Nothing of it is recorded anywhere.
 *
 * *code is the command's exit code: 0 delivered, 69 no answer or one that says later, 76 refused.
 * Errors: nothing could be sent.
 */
struct err sample_send(const struct manifest *set, const struct manifest_sink *sink,
                       enum event_type type, bool json, int *code);

#endif
