/* SPDX-License-Identifier: MIT */
#include "web/receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/name.h"

static bool set_limit(struct receipts_query *q, const char *value)
{
    size_t len = strspn(value, "0123456789");
    if (len == 0 || len > 3 || value[len] != '\0')
        return false;
    q->limit = (unsigned)strtoul(value, NULL, 10);
    return q->limit >= 1 && q->limit <= RECEIPTS_MAX;
}

static bool set_gate(struct receipts_query *q, const char *value)
{
    if (!name_is_gate(value))
        return false;
    (void)snprintf(q->gate, sizeof q->gate, "%s", value);
    return true;
}

static bool set_before(struct receipts_query *q, const char *value)
{
    struct uuid id;
    if (!uuid_parse(value, &id))
        return false;
    (void)uuid_format(&id, q->before);
    return true;
}

bool receipts_set(struct receipts_query *q, const char *key, const char *value,
                  char problem[RECEIPTS_PROBLEM])
{
    static const struct {
        const char *key;
        bool (*set)(struct receipts_query *q, const char *value);
        const char *wants;
    } parameters[] = {{"limit", set_limit, "a number from 1 to 500"},
                      {"gate", set_gate, "the name of a gate"},
                      {"before", set_before, "the batch_id of a receipt"}};
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        if (strcmp(key, parameters[i].key) != 0)
            continue;
        if (value && parameters[i].set(q, value))
            return true;
        (void)snprintf(problem, RECEIPTS_PROBLEM, "%s has to be %s", parameters[i].key,
                       parameters[i].wants);
        return false;
    }
    (void)snprintf(problem, RECEIPTS_PROBLEM, "the parameters are limit, gate and before");
    return false;
}
