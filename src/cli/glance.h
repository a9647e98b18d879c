/* SPDX-License-Identifier: MIT */
/* glance: what `status` found out (cli/look.h), as text for people. */
#ifndef SPOOLGATE_CLI_GLANCE_H
#define SPOOLGATE_CLI_GLANCE_H

#include <jansson.h>

#include "base/buf.h"

void glance_put(struct buf *out, const json_t *status);

#endif
