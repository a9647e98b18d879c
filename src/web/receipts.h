/* SPDX-License-Identifier: MIT */
/*
 * receipts: what /api/receipts is asked for, parameter by parameter. Pure.
 *
 *     struct receipts_query q = RECEIPTS_QUERY;
 *     if (!receipts_set(&q, "limit", "50", problem))
 *         ... 400, with `problem`: what is wrong and what would be right ...
 */
#ifndef SPOOLGATE_WEB_RECEIPTS_H
#define SPOOLGATE_WEB_RECEIPTS_H

#include <stdbool.h>

#include "base/uuid.h"
#include "spool/spool.h"

#define RECEIPTS_MAX     500
#define RECEIPTS_PROBLEM 96

struct receipts_query {
    unsigned limit;
    char gate[SPOOL_GATE];  /* "": of all */
    char before[UUID_TEXT]; /* "": from the newest on */
};
#define RECEIPTS_QUERY ((struct receipts_query){.limit = 50})

/* key and value are unescaped; value is NULL where the URL has none. */
bool receipts_set(struct receipts_query *q, const char *key, const char *value,
                  char problem[RECEIPTS_PROBLEM]);

#endif
