/* SPDX-License-Identifier: MIT */
#include "event/event.h"

#include <stddef.h>
#include <string.h>

const char *const event_names[] = {
#define EVENT_NAME(id, name) name,
    EVENTS(EVENT_NAME)
#undef EVENT_NAME
        NULL};

bool event_find(const char *name, enum event_type *type)
{
    for (*type = 0; *type < EVENT_COUNT; (*type)++)
        if (strcmp(event_names[*type], name) == 0)
            return true;
    return false;
}
