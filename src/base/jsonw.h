/* SPDX-License-Identifier: MIT */
/*
 * jsonw: writes one compact JSON text into a buf. Commas and nesting are kept by the writer:
 *
 *     struct jsonw j = {.out = &buf};
 *     jsonw_object(&j);
 *     jsonw_key(&j, "rows"); jsonw_int(&j, 3);
 *     jsonw_end(&j);
 *
 * Strings that aren't UTF-8 come out with U+FFFD in place of each bad byte, so that the text is
 * always valid. Reading JSON is jansson's work.
 */
#ifndef SPOOLGATE_BASE_JSONW_H
#define SPOOLGATE_BASE_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct jsonw {
    struct buf *out;
    uint64_t is_array; /* bit per level; 63 levels are enough for every text of ours */
    unsigned depth;
    bool needs_comma;
};

void jsonw_object(struct jsonw *j);
void jsonw_array(struct jsonw *j);
void jsonw_end(struct jsonw *j); /* closes what was opened last */
void jsonw_key(struct jsonw *j, const char *key);
void jsonw_str(struct jsonw *j, const char *s); /* NULL writes null */
void jsonw_strn(struct jsonw *j, const void *bytes, size_t len);
void jsonw_int(struct jsonw *j, int64_t v);
void jsonw_bool(struct jsonw *j, bool v);
void jsonw_seconds(struct jsonw *j, int64_t us); /* a duration: 0.2 */
void jsonw_null(struct jsonw *j);
void jsonw_time(struct jsonw *j, int64_t us); /* RFC 3339; INT64_MIN writes null */
void jsonw_raw(struct jsonw *j,
               const char *text); /* a JSON value made elsewhere; NULL writes null */

/* The quoted, escaped string alone; also used by the jsonb encoder. */
void jsonw_quote(struct buf *out, const void *bytes, size_t len);
/* The same in one pass, for ASCII in which nothing needs an escape: most text. False: there is
 * something else in it, and nothing was appended. */
bool jsonw_quote_plain(struct buf *out, const uint8_t *p, size_t len);

#endif
