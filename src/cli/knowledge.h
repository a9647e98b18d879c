/* SPDX-License-Identifier: MIT */
/* knowledge: the knowledge base's part of `status` (status/facts.h) as text. */
#ifndef SPOOLGATE_CLI_KNOWLEDGE_H
#define SPOOLGATE_CLI_KNOWLEDGE_H

#include <jansson.h>

#include "base/buf.h"

/* Nothing for null. */
void knowledge_put(struct buf *out, const json_t *knowledge);

#endif
