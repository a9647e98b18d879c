/* SPDX-License-Identifier: MIT */
/* room: how full the spool's file system is, and what that means. */
#ifndef SPOOLGATE_SPOOL_ROOM_H
#define SPOOLGATE_SPOOL_ROOM_H

#include <stdint.h>

#include "spool/spool.h"

enum room { ROOM_ENOUGH, ROOM_WARN, ROOM_HOLD };

/* Percent in use of what an ordinary user may use, blocks or inodes, whichever is more; 0 where the
 * file system doesn't say. */
unsigned room_used_percent(const struct spool *s);

/* A mark of 100 is off. */
static inline enum room room_judge(unsigned used, uint64_t warn, uint64_t hold)
{
    return hold < 100 && used >= hold   ? ROOM_HOLD
           : warn < 100 && used >= warn ? ROOM_WARN
                                        : ROOM_ENOUGH;
}

#endif
