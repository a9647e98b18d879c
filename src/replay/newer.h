/* SPDX-License-Identifier: MIT */
/*
 * newer: has a newer program migrated the database under us?
 *
 *     TRY(newer_check(&pg));                        // before a receipt is made
 *     ... the batch's transaction ...
 *     TRY(newer_check_knowledge(&pg));              // behind its statements; a receipt's end asks
 * itself
 *
 * ERR_CONFIG says so: nothing is failed for it, the batch is held until the newer program is here;
 * so are chunks (newer_check_both) and events. A loader's connection is checked as a whole when it
 * is made (schema/migrate.h).
 */
#ifndef SPOOLGATE_REPLAY_NEWER_H
#define SPOOLGATE_REPLAY_NEWER_H

#include "base/err.h"
#include "io/pg.h"

struct err newer_check(struct pg *pg);
struct err newer_check_knowledge(struct pg *pg);
struct err newer_check_both(struct pg *pg);

/* The same for who asks with other statements in one round trip: the statement's one parameter, and
 * what its rows mean. */
#define NEWER_NUMBER 16
const char *newer_known(char number[NEWER_NUMBER]);
struct err newer_judge(const PGresult *rows);

#endif
