/* SPDX-License-Identifier: MIT */
#include "daemon/oddities.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { REMEMBERED = 1000 }; /* a folder of junk is one story, not a thousand */

void oddities_report(struct oddities *o, const char *kind, const char *where, const char *reason)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->seen[i], where) == 0)
            return;
    if (o->count == REMEMBERED)
        return;
    *MEM_PUSH(o->seen, o->count, o->cap) = mem_strdup(where);
    struct buf shown = {0};
    str_percent_encode(&shown, where);
    LOG_WARN("left alone", LOG_STR(kind, buf_cstr(&shown)), LOG_STR("reason", reason));
    if (o->count == REMEMBERED)
        LOG_WARN("too much to leave alone; no more is reported", LOG_STR("last", kind));
    buf_free(&shown);
}

void oddities_free(struct oddities *o)
{
    for (size_t i = 0; i < o->count; i++)
        free(o->seen[i]);
    free(o->seen);
    *o = (struct oddities){0};
}
