/* SPDX-License-Identifier: MIT */
/*
 * lexical: the built-in vectors: the words of a text, hashed. Pure, and the same on every machine.
 *
 *     float v[384];
 *     if (!lexical_embed(text, len, v, 384)) ... there is no word in it ...
 *
 * Signed feature hashing (Weinberger et al., 2009) of the words, of pairs of neighbours, and of the
 * three-letter pieces of each word, each weighted by 1 + ln(its number in the text) and by its
 * kind, then scaled to length 1. Texts are near each other when they share words or parts of words;
 * nothing is known of what words mean. Model name LEXICAL_MODEL: another number when the same text
 * would become another vector.
 */
#ifndef SPOOLGATE_EMBED_LEXICAL_H
#define SPOOLGATE_EMBED_LEXICAL_H

#include <stdbool.h>
#include <stddef.h>

#define LEXICAL_MODEL      "spoolgate-lexical-1"
#define LEXICAL_DIMENSIONS 384

/* False: no word; the vector is all zeros. The text must be valid UTF-8. */
bool lexical_embed(const char *text, size_t len, float *vector, size_t dimensions);

#endif
