/* SPDX-License-Identifier: MIT */
/*
 * reply: what an embeddings server answers, as vectors, or as the reason why there are none. Pure.
 * Its bytes may be anything: they are read in place, nothing is kept of them but numbers.
 *
 *     struct buf body = {0};        // at most embed_reply_limit(count, dimensions) bytes
 *     enum embed_outcome how = embed_reply_read(body.data, body.len, count, dimensions, vectors,
 *                                               &encoding, &said);
 *     how = embed_reply_refusal(status, bytes, len, &said);       // of any other status than 2xx
 *
 * {"data": [{"index": 1, "embedding": [0.5, ...] or "base64 of little-endian float32"}, ...]}:
 * matched by index, each of them once, all of one length. Whatever else is in the answer is passed
 * over.
 */
#ifndef SPOOLGATE_EMBED_REPLY_H
#define SPOOLGATE_EMBED_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "embed/embedder.h"

/* The longest answer that makes sense. */
size_t embed_reply_limit(size_t count, size_t dimensions);

/* EMBED_DONE, *encoding then says which one it was; EMBED_NONSENSE; or EMBED_STOPPED where the
 * vectors have another length than is declared: all of them will. */
enum embed_outcome embed_reply_read(const void *bytes, size_t len, size_t count, size_t dimensions,
                                    float *vectors, enum embedder_encoding *encoding,
                                    struct embed_said *said);

/* What a status means, in the server's own words where it has any: those of OpenAI
 * ({"error": {"message", "type", "code"}}), TEI and Ollama ({"error": "..."}) and FastAPI
 * ({"detail": "..."}) are found, also where the answer was cut. */
enum embed_outcome embed_reply_refusal(int status, const void *bytes, size_t len,
                                       struct embed_said *said);

#endif
