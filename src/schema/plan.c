/* SPDX-License-Identifier: MIT */
#include "schema/plan.h"

#include <stdlib.h>

struct err plan_make(struct pg *pg, const char *schema, const struct stream_set *streams,
                     struct plan *plan)
{
    *plan = (struct plan){.streams = streams, .schema = schema};
    for (size_t i = 0; i < streams->count; i++)
        TRY(plan_add_stream(pg, plan, i));
    return ERR_OK;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->steps[i].sql);
        free(plan->steps[i].undo);
        free(plan->steps[i].sentence);
    }
    free(plan->steps);
    *plan = (struct plan){.streams = plan->streams, .schema = plan->schema};
}

bool plan_is_refused(const struct plan *plan, size_t stream, unsigned allow)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].stream == stream && !plan_is_allowed(&plan->steps[i], allow))
            return true;
    return false;
}

const char *plan_kind_name(enum plan_kind kind)
{
    static const char *const names[] = {
        [PLAN_CREATE_SCHEMA] = "create_schema", [PLAN_CREATE_TABLE] = "create_table",
        [PLAN_ADD_COLUMN] = "add_column",       [PLAN_DROP_NOT_NULL] = "drop_not_null",
        [PLAN_SET_NOT_NULL] = "set_not_null",   [PLAN_CHANGE_TYPE] = "change_type",
        [PLAN_DROP_COLUMN] = "drop_column",     [PLAN_DROP_INDEX] = "drop_index",
        [PLAN_CREATE_INDEX] = "create_index",   [PLAN_MISFIT] = "misfit",
    };
    return names[kind];
}

const char *plan_allow_name(enum plan_allow allow)
{
    switch (allow) {
    case PLAN_DROP:
        return "drop";
    case PLAN_TYPE:
        return "type";
    case PLAN_NEVER:
        return "never";
    default:
        return "none";
    }
}
