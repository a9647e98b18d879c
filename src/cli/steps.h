/* SPDX-License-Identifier: MIT */
/* steps: a plan, printed as SQL for people and as JSON for programs. */
#ifndef SPOOLGATE_CLI_STEPS_H
#define SPOOLGATE_CLI_STEPS_H

#include "schema/plan.h"

/* Stream by stream. What was refused, or would be with what is allowed, is commented out, together
 * with the rest of its stream. */
void steps_print(const struct plan *plan, unsigned allow);
void steps_print_done(const struct plan *plan); /* what was done before a failure */
void steps_print_json(const struct plan *plan);

#endif
