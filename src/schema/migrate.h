/* SPDX-License-Identifier: MIT */
/*
 * migrate: brings a database to this program's version, and tells whether it is there.
 *
 *     struct migrate_report r = {0};
 *     TRY(migrate_check(&pg, &streams, &r));           // looks only
 *     if (r.pending > 0)
 *         TRY(migrate_apply(&pg, schema, &streams, &r));
 *     migrate_report_free(&r);
 *
 * db/migrations/NNN_name.sql, each in a transaction of its own under an advisory lock, recorded
 * with a checksum; then the shipped streams' parent tables. A history that was edited, or that is
 * newer than this program, is refused (ERR_CONFIG).
 */
#ifndef SPOOLGATE_SCHEMA_MIGRATE_H
#define SPOOLGATE_SCHEMA_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/pg.h"
#include "stream/stream.h"

struct migrate_report {
    size_t pending;   /* steps that are missing (check), or were made (apply) */
    struct buf steps; /* their names, a line each */
    struct buf sql;   /* their text */
};

struct err migrate_check(struct pg *pg, const struct stream_set *streams,
                         struct migrate_report *report);
struct err migrate_apply(struct pg *pg, const char *schema, const struct stream_set *streams,
                         struct migrate_report *report);
/* migrate_apply, and knowledge_apply where the knowledge base is wanted, with their steps logged.
 */
struct err migrate_up(struct pg *pg, const char *schema, const struct stream_set *streams,
                      bool with_knowledge);
void migrate_report_free(struct migrate_report *report);

/* ERR_CONFIG with the command to run, unless the database is at this version. */
struct err migrate_require(struct pg *pg, const struct stream_set *streams, bool with_knowledge);

#endif
