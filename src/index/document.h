/* SPDX-License-Identifier: MIT */
/*
 * document: one file as a `document` frame (docs/KNOWLEDGE.md). Pure.
 *
 *     const char *problem = document_check(bytes, len);       // is it text?
 *     document_put(&frame, &(struct document){.uri = ..., .path = ..., .text = bytes, ...});
 *
 * What a file is, is told by its name alone: Markdown, HTML, source code or plain text.
 */
#ifndef SPOOLGATE_INDEX_DOCUMENT_H
#define SPOOLGATE_INDEX_DOCUMENT_H

#include <stddef.h>

#include "base/buf.h"

struct document {
    const char *uri;
    const char *previous_uri; /* it was called so before; or NULL */
    const char *path;         /* raw bytes: goes into md */
    const char *pack_id;      /* or NULL */
    /* of a git repository; NULL for a plain file */
    const char *repository; /* the beginning of the uri: goes into meta and md */
    const char *commit, *blob;
    const void *text;
    size_t len;
};

/* Appends the frame. The text has been checked. */
void document_put(struct buf *out, const struct document *d);
/* The frame that retires the document. */
void document_put_deleted(struct buf *out, const char *uri);

/* Why these bytes can't be a document: static text; NULL when they can. */
const char *document_check(const void *bytes, size_t len);

/* Appends a path, raw bytes, as RFC 3986 has it in a URI. '/' stays. */
void document_put_path(struct buf *uri, const char *path);

#endif
