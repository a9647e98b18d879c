/* SPDX-License-Identifier: MIT */
/*
 * chain: migrations in their order, and the history of them that the database keeps.
 *
 *     TRY(chain_check(&pg, &chain_of_receipts, &report));              // looks only
 *     do {
 *         ... BEGIN; sql_migration_lock ...
 *         TRY(chain_step(&pg, &chain_of_receipts, &more, &report));    // one of them
 *         ... COMMIT ...
 *     } while (more);
 *
 * Each is recorded with a checksum. A history that was edited, or that is newer than this program,
 * is refused (ERR_CONFIG).
 */
#ifndef SPOOLGATE_SCHEMA_CHAIN_H
#define SPOOLGATE_SCHEMA_CHAIN_H

#include <stdbool.h>

#include "base/err.h"
#include "db/migrations.h"
#include "io/pg.h"
#include "schema/migrate.h"

struct chain {
    const struct migration *steps;
    const size_t *count;
    const char *history; /* the table, as SQL */
};

extern const struct chain chain_of_receipts;  /* db/migrations, in the configured schema */
extern const struct chain chain_of_knowledge; /* db/knowledge, one for the whole database */

struct err chain_check(struct pg *pg, const struct chain *c, struct migrate_report *report);
/* Makes the first that is missing, in the caller's transaction. *more: there was one. */
struct err chain_step(struct pg *pg, const struct chain *c, bool *more,
                      struct migrate_report *report);

/* What the steps of migrate.c and knowledge.c share. */
void chain_add(struct migrate_report *report, const char *name, const char *sql);
struct err chain_ask(struct pg *pg, const char *sql, const char *param, bool *answer);
/* `step` again and again, each time in a transaction of its own under the migrations' lock, until
 * it says that there was nothing left to do. */
struct err chain_run(struct pg *pg, struct err (*step)(struct pg *pg, void *context, bool *more),
                     void *context);

#endif
