/* SPDX-License-Identifier: MIT */
/* find: the receipt that people mean by an id, the beginning of one, or a tag. */
#ifndef SPOOLGATE_CLI_FIND_H
#define SPOOLGATE_CLI_FIND_H

#include <jansson.h>

#include "base/err.h"
#include "io/pg.h"

/* The receipt as JSON, the caller's to free. None, or more than one, is ERR_USAGE. */
struct err find_receipt(struct pg *pg, const char *batch, json_t **receipt);

#endif
