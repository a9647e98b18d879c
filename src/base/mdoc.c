/* SPDX-License-Identifier: MIT */
#include "base/mdoc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LINE_MOST = 78 };

/* ---- characters ---- */

/* Outside of literals a quote and a hyphen are typography, and stay what they are. */
static void put_byte(struct buf *out, char c, bool is_literal)
{
    static const char special[] = "\\-'`^~\"";
    static const char *const names[] = {"\\e", "\\-", "\\(aq", "\\(ga", "\\(ha", "\\(ti", "\\(dq"};
    const char *at = c && (is_literal || c == '\\') ? strchr(special, c) : NULL;
    if (at)
        buf_str(out, names[at - special]);
    else
        buf_byte(out, (uint8_t)c);
}

static void put_bytes(struct buf *out, const char *text, size_t len, bool is_literal)
{
    for (size_t i = 0; i < len; i++)
        put_byte(out, text[i], is_literal);
}

void mdoc_literal(struct buf *out, const char *text)
{
    put_bytes(out, text, strlen(text), true);
}

/* ---- running text ---- */

struct lines {
    struct buf *out;
    size_t column; /* in the line of the source */
};

static void end_line(struct lines *l)
{
    if (l->column > 0)
        buf_byte(l->out, '\n');
    l->column = 0;
}

/* How far a word goes: to a blank outside of backquotes. */
static size_t word_length(const char *text)
{
    bool in_quotes = false;
    size_t n = 0;
    for (; text[n] && (in_quotes || !strchr(" \n", text[n])); n++)
        if (text[n] == '`' && (in_quotes || strchr(text + n + 1, '`')))
            in_quotes = !in_quotes;
    return n;
}

/* "--since": what is bold of a word that isn't in backquotes. */
static size_t option_length(const char *word, size_t len)
{
    if (len < 3 || strncmp(word, "--", 2) != 0)
        return 0;
    size_t n = 2 + strspn(word + 2, "abcdefghijklmnopqrstuvwxyz-");
    return n > 2 && n <= len ? n : 0;
}

static void put_bold(struct buf *out, const char *text, size_t len)
{
    buf_str(out, "\\fB");
    for (size_t i = 0; i < len; i++)
        put_byte(out, text[i] == '\n' ? ' ' : text[i], true);
    buf_str(out, "\\fP");
}

static void put_word(struct buf *out, const char *word, size_t len)
{
    for (size_t i = 0; i < len;) {
        const char *quoted = word[i] == '`' ? memchr(word + i + 1, '`', len - i - 1) : NULL;
        size_t option = i == 0 || strchr("(|`", word[i - 1]) ? option_length(word + i, len - i) : 0;
        if (quoted) {
            put_bold(out, word + i + 1, (size_t)(quoted - word) - i - 1);
            i = (size_t)(quoted - word) + 1;
        } else if (option > 0) {
            put_bold(out, word + i, option);
            i += option;
        } else {
            put_byte(out, word[i++], false);
        }
    }
}

/* The last word of a sentence; ":" and ";" aren't its end. */
static bool is_end(const char *word, size_t len)
{
    while (len > 1 && strchr(")\"'", word[len - 1]))
        len--;
    return len > 1 && strchr(".!?", word[len - 1]) && word[len - 2] != '.';
}

static void add_word(struct lines *l, const char *word, size_t len, const char *end)
{
    struct buf made = {0};
    put_word(&made, word, len);
    buf_str(&made, end);
    if (l->column > 0 && l->column + 1 + made.len > LINE_MOST)
        end_line(l);
    if (l->column > 0)
        buf_byte(l->out, ' ');
    else if (strchr(".'", buf_cstr(&made)[0])) /* would be a request */
        buf_str(l->out, "\\&");
    l->column += made.len + (l->column > 0);
    buf_put(l->out, made.data, made.len);
    buf_free(&made);
    if (is_end(word, len))
        end_line(l);
}

static void add_text(struct lines *l, const char *text, const char *end)
{
    while (*(text += strspn(text, " \n"))) {
        size_t n = word_length(text);
        bool is_last = text[n + strspn(text + n, " \n")] == '\0';
        add_word(l, text, n, is_last ? end : "");
        text += n;
    }
}

void mdoc_text(struct buf *out, const char *text, const char *end)
{
    struct lines l = {.out = out};
    add_text(&l, text, end);
    end_line(&l);
}

/* ---- help text ---- */

static size_t indent_of(const char *line)
{
    return strspn(line, " ");
}

/* Where the text of "word   what it means" begins; 0: the line isn't like that. */
static size_t term_length(const char *line)
{
    size_t word = strcspn(line, " \n");
    size_t gap = indent_of(line + word);
    return word > 0 && gap >= 2 && line[word + gap] != '\n' && line[word + gap] ? word + gap : 0;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

static const char *put_example(struct buf *out, const char *line)
{
    size_t margin = indent_of(line);
    buf_str(out, ".Bd -literal -offset indent\n");
    for (; *line && *line != '\n'; line = next_line(line)) {
        size_t n = strcspn(line, "\n");
        size_t skip = indent_of(line) < margin ? indent_of(line) : margin;
        if (strchr(".'", line[skip]))
            buf_str(out, "\\&");
        put_bytes(out, line + skip, n - skip, true);
        buf_byte(out, '\n');
    }
    buf_str(out, ".Ed\n");
    return line;
}

/* The lines up to the next that is at the margin and a term, or empty. */
static const char *put_paragraph(struct buf *out, const char *line, bool is_term)
{
    const char *end = line;
    do
        end = next_line(end);
    while (*end && *end != '\n' && !(is_term && indent_of(end) == 0));
    char *text = mem_strdup(line);
    text[end - line] = '\0';
    mdoc_text(out, text, "");
    free(text);
    return end;
}

static const char *put_list(struct buf *out, const char *line)
{
    buf_str(out, ".Bl -tag -width Ds\n");
    for (size_t text; (text = term_length(line)) > 0;) {
        buf_str(out, ".It Cm ");
        put_bytes(out, line, strcspn(line, " "), true);
        buf_byte(out, '\n');
        line = put_paragraph(out, line + text, true);
    }
    buf_str(out, ".El\n");
    return line;
}

void mdoc_help(struct buf *out, const char *text)
{
    for (bool is_first = true; *(text += strspn(text, "\n")); is_first = false) {
        bool is_example = indent_of(text) >= 2;
        bool is_list = !is_example && term_length(text) > 0;
        if (!is_first && !is_example && !is_list) /* displays and lists bring their own */
            buf_str(out, ".Pp\n");
        text = is_example ? put_example(out, text)
               : is_list  ? put_list(out, text)
                          : put_paragraph(out, text, false);
    }
}
