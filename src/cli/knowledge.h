/* SPDX-License-Identifier: MIT */
/* knowledge: the knowledge base's part of `status`. */
#ifndef SPOOLGATE_CLI_KNOWLEDGE_H
#define SPOOLGATE_CLI_KNOWLEDGE_H

#include <jansson.h>

#include "base/err.h"
#include "io/pg.h"

/* The caller frees it; null where the database has no knowledge base of this version. */
struct err knowledge_query(struct pg *pg, json_t **knowledge);
/* Nothing for null. */
void knowledge_print(const json_t *knowledge);

#endif
