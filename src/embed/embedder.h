/* SPDX-License-Identifier: MIT */
/*
 * embedder: texts in, vectors out, by one of the manifests' embedders. Blocks; no database.
 *
 *     struct embedder e;
 *     embedder_open(&e, &manifest_embedder, &stop);
 *     enum embed_outcome how = embedder_ask(&e, texts, count, EMBED_CHUNKS, vectors, &said);
 *
 * Owns nothing; the manifest and the stop flag outlive it. One thread each; rate limits and pauses
 * are the worker's. Secrets are read anew for each request, and wiped after it.
 */
#ifndef SPOOLGATE_EMBED_EMBEDDER_H
#define SPOOLGATE_EMBED_EMBEDDER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "manifest/manifest.h"

struct embedder {
    const struct manifest_embedder *declared;

    /* private */
    const atomic_bool *stop;
    enum embedder_encoding encoding; /* what was found to work, where it is left to us */
};

struct embed_text {
    const char *bytes; /* valid UTF-8 */
    size_t len;
};

enum embed_purpose { EMBED_CHUNKS, EMBED_QUESTION }; /* which prefix stands before the text */

enum embed_outcome {
    EMBED_DONE,     /* all vectors are there */
    EMBED_LATER,    /* not the texts' fault: again, after said.retry_after_us or a back-off */
    EMBED_STOPPED,  /* nor will it get better by itself: key, quota, model, dimensions */
    EMBED_TOO_MUCH, /* one of the texts, or all together: ask for fewer */
    EMBED_NONSENSE, /* an answer that can't be: NaN, missing, zeros. Of one text: its fault, perhaps
                     */
};
struct embed_said {
    char error[400];        /* for people; "" when done */
    int64_t retry_after_us; /* EMBED_LATER: what the provider asked for; 0: nothing */
};

/* stop: once it is true, a request that is under way ends within a second, as EMBED_LATER; NULL:
 * nobody stops it. */
void embedder_open(struct embedder *e, const struct manifest_embedder *declared,
                   const atomic_bool *stop);

/* vectors: count * dimensions floats. */
enum embed_outcome embedder_ask(struct embedder *e, const struct embed_text *texts, size_t count,
                                enum embed_purpose purpose, float *vectors,
                                struct embed_said *said);

#endif
