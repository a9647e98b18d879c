/* SPDX-License-Identifier: MIT */
/*
 * mdoc: plain help text as the source of a manual page (mdoc(7)), so that --help and the page are
 * one text.
 *
 *     mdoc_text(&out, "`kind` names the stream; see --gate.", "");
 *     mdoc_literal(&out, "a-b");                      // within a line: every sign as it is
 *     mdoc_help(&out, command->details);
 *
 * In text, `word` and --option become bold, a sentence begins a new line, and no line is longer
 * than 80 bytes where words allow it. Help text is made of paragraphs, with an empty line between:
 *
 *     lines at the margin      a paragraph
 *     lines that are indented  an example, line by line
 *     word   what it means     a list; its texts go on in indented lines
 */
#ifndef SPOOLGATE_BASE_MDOC_H
#define SPOOLGATE_BASE_MDOC_H

#include "base/buf.h"

/* Escaped, on whole lines. end: goes behind the last word ("."). */
void mdoc_text(struct buf *out, const char *text, const char *end);
void mdoc_literal(struct buf *out, const char *text);
void mdoc_help(struct buf *out, const char *text);

#endif
