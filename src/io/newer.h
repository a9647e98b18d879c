/* SPDX-License-Identifier: MIT */
/*
 * newer: has a newer program migrated the database under us? For everybody who writes to it over a
 * connection that lasts: the loaders, the courier, the embedding worker.
 *
 *     TRY(newer_check(&pg));              // before a receipt, and a connection's first use
 *     ... a transaction's statements ...
 *     TRY(newer_check_knowledge(&pg));    // behind them, before its COMMIT
 *
 * ERR_CONFIG says so, and what to install: nothing is failed for it, work is held until the newer
 * program is here. Close the connection then, and ask again on the next one. Asked behind a
 * transaction's statements it is exact: whoever alters a table that they went to has come before,
 * and is seen, or waits for the COMMIT.
 */
#ifndef SPOOLGATE_IO_NEWER_H
#define SPOOLGATE_IO_NEWER_H

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
