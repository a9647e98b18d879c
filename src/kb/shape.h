/* SPDX-License-Identifier: MIT */
/*
 * shape: what vectors this database has: the row of pmoves_kb.embedding.
 *
 *     struct kb_shape shape;
 *     TRY(kb_shape_read(&pg, &shape));
 *     if (!kb_vector_check(&shape, vector, count, &problem)) ...
 *     kb_vector_put(&out, &shape, vector);         // a field of COPY BINARY, length included
 */
#ifndef SPOOLGATE_KB_SHAPE_H
#define SPOOLGATE_KB_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/pg.h"

enum kb_vector_type { KB_VECTOR, KB_HALFVEC, KB_REAL };
extern const char *const kb_vector_type_names[]; /* "vector", ...; ends with NULL */

#define KB_MODEL 200
struct kb_shape {
    enum kb_vector_type type;
    size_t dimensions;
    char model[KB_MODEL]; /* "" until the first embedder has begun */
};
#define KB_DIMENSIONS_MAX 4000

/* ERR_CONFIG where the database has no knowledge base. */
struct err kb_shape_read(struct pg *pg, struct kb_shape *shape);

/* False: why the vector can't be one of this database: its length, NaN or infinite numbers, all
 * zeros (a cosine needs a direction), or numbers that a halfvec can't hold. The text names what is
 * wanted and what it is. */
bool kb_vector_check(const struct kb_shape *shape, const float *vector, size_t count,
                     char problem[120]);
/* Of a vector that was checked. */
void kb_vector_put(struct buf *out, const struct kb_shape *shape, const float *vector);

#endif
