/* SPDX-License-Identifier: MIT */
/*
 * media: what an asset is, guessed from what it is called: its media type, else its uri's ending.
 * Pure.
 *
 *     const char *type = media_type(&mime, &uri);         // "document", "image", ..., "other"
 *     if (media_format(&mime, &uri, &format)) ...         // it is text that can be split
 */
#ifndef SPOOLGATE_KB_MEDIA_H
#define SPOOLGATE_KB_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

#include "kb/split.h"

/* Text as a frame has it; len 0: there is none. */
struct media_text {
    const void *bytes;
    size_t len;
};

const char *media_type(const struct media_text *mime, const struct media_text *uri);

/* True, and the format, where it may be text: what is known not to be isn't. A name without an
 * ending that says otherwise is plain text. */
bool media_format(const struct media_text *mime, const struct media_text *uri,
                  enum text_format *format);

#endif
