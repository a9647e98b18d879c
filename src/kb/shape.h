/* SPDX-License-Identifier: MIT */
/*
 * shape: what vectors this database has, read from the row of pmoves_kb.embedding.
 *
 *     struct kb_shape shape;                     // kb/vector.h
 *     TRY(kb_shape_read(&pg, &shape));
 */
#ifndef SPOOLGATE_KB_SHAPE_H
#define SPOOLGATE_KB_SHAPE_H

#include "base/err.h"
#include "io/pg.h"
#include "kb/vector.h"

/* ERR_CONFIG where the database has no knowledge base. */
struct err kb_shape_read(struct pg *pg, struct kb_shape *shape);
/* The same; it stays so until the end of the transaction. */
struct err kb_shape_hold(struct pg *pg, struct kb_shape *shape);

#endif
