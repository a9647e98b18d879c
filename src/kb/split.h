/* SPDX-License-Identifier: MIT */
/*
 * split: a document's text becomes sections, and these become chunks. Pure, and the same bytes in
 * give the same pieces out, on every machine.
 *
 *     struct split s = {0};
 *     const char *problem = split_document(&s, TEXT_MARKDOWN, bytes, len, &settings);
 *     if (problem)
 *         ... the document is refused: static text ...
 *     for (size_t i = 0; i < s.chunk_count; i++)
 *         ... s.text.data + s.chunks[i].at, s.chunks[i].len bytes ...
 *     split_free(&s);
 *
 * s.text is what is split: of Markdown and plain text the bytes themselves; of HTML what a reader
 * of the page sees, in lines: blocks apart, the cells of a row by tabs, `pre` as it stands.
 * Sections lie one behind the other and cover all of it; what stands before the first heading is a
 * section without one, unless it has no letter or digit, as white space or a rule: that begins the
 * first section. In Markdown, the headings that aren't inside of lists and quotes begin sections,
 * and front matter (between --- or +++) has none; in HTML all that show a text. The chunks of a
 * section, each without its overlap, are the section, byte for byte. A text of white space alone
 * has no section and no chunk; a chunk never is white space alone.
 *
 * Borders: a chunk that is at least half full ends where a paragraph, else a sentence, else a line
 * ends; else it ends where a word does, or in the midst of one that is longer than a chunk. White
 * space belongs to what stands before it. A border is never inside a UTF-8 sequence, nor before a
 * mark that combines with the character before it, a variation selector or a joiner. A block of
 * code or a table that fits into a chunk isn't cut.
 *
 * Hostile texts: time and memory grow with the text's length only. A Markdown block of more than
 * 256 KiB that isn't code is looked at in parts, and markers that open blocks count in the first
 * 128 bytes of a line; HTML is flat beyond 500 levels.
 */
#ifndef SPOOLGATE_KB_SPLIT_H
#define SPOOLGATE_KB_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum text_format { TEXT_PLAIN, TEXT_MARKDOWN, TEXT_HTML };
extern const char *const text_format_names[]; /* "text", "markdown", "html"; ends with NULL */

struct split_settings {
    size_t tokens;  /* of a chunk, overlap included, at the most; 16 at least */
    size_t overlap; /* of them: at the front, what ends the chunk before; at most half of tokens */
};
#define SPLIT_SETTINGS_DEFAULT       \
    {                                \
        .tokens = 400, .overlap = 40 \
    }
/* Goes up whenever the same text would be split otherwise: documents are then indexed anew. */
#define SPLIT_VERSION      2

#define SPLIT_BYTES_MAX    (512U << 20)
#define SPLIT_SECTIONS_MAX 100000
#define SPLIT_CHUNKS_MAX   200000
#define SPLIT_TAGS_MAX     1000000 /* of HTML: those that shape the page */
#define SPLIT_HEADING_MAX  500     /* bytes; longer headings and titles are cut */
#define SPLIT_NO_SECTION   SIZE_MAX

struct split_section {
    size_t at, len; /* bytes of s.text, the heading's own line included */
    size_t heading_at,
        heading_len; /* bytes of s.headings: as text, without markup; 0: it has none */
    unsigned level;  /* 1 to 6; 0: it has no heading */
    size_t parent;   /* the section whose heading is above; SPLIT_NO_SECTION */
};

struct split_chunk {
    size_t section;
    size_t at, len; /* bytes of s.text, overlap included */
    size_t overlap; /* bytes at the front that the chunk before has, too; never another section's */
    size_t tokens;  /* estimated; more than the setting's only where one character has more */
    size_t char_at; /* characters of s.text before it */
    size_t chars;   /* in it */
    size_t overlap_chars;
    size_t line, lines; /* the line it begins in, 1 the first, and how many it touches */
    size_t page;        /* 1 the first; 0: the text has no form feeds, so no pages */
};

struct split {
    struct buf text;
    struct buf headings;
    size_t title_at, title_len; /* bytes of headings: the page's title, or the first heading of
                                   level 1 in Markdown; 0: it has none */
    struct split_section *sections;
    size_t section_count, section_cap;
    struct split_chunk *chunks;
    size_t chunk_count, chunk_cap;
};

/* NULL when all went well; else why not (static text), and s is to be freed all the same. s must be
 * empty. Memory: some ten times the text's length and 64 MiB at the most; of HTML besides 400 bytes
 * for each tag. */
const char *split_document(struct split *s, enum text_format format, const void *bytes, size_t len,
                           const struct split_settings *settings);
void split_free(struct split *s);

/* What an embedding model would count, near enough to pack by: about a token for four letters of a
 * Latin word, one for each character of Chinese or Japanese, none for white space. Adding text
 * never makes it less. */
size_t split_tokens(const void *text, size_t len);

/* Is it white space alone, of any kind that Unicode has, or nothing? */
bool split_blank(const void *text, size_t len);

#endif
