/* SPDX-License-Identifier: MIT */
/* knowledge: the knowledge base's part of `status` (status/facts.h), printed. */
#ifndef SPOOLGATE_CLI_KNOWLEDGE_H
#define SPOOLGATE_CLI_KNOWLEDGE_H

#include <jansson.h>

/* Nothing for null. */
void knowledge_print(const json_t *knowledge);

#endif
