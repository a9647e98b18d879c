/* SPDX-License-Identifier: MIT */
/*
 * retired: the batches in archive/ and failed/, oldest first.
 *
 *     struct retired r;
 *     TRY(retired_list(&spool, "archive", &r));
 *     ... r.items[0 .. r.count) ...
 *     retired_free(&r);
 *
 * Only real folders with a batch's name count, in archive/ below YYYY/MM/DD: nothing that somebody
 * else put there is in the list, and no symbolic link is followed. The list is whole before
 * anything is done about it, so a batch that retires meanwhile is not met. Failures are ERR_SPOOL.
 */
#ifndef SPOOLGATE_SPOOL_RETIRED_H
#define SPOOLGATE_SPOOL_RETIRED_H

#include <stddef.h>

#include "base/err.h"
#include "base/uuid.h"
#include "spool/spool.h"

#define RETIRED_PATH (64 + UUID_TEXT)

struct retired_batch {
    struct uuid id;
    char path[RETIRED_PATH]; /* below the spool */
};

struct retired {
    struct retired_batch *items;
    size_t count, cap;
};

/* folder: "archive" or "failed". */
struct err retired_list(const struct spool *s, const char *folder, struct retired *r);
void retired_free(struct retired *r);

#endif
