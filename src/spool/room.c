/* SPDX-License-Identifier: MIT */
#include "spool/room.h"

#include <sys/statvfs.h>

static unsigned percent(uint64_t used, uint64_t available)
{
    uint64_t all = used + available;
    return all > 0 ? (unsigned)((double)used * 100.0 / (double)all) : 0;
}

unsigned room_used_percent(const struct spool *s)
{
    struct statvfs fs;
    if (fstatvfs(s->root, &fs) != 0)
        return 0;
    unsigned blocks = percent(fs.f_blocks - fs.f_bfree, fs.f_bavail);
    unsigned inodes = percent(fs.f_files - fs.f_ffree, fs.f_favail);
    return blocks > inodes ? blocks : inodes;
}
