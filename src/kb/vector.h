/* SPDX-License-Identifier: MIT */
/*
 * vector: a chunk's vector, checked and as a field of COPY BINARY, in the form that this database
 * has for vectors. Pure.
 *
 *     struct kb_shape shape = {KB_HALFVEC, 3000, "model"};             // kb/shape.h reads it
 *     const char *wrong = kb_vector_read(&shape, &value, &whole, vector);   // of a frame
 *     if (!kb_vector_check(&shape, vector, count, problem)) ...
 *     kb_vector_put(&out, &shape, vector);         // a field of COPY BINARY, length included
 */
#ifndef SPOOLGATE_KB_VECTOR_H
#define SPOOLGATE_KB_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "frame/msgpack.h"

enum kb_vector_type { KB_VECTOR, KB_HALFVEC, KB_REAL };
extern const char *const kb_vector_type_names[]; /* "vector", ...; ends with NULL */

#define KB_MODEL 200
struct kb_shape {
    enum kb_vector_type type;
    size_t dimensions;    /* 0: no database was asked */
    char model[KB_MODEL]; /* "" until the first embedder has begun */
};
#define KB_DIMENSIONS_MAX 4000

#define KB_VECTOR_PROBLEM 120

/* A frame's value, whole and not nil: numbers, or packed little-endian float32 in bin or ext. The
 * cursor is at its first byte. vector: room for shape->dimensions. The vector is checked, too.
 * False: why not, as in kb_vector_check(). */
bool kb_vector_read(const struct kb_shape *shape, const struct mp_value *value,
                    const struct mp_cursor *at, float *vector, char problem[KB_VECTOR_PROBLEM]);

/* False: why the vector can't be one of this database: its length, NaN or infinite numbers, all
 * zeros (a cosine needs a direction), or numbers that a halfvec can't hold. The text names what is
 * wanted and what it is. */
bool kb_vector_check(const struct kb_shape *shape, const float *vector, size_t count,
                     char problem[KB_VECTOR_PROBLEM]);
/* Of a vector that was checked. */
void kb_vector_put(struct buf *out, const struct kb_shape *shape, const float *vector);

#endif
