/* SPDX-License-Identifier: MIT */
/*
 * share: what the other streams of a stream's table say of a column. Pure.
 *
 *     if (!share_has_column(streams, s, "more"))
 *         nobody wants it
 */
#ifndef SPOOLGATE_SCHEMA_SHARE_H
#define SPOOLGATE_SCHEMA_SHARE_H

#include <stdbool.h>

#include "stream/stream.h"

/* Does another one declare it? */
bool share_has_column(const struct stream_set *streams, const struct stream *s, const char *column);

/* Does another one write rows without a value for it? */
bool share_leaves_out(const struct stream_set *streams, const struct stream *s, const char *column);

/* Has each of a stream's rows a value for it? What comes from the batch is always there. */
bool share_is_promised(const struct column *c);

#endif
