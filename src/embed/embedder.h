/* SPDX-License-Identifier: MIT */
/*
 * embedder: texts in, vectors out, by one of the manifests' embedders. Blocks; no database.
 *
 *     struct embedder e;
 *     embedder_open(&e, &manifest_embedder, &stop);
 *     enum embed_outcome how = embedder_ask(&e, texts, count, EMBED_CHUNKS, vectors, &said);
 *     embedder_close(&e);
 *
 * Owns its connection, which is kept from one request to the next; the manifest and the stop flag
 * outlive it. One thread each; rate limits and pauses are the worker's. Secrets are read anew for
 * each request, and wiped after it.
 */
#ifndef SPOOLGATE_EMBED_EMBEDDER_H
#define SPOOLGATE_EMBED_EMBEDDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "manifest/manifest.h"

struct http_keep; /* io/http.h */

struct embedder {
    const struct manifest_embedder *declared;

    /* private */
    const atomic_bool *stop;
    struct http_keep *connection;
    enum embedder_encoding encoding; /* what was found to work, where it is left to us */
};

struct embed_text {
    const char *bytes; /* valid UTF-8 */
    size_t len;
};

#define EMBEDDER_PROBLEM 600

enum embed_purpose { EMBED_CHUNKS, EMBED_QUESTION }; /* which prefix stands before the text */

enum embed_outcome {
    EMBED_DONE,      /* all vectors are there */
    EMBED_LATER,     /* not the texts' fault: again, after said.retry_after_us or a back-off */
    EMBED_TROUBLE,   /* it failed: it is out of order; or it breaks at one of the texts */
    EMBED_STOPPED,   /* nor will it get better by itself: key, quota, model, dimensions */
    EMBED_FORBIDDEN, /* the same; or something before it, a firewall, minds one of the texts */
    EMBED_TOO_MUCH,  /* one of the texts, or all together: ask for fewer */
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
/* A struct of zeros is closed, too. */
void embedder_close(struct embedder *e);

/* Are its vectors of the kind that the database has? model "": nobody has made one yet. If not, the
 * problem says so, and what to do. */
bool embedder_fits(const struct manifest_embedder *declared, const char *model, uint64_t dimensions,
                   char problem[EMBEDDER_PROBLEM]);

/* vectors: count * dimensions floats. */
enum embed_outcome embedder_ask(struct embedder *e, const struct embed_text *texts, size_t count,
                                enum embed_purpose purpose, float *vectors,
                                struct embed_said *said);

#endif
