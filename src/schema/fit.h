/* SPDX-License-Identifier: MIT */
/*
 * fit: would a stream's rows go into its table?
 *
 *     struct buf why = {0};
 *     TRY(plan_check_fit(&pg, stream, &why));
 *     if (why.len > 0)
 *         hold the gate, with buf_cstr(&why)
 *     buf_free(&why);
 *
 * It looks at what would fail for every row, and so is no row's fault: columns that are missing, of
 * another type or can't be written, columns that nothing fills, privileges, partitions that ours
 * can't be made beside, and the unique index that ignore and upsert need; and at digits that would
 * be lost without a word. One query, one more for partitions, and one for that index.
 */
#ifndef SPOOLGATE_SCHEMA_FIT_H
#define SPOOLGATE_SCHEMA_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/pg.h"
#include "schema/look.h"
#include "stream/stream.h"

/* Appends to why one line, "stream NAME: ...; run `spoolgate plan`", and nothing where all is well.
 * The connection's schema is the configured one. */
struct err plan_check_fit(struct pg *pg, const struct stream *s, struct buf *why);

/* The same as a list of reasons, of a table that was looked at. */
struct fit_reasons {
    struct buf *items;
    size_t count, cap;
};
struct err fit_find(struct pg *pg, const struct look *look, const struct stream *s,
                    struct fit_reasons *reasons);
void fit_free(struct fit_reasons *reasons);

/* A partition of a table of ours that holds something else than one period, as a sentence; nothing
 * where there is none, or where the table isn't cut as the stream is. Is it in the way of rows? */
struct err fit_find_leaf(struct pg *pg, const struct look *look, const struct stream *s,
                         struct buf *says, bool *is_in_the_way);

/* "a view": what pg_class.relkind says of a relation that isn't a table; NULL of one that is. */
const char *fit_other_kind(char kind);

#endif
