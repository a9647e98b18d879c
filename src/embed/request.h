/* SPDX-License-Identifier: MIT */
/*
 * request: the body of a request to an OpenAI-compatible embeddings server. Pure.
 *
 *     struct buf body = {0};
 *     embed_request_write(&body, declared, declared->prefix, encoding, texts, count);
 *
 * Texts are valid UTF-8. encoding: what is asked for; float is every server's own choice, so it is
 * asked for by silence.
 */
#ifndef SPOOLGATE_EMBED_REQUEST_H
#define SPOOLGATE_EMBED_REQUEST_H

#include <stddef.h>

#include "base/buf.h"
#include "embed/embedder.h"

void embed_request_write(struct buf *out, const struct manifest_embedder *declared,
                         const char *prefix, enum embedder_encoding encoding,
                         const struct embed_text *texts, size_t count);

#endif
