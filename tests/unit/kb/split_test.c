/* SPDX-License-Identifier: MIT */
#include "kb/split.h"

#include <stdlib.h>
#include <time.h>

#include "bytes.h"
#include "split_check.h"

static const struct split_settings usual = SPLIT_SETTINGS_DEFAULT;

/* Splits and sees to it that all holds that must. */
static const char *split_checked(struct split *s, enum text_format format, const void *bytes,
                                 size_t len, const struct split_settings *settings)
{
    *s = (struct split){0};
    const char *problem = split_document(s, format, bytes, len, settings);
    const char *broken = problem ? NULL : split_check(s, format, bytes, len, settings);
    char text[BYTES_TEXT];
    cr_expect_null(broken, "%s, %zu tokens, %zu overlap: doesn't hold: %s\n%s",
                   text_format_names[format], settings->tokens, settings->overlap, broken,
                   bytes_show(bytes, len, text));
    return problem;
}

/* Sections as "(title)[level heading<parent]text", chunks as "{overlap|text}". */
static void show_sections(const struct split *s, struct buf *out)
{
    if (s->title_len > 0)
        buf_printf(out, "(%.*s)", (int)s->title_len, (const char *)s->headings.data + s->title_at);
    for (size_t i = 0; i < s->section_count; i++) {
        const struct split_section *of = &s->sections[i];
        buf_printf(out, "[%u %.*s", of->level, (int)of->heading_len,
                   (const char *)s->headings.data + of->heading_at);
        if (of->parent != SPLIT_NO_SECTION)
            buf_printf(out, "<%zu", of->parent);
        buf_byte(out, ']');
        buf_put(out, s->text.data + of->at, of->len);
    }
}

static void show_chunks(const struct split *s, struct buf *out)
{
    for (size_t i = 0; i < s->chunk_count; i++) {
        const struct split_chunk *c = &s->chunks[i];
        buf_byte(out, '{');
        buf_put(out, s->text.data + c->at, c->overlap);
        if (c->overlap > 0)
            buf_byte(out, '|');
        buf_put(out, s->text.data + c->at + c->overlap, c->len - c->overlap);
        buf_byte(out, '}');
    }
}

struct row {
    const char *text, *want;
};

static void expect_sections(enum text_format format, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct split s;
        struct buf got = {0};
        const char *problem = split_checked(&s, format, rows[i].text, strlen(rows[i].text), &usual);
        cr_expect_null(problem, "row %zu: want it split, got: %s", i, problem);
        show_sections(&s, &got);
        EXPECT_BYTES(got.data, got.len, rows[i].want, strlen(rows[i].want), "row %zu", i);
        buf_free(&got);
        split_free(&s);
    }
}

Test(kb_split, plain)
{
    static const struct row rows[] = {
        {"", ""},
        {" \n\t\r\n\u00a0\u3000\ufeff", ""},
        {"a", "[0 ]a"},
        {"\n\n a\n", "[0 ]\n\n a\n"},
        {"# no heading\n", "[0 ]# no heading\n"},
    };
    expect_sections(TEXT_PLAIN, rows, COUNT(rows));
}

Test(kb_split, markdown)
{
    static const struct row rows[] = {
        {"", ""},
        {"\n \n", ""},
        {"text\n", "[0 ]text\n"},
        {"# A\ntext\n", "(A)"
                        "[1 A]# A\ntext\n"},
        {"\n\n# A\n", "(A)"
                      "[1 A]\n\n# A\n"},
        {"before\n\n## A", "[0 ]before\n\n[2 A]## A"},
        {"\ufeff# A\n", "(A)"
                        "[1 A]\ufeff# A\n"},
        {"# A\n# B\n", "(A)"
                       "[1 A]# A\n[1 B]# B\n"},
        {"# A\n## B\n#### C\n### D\n## E\n# F\n",
         "(A)"
         "[1 A]# A\n[2 B<0]## B\n[4 C<1]#### C\n[3 D<1]### D\n[2 E<0]## E\n[1 F]# F\n"},
        {"## A\n# B\n# C\n", "(B)"
                             "[2 A]## A\n[1 B]# B\n[1 C]# C\n"},
        {"x\n\n## A\n", "[0 ]x\n\n[2 A]## A\n"},
        /* setext, of several lines; of a table there is none */
        {"A\nb\n===\nx\n\nC\n---\ny\n", "(A b)"
                                        "[1 A b]A\nb\n===\nx\n\n[2 C<0]C\n---\ny\n"},
        /* line ends */
        {"# A\r\nx\r\n# B\r\n", "(A)"
                                "[1 A]# A\r\nx\r\n[1 B]# B\r\n"},
        {"# A\rx\r# B\r", "(A)"
                          "[1 A]# A\rx\r[1 B]# B\r"},
        /* what isn't of the top level begins none */
        {"- # A\n  x\n> # B\n", "[0 ]- # A\n  x\n> # B\n"},
        {"```\n# A\n```\n", "[0 ]```\n# A\n```\n"},
        {"```\n# A\n", "[0 ]```\n# A\n"},
        {"~~~ a `b`\n# A\n~~~\n# B\n", "(B)"
                                       "[0 ]~~~ a `b`\n# A\n~~~\n[1 B]# B\n"},
        {"```a```\n# A\n", "(A)"
                           "[0 ]```a```\n[1 A]# A\n"},
        {"x\n\n    # A\n", "[0 ]x\n\n    # A\n"},
        {"\t# A\n", "[0 ]\t# A\n"},
        {"<!--\n# A\n-->\n# B\n", "(B)"
                                  "[0 ]<!--\n# A\n-->\n[1 B]# B\n"},
        {"<pre>\n# A\n\n# B</pre>\n# C\n", "(C)"
                                           "[0 ]<pre>\n# A\n\n# B</pre>\n[1 C]# C\n"},
        {"<![CDATA[\n\n# A ]]>\n# B\n", "(B)"
                                        "[0 ]<![CDATA[\n\n# A ]]>\n[1 B]# B\n"},
        {"<a href=\"x_y&z\">\n# A\n\n# B\n", "(B)"
                                             "[0 ]<a href=\"x_y&z\">\n# A\n\n[1 B]# B\n"},
        {"\\# A\n#B\n####### C\n", "[0 ]\\# A\n#B\n####### C\n"},
        {"x\n***\n# A\n", "(A)"
                          "[0 ]x\n***\n[1 A]# A\n"},
        {"<script>\u00e9</script>\n# A\n", "(A)"
                                           "[0 ]<script>\u00e9</script>\n[1 A]# A\n"},
        {"<\u00e9>\nA\n===\n", "(<\u00e9> A)"
                               "[1 <\u00e9> A]<\u00e9>\nA\n===\n"},
        /* front matter, and what only looks like it */
        {"---\ntitle: T\n# A\n---\n# B\n", "(B)"
                                           "[0 ]---\ntitle: T\n# A\n---\n[1 B]# B\n"},
        {"\ufeff--- \r\n\"a\": b\r\n\r\n...\r\nx\n===\n",
         "(x)"
         "[0 ]\ufeff--- \r\n\"a\": b\r\n\r\n...\r\n[1 x]x\n===\n"},
        {"+++\na = [\n# A\n+++\n## B\n", "[0 ]+++\na = [\n# A\n+++\n[2 B]## B\n"},
        {"---\na: b\n---", "[0 ]---\na: b\n---"},
        {"---\n\na: b\n---\n", "[2 a: b]---\n\na: b\n---\n"},
        {"---\n# A\nb: c\n---\n", "(A)"
                                  "[1 A]---\n# A\n[2 b: c<0]b: c\n---\n"},
        {"---\na:b\n---\n", "[2 a:b]---\na:b\n---\n"},
        {"---\na: b\n# A\n", "(A)"
                             "[0 ]---\na: b\n[1 A]# A\n"},
        {"----\na: b\n----\n", "[2 a: b]----\na: b\n----\n"},
        {"x\n---\na: b\n---\n", "[2 x]x\n---\n[2 a: b]a: b\n---\n"},
        /* what has no word stands by itself nowhere */
        {"---\n---\n\n# A\n", "(A)"
                              "[1 A]---\n---\n\n# A\n"},
        {"1\n# A\n", "(A)"
                     "[0 ]1\n[1 A]# A\n"},
        /* headings as text */
        {"# *A* `b*c` [d](e \"f\") &amp; \\# <i>g</i> ##\n",
         "(A b*c d & # g)"
         "[1 A b*c d & # g]# *A* `b*c` [d](e \"f\") &amp; \\# <i>g</i> ##\n"},
        {"#\n# \nx\n", "[1 ]#\n[1 ]# \nx\n"},
        {"#   \u00dcber\u3000\u4e2d\n", "(\u00dcber \u4e2d)"
                                        "[1 \u00dcber \u4e2d]#   \u00dcber\u3000\u4e2d\n"},
    };
    expect_sections(TEXT_MARKDOWN, rows, COUNT(rows));
}

Test(kb_split, html)
{
    static const struct row rows[] = {
        {"", ""},
        {" <p>\n&nbsp;</p> ", ""},
        {"a  b\n\tc", "[0 ]a b c"},
        {"<title> A &amp;\n <b> </title>x", "(A & <b>)"
                                            "[0 ]x"},
        {"<p>a<p>b<div>c</div>d", "[0 ]a\n\nb\n\nc\nd"},
        {"a<br>b<br/><br>c", "[0 ]a\nb\n\nc"},
        {"a<b>b</b> <i> c</i>d", "[0 ]ab cd"},
        {"x<h1>A <i>b</i></h1>y<h3>C</h3><h2>D</h2>",
         "[0 ]x\n\n[1 A b]A b\n\ny\n\n[3 C<1]C\n\n[2 D<1]D"},
        {"<p>|</p><h1>A</h1>", "[1 A]|\n\nA"},
        {"<h1> &nbsp; </h1>a<h2></h2>b", "[0 ]\u00a0\n\na\n\nb"},
        {"<h1>A<br>b</h1>", "[1 A b]A\nb"},
        {"<div><ul><li><h2>A</h2>b<li>c</ul></div>", "[2 A]A\n\nb\nc"},
        {"<ul><li>a<li>b</ul>c", "[0 ]a\nb\n\nc"},
        {"<table><tr><td>a<td>b<tr><th><th>c</table>d", "[0 ]a\tb\n\tc\n\nd"},
        {"<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "[0 ]a\tb"},
        {"<table><tr><td>x<td><h2>A</h2>b</table>", "[0 ]x\n\n[2 A]A\n\nb"},
        {"a<pre>\n b\n\n  c </pre>d", "[0 ]a\n\n b\n\n  c \n\nd"},
        {"<script>a</script>b<style>c</style><template>d</template><noscript>e</noscript>f",
         "[0 ]bf"},
        {"<script>if (a</script >b<SCRIPT>\"</sc\"</SCRIPT>c", "[0 ]bc"},
        {"<head><meta charset=x><link>t</head>a<!-- b --> c <!-->d<!doctype x><?e?>f",
         "[0 ]ta c df"},
        {"<p title='a>b' hidden=\"<p>\">c</p>", "[0 ]c"},
        {"a < b &lt; c &#x4e2d; &eacute;&notit; <3", "[0 ]a < b < c \u4e2d \u00e9\u00acit; <3"},
        {"&am<b>p;</b>", "[0 ]&amp;"},
        {"<textarea><b>a</textarea><select><option>b<option>c</select>", "[0 ]<b>a\nb\nc"},
        {"<a><p>a</a>b</p></table></h1>c<", "[0 ]ab\n\nc<"},
        {"&#4294967361;a&#x80000000000000041g&#99999999999999;&#00000000065;&#x10FFFF;c",
         "[0 ]\ufffda\ufffdg\ufffdA\U0010ffffc"},
        {"&#0;&#xd800;&#x110000;", "[0 ]\ufffd\ufffd\ufffd"},
        {"<template><p>a<template>b</template>c</template>d", "[0 ]d"},
        {"b<svg><title>a</title><text>c</text></svg>", "[0 ]bc"},
    };
    expect_sections(TEXT_HTML, rows, COUNT(rows));
}

Test(kb_split, borders)
{
    static const struct {
        enum text_format format;
        struct split_settings settings;
        const char *text, *want;
    } rows[] = {
        {TEXT_PLAIN, {16, 0}, "one two", "{one two}"},
        /* words */
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g h i j k l m n o p q r s",
         "{a b c d e f g h i j k l m n o p }{q r s}"},
        {TEXT_PLAIN,
         {16, 4},
         "a b c d e f g h i j k l m n o p q r s",
         "{a b c d e f g h i j k l m n o p }{m n o p |q r s}"},
        /* in the midst of one that is too long */
        {TEXT_PLAIN,
         {16, 8},
         "a 123456789012345678901234567890123456789012345678901234567890 b",
         "{a }{123456789012345678901234567890123456789012345678}{901234567890 b}"},
        /* a line, a sentence, a paragraph, each better than what comes later */
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g h i j k l\nm n o p q",
         "{a b c d e f g h i j k l\n}{m n o p q}"},
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g h. I j k\nl m n o p q",
         "{a b c d e f g h. }{I j k\nl m n o p q}"},
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g h\n\nI j k.\nL m n o p q",
         "{a b c d e f g h\n\n}{I j k.\nL m n o p q}"},
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g h\fI j k.\nL m n o p q",
         "{a b c d e f g h\f}{I j k.\nL m n o p q}"},
        /* but not in the front half */
        {TEXT_PLAIN,
         {16, 0},
         "a b c d\n\nE f g h i j k l m n o p q",
         "{a b c d\n\nE f g h i j k l m n o p }{q}"},
        /* not a sentence's end; and one with a quote */
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g, e.g. h i j k l m n o p",
         "{a b c d e f g, e.g. h i j k }{l m n o p}"},
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g.\") H i j k l m n o p q",
         "{a b c d e f g.\") }{H i j k l m n o p q}"},
        /* overlap from a sentence's beginning */
        {TEXT_PLAIN,
         {16, 8},
         "a b c d e f g. H i j k. L m n o p q r s t u",
         "{a b c d e f g. H i j k. }{H i j k. |L m n o p q r s t u}"},
        /* Chinese: after a sentence, and not before what ends one */
        {TEXT_PLAIN,
         {16, 0},
         "一二三四五六七八九十。一二三四五六七八",
         "{一二三四五六七八九十。}{一二三四五六七八}"},
        {TEXT_PLAIN,
         {16, 0},
         "一二三四五六七八九十一二三四五六，七",
         "{一二三四五六七八九十一二三四五}{六，七}"},
        {TEXT_PLAIN,
         {16, 4},
         "一二三四五六七八九十一二三四五六七八",
         "{一二三四五六七八九十一二三四五六}{三四五六|七八}"},
        /* marks stay with what they belong to: 16 e with two accents each, a family, a flag */
        {TEXT_PLAIN,
         {16, 0},
         "e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301"
         "\u0302"
         "e\u0301\u0302e\u0301\u0302",
         "{e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301\u0302e\u0301"
         "\u0302"
         "e\u0301\u0302}{e\u0301\u0302}"},
        {TEXT_PLAIN,
         {16, 0},
         "abcd👩‍👩‍👧‍👦👩‍👩‍👧‍👦🇩🇪🇩🇪",
         "{abcd👩‍👩‍👧‍👦}{👩‍👩‍👧‍👦🇩🇪}{🇩🇪}"},
        /* a line end isn't cut */
        {TEXT_PLAIN,
         {16, 0},
         "a b c d e f g h i j k l m n o p\r\nq\r\n",
         "{a b c d e f g h i j k l m n o p\r\n}{q\r\n}"},
        /* sections don't share */
        {TEXT_MARKDOWN, {16, 8}, "# A\n\nb c\n\n# D\n", "{# A\n\nb c\n\n}{# D\n}"},
        /* a fence, and a table, that fit; and one that doesn't */
        {TEXT_MARKDOWN,
         {16, 0},
         "a b c d e f g h\n\n```\ni j\n\nk l r s t\n```\nm n o p q",
         "{a b c d e f g h\n\n}{```\ni j\n\nk l r s t\n```\nm n o p q}"},
        {TEXT_MARKDOWN,
         {16, 8},
         "a b c d e f g h\n\n```\ni j k l m n o p q r s t\n```\nm n o p q",
         "{a b c d e f g h\n\n}{```\ni j k l m n o p q r s t\n```\n}{n o p q r s t\n```\n|m n o p "
         "q}"},
        {TEXT_MARKDOWN,
         {16, 0},
         "a b c d e f g h\n\nx\n|i|j|\n|-|-|\n|k|l|\n\nm",
         "{a b c d e f g h\n\nx\n}{|i|j|\n|-|-|\n|k|l|\n\nm}"},
        {TEXT_MARKDOWN, {16, 0}, "> |i|j|\n> |-|-|\n> |k|l|\n", "{> |i|j|\n> |-|-|\n}{> |k|l|\n}"},
        {TEXT_MARKDOWN,
         {16, 0},
         "a\n\n```\nb c d e f g h i j k l m n o p q\n```\n",
         "{a\n\n```\nb c d e f g h i j k l m n o }{p q\n```\n}"},
        {TEXT_HTML,
         {16, 0},
         "<p>a b c d e f g h<pre>i j\n\nk l m n o p q</pre>r",
         "{a b c d e f g h\n\n}{i j\n\nk l m n o p q\n\nr}"},
        {TEXT_HTML,
         {16, 0},
         "<p>a b c d e f g h<table><tr><td>i j<td>k l m n<tr><td>o<td>p q</table>r",
         "{a b c d e f g h\n\n}{i j\tk l m n\no\tp q\n\nr}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct split s;
        struct buf got = {0};
        const char *problem = split_checked(&s, rows[i].format, rows[i].text, strlen(rows[i].text),
                                            &rows[i].settings);
        cr_expect_null(problem, "row %zu: want it split, got: %s", i, problem);
        show_chunks(&s, &got);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, buf_cstr(&got));
        buf_free(&got);
        split_free(&s);
    }
}

Test(kb_split, places)
{
    static const char text[] = "\xc3\xa9 b c d e f\r\ng h i j k l\fm\n n o p. Q r s\rt\n";
    static const struct split_chunk want[] = {
        {0, 0, 26, 0, 12, 0, 25, 0, 1, 2, 1},
        {0, 20, 24, 6, 12, 19, 24, 6, 2, 3, 1},
    };
    struct split s;
    struct split_settings settings = {.tokens = 16, .overlap = 3};
    cr_assert_null(split_checked(&s, TEXT_PLAIN, text, sizeof text - 1, &settings));
    cr_expect_eq(s.chunk_count, COUNT(want), "want %zu chunks, got %zu", COUNT(want),
                 s.chunk_count);
    for (size_t i = 0; i < COUNT(want) && i < s.chunk_count; i++) {
        const size_t *w = &want[i].section;
        const size_t *g = &s.chunks[i].section;
        for (size_t field = 0; field < sizeof *want / sizeof *w; field++)
            cr_expect_eq(g[field], w[field], "chunk %zu, field %zu: want %zu, got %zu", i, field,
                         w[field], g[field]);
    }
    split_free(&s);
}

Test(kb_split, tokens)
{
    static const struct {
        const char *text;
        size_t want;
    } rows[] = {
        {"", 0},
        {" \n\t ", 0},
        {"a", 1},
        {"word", 1},
        {"words", 2},
        {"two words", 3},
        {"1234", 2},
        {"a1", 2},
        {"!", 1},
        {"!?", 2},
        {"----", 1},
        {"-----", 2},
        {"\u4e2d\u6587", 2},
        {"\u3042", 1},
        {"\uac00\uac01", 2},
        {"\u0430\u0431\u0432", 2},
        {"\U0001f600", 2},
        {"e\u0301", 2},
        {"\u00e9t\u00e9", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t got = split_tokens(rows[i].text, strlen(rows[i].text));
        cr_expect_eq(got, rows[i].want, "%s: want %zu tokens, got %zu", rows[i].text, rows[i].want,
                     got);
    }
}

Test(kb_split, refused)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("a\0b"), "the text has a NUL; it isn't text, or take them out"},
        {BYTES("a\xff"), "the text isn't valid UTF-8; convert it"},
        {BYTES("\xed\xa0\x80"), "the text isn't valid UTF-8; convert it"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int format = TEXT_PLAIN; format <= TEXT_HTML; format++) {
            struct split s;
            const char *got =
                split_checked(&s, (enum text_format)format, rows[i].text, rows[i].len, &usual);
            cr_expect_str_eq(got ? got : "", rows[i].want, "row %zu: want %s, got %s", i,
                             rows[i].want, got);
            split_free(&s);
        }
}

/* ---- large and hostile ones ---- */

static void repeat(struct buf *b, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_str(b, text);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define LINE_ENDS "\n\n\n\n\n\n\n\n\n\n"
#define LINES     LINE_ENDS LINE_ENDS LINE_ENDS LINE_ENDS LINE_ENDS LINE_ENDS LINE_ENDS LINE_ENDS
#define DASHES    "- - - - - - - - - - - - - - - "

/* Each takes well under a second; where time grows with the square, a minute. */
Test(kb_split, hostile)
{
    static const struct {
        enum text_format format;
        const char *front, *again, *back;
        size_t times;
        const char *want; /* NULL: it is split */
    } rows[] = {
        {TEXT_PLAIN, "", "x", "", 10000000, NULL},
        {TEXT_PLAIN, "a", " ", "b", 10000000, NULL},
        {TEXT_PLAIN, "a", "\u0301", "b", 1000000, NULL},
        {TEXT_PLAIN, "", "\r", "b", 1000000, NULL},
        {TEXT_PLAIN, "", "a\n\n", "", 1000000, NULL},
        {TEXT_MARKDOWN, "", "x", "", 10000000, NULL},
        {TEXT_MARKDOWN, "", "> ", "x", 10000, NULL},
        {TEXT_MARKDOWN, "", ">", "x", 1000000, NULL},
        {TEXT_MARKDOWN, "", "- ", "x", 20000, NULL},
        {TEXT_MARKDOWN, "",
         DASHES DASHES DASHES DASHES "x" LINES LINES LINES LINES LINES LINES LINES LINES LINES, "",
         15000, NULL},
        {TEXT_MARKDOWN, "", "# a\n", "", 1000000,
         "more than 100000 headings; send it as several documents"},
        {TEXT_MARKDOWN, "# ", "![[]()", "", 300000, NULL},
        {TEXT_MARKDOWN, "", "![[]()", "", 300000, NULL},
        {TEXT_MARKDOWN, "", "*a_", "", 300000, NULL},
        {TEXT_MARKDOWN, "", "# ![[]()\n", "", 90000, NULL},
        {TEXT_MARKDOWN, "```\n", "# a\n", "", 1000000, NULL},
        {TEXT_MARKDOWN, "", "```\na\n```\n", "", 50000, NULL},
        {TEXT_MARKDOWN, "", "- a\n", "", 300000, NULL},
        {TEXT_MARKDOWN, "", "|a|\n|-|\n", "", 100000, NULL},
        {TEXT_MARKDOWN, "", "<a\n", "", 300000, NULL},
        {TEXT_MARKDOWN, "", "[a]: b\n", "", 100000, NULL},
        {TEXT_HTML, "", "x", "", 10000000, NULL},
        {TEXT_HTML, "", "<div>", "x", 1000001,
         "more than 1000000 tags; send it as several documents"},
        {TEXT_HTML, "", "&a<b>", "x", 1000001,
         "more than 1000000 tags; send it as several documents"},
        {TEXT_HTML, "", "<div>", "x", 500000, NULL},
        {TEXT_HTML, "", "<b>", "x", 1000000, NULL},
        {TEXT_HTML, "", "<ul><li>x", "", 100000, NULL},
        {TEXT_HTML, "", "<dl><dd><li>x", "", 100000, NULL},
        {TEXT_HTML, "", "<li><dd>x", "", 100000, NULL},
        {TEXT_HTML, "", "<h1><li>x", "", 60000, NULL},
        {TEXT_HTML, "", "<table><tr><td>", "x", 100000, NULL},
        {TEXT_HTML, "<table>", "<p>x", "", 100000, NULL},
        {TEXT_HTML, "<table>", "x<tr>", "", 100000, NULL},
        {TEXT_HTML, "", "<h1>a</h1>", "", 300000,
         "more than 100000 headings; send it as several documents"},
        {TEXT_HTML, "<p", " a", ">x", 1000000, NULL},
        {TEXT_HTML, "", "<!--", "x", 1000000, NULL},
        {TEXT_HTML, "", "<script>", "x", 1000000, NULL},
        {TEXT_HTML, "<script>", "</", "x", 1000000, NULL},
        {TEXT_HTML, "", "<template>", "x", 300000, NULL},
        {TEXT_HTML, "", "</p>", "x", 300000, NULL},
        {TEXT_HTML, "", "<p>x</div>", "", 100000, NULL},
        {TEXT_HTML, "", "&amp", "x", 1000000, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf text = {0};
        struct split s = {0};
        buf_str(&text, rows[i].front);
        repeat(&text, rows[i].again, rows[i].times);
        buf_str(&text, rows[i].back);
        double before = seconds();
        const char *got = split_document(&s, rows[i].format, text.data, text.len, &usual);
        double took = seconds() - before;
        cr_expect_str_eq(got ? got : "", rows[i].want ? rows[i].want : "",
                         "row %zu (%s): want %s, got %s", i, rows[i].again,
                         rows[i].want ? rows[i].want : "it split", got ? got : "it split");
        cr_expect(took < 5, "row %zu (%s): want less than 5 s, got %.1f s", i, rows[i].again, took);
        if (getenv("SPLIT_TIMES"))
            printf("%2zu %-10.10s %6.2f s %9zu bytes %zu sections %zu chunks\n", i, rows[i].again,
                   took, text.len, s.section_count, s.chunk_count);
        split_free(&s);
        buf_free(&text);
    }
}

Test(kb_split, too_many_chunks)
{
    static const struct split_settings settings = {.tokens = 16, .overlap = 0};
    static const struct {
        size_t words;
        const char *want;
    } rows[] = {
        {(size_t)16 * SPLIT_CHUNKS_MAX, ""},
        {(size_t)16 * SPLIT_CHUNKS_MAX + 1,
         "more than 200000 chunks; send it as several documents"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf text = {0};
        struct split s = {0};
        repeat(&text, "x ", rows[i].words);
        const char *got = split_document(&s, TEXT_PLAIN, text.data, text.len, &settings);
        cr_expect_str_eq(got ? got : "", rows[i].want, "%zu words: want \"%s\", got \"%s\"",
                         rows[i].words, rows[i].want, got ? got : "");
        split_free(&s);
        buf_free(&text);
    }
}

/* A Markdown block that cmark sees in slices has the sections that it has at once. */
Test(kb_split, slices)
{
    struct buf text = {0};
    struct split s = {0};
    size_t want = 0;
    for (size_t i = 0; text.len < (size_t)8 * 1024 * 1024; i++) {
        switch (i % 5) {
        case 0:
            buf_printf(&text, "%s%zu\n", i % 2 ? "# A" : "B\n===\n", i);
            want += 1;
            break;
        case 1:
            buf_str(&text, "```\n");
            repeat(&text, "# not one\n\n", i * 3701 % 40000);
            buf_str(&text, "```\n");
            break;
        case 2:
            repeat(&text, "- item\n\n  # not one\n\n", i * 1331 % 20000);
            break;
        case 3:
            buf_str(&text, "<!--\n");
            repeat(&text, "# not one\n\n", i * 2303 % 40000);
            buf_str(&text, "-->\n");
            break;
        default:
            repeat(&text, "words of a paragraph\n", i * 1701 % 20000);
            repeat(&text, "\n", i * 1301 % 300000 + 1);
        }
    }
    cr_assert_null(split_document(&s, TEXT_MARKDOWN, text.data, text.len, &usual));
    cr_expect_eq(s.section_count, want, "want %zu sections, got %zu", want, s.section_count);
    split_free(&s);
    buf_free(&text);
}

/* ---- what holds of any text ---- */

static const char *const words[] = {
    "word",
    "a",
    "Supercalifragilistic",
    "e.g.",
    "end.",
    "end!",
    "(what?)",
    "\"so.\"",
    "42",
    "3.14",
    "x=y;",
    "----",
    "***",
    "e\u0301",
    "n\u0303\u0323",
    "\u00fcber",
    "\u4e2d\u6587\u5b57",
    "\u300c\u65e5\u672c\u3002\u300d",
    "\u304b\u3099",
    "\ud55c\uad6d\uc5b4",
    "\u1112\u1161\u11ab",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
    "\u0645\u064e\u0631\u062d\u0628\u0627\u061f",
    "\u0928\u092e\u0938\u094d\u0924\u0947\u0964",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22\u0e34",
    "👩‍👩‍👧‍👦",
    "👍🏽",
    "🇩🇪🇫🇷🇯",
    "❤️",
    "1\ufe0f\u20e3",
    "\u202eabc\u202c",
    "a\u200bb",
    "\u0301",
    "\u200d",
    "\ufe0f",
    "\u00ad",
    "\u00a0",
    "\ufeff",
    "https://example.org/a_b?c=d&e#f",
    "AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKKLLLLMMMMNNNNOOOOPPPP",
};
static const char *const gaps[] = {" ",  " ",      " ",      " ",        "  ", "\t",
                                   "\n", "\n\n",   "\r\n",   "\r\n\r\n", "\r", "\n\n\n   ",
                                   "\f", "\u3000", "\u2028", "",         ""};
static const char *const marks[][40] = {
    [TEXT_PLAIN] = {"\n\n", "\f", "    ", "# ", "if (x) {\n\ty();\n}\n", NULL},
    [TEXT_MARKDOWN] =
        {"\n# ",      "\n## ",    "\n###### ", "\n===\n",     "\n---\n",
         "\n```\n",   "\n```c\n", "\n~~~\n",   "\n> ",        "\n- ",
         "\n  - ",    "\n1. ",    "\n    ",    "\n\t",        "\n|a|b|\n|-|-|\n|c|d|\n",
         "\n|:-:|\n", "|",        "\n***\n",   "<!--",        "-->",
         "\n<div>\n", "</div>\n", "\n<?",      "\n![",        "](",
         "[a]: b\n",  "`",        "*",         "_",           "\\",
         "&amp;",     "<b>",      "\n#",       "\n<![CDATA[", "]]>",
         NULL},
    [TEXT_HTML] = {"<p>",
                   "</p>",
                   "<h1>",
                   "</h1>",
                   "<h2>",
                   "</h3>",
                   "<div>",
                   "</div>",
                   "<br>",
                   "<pre>",
                   "</pre>",
                   "<table>",
                   "<tr>",
                   "<td>",
                   "</table>",
                   "<ul>",
                   "<li>",
                   "</ul>",
                   "<b>",
                   "</b>",
                   "<a href=\"x>y\">",
                   "&amp;",
                   "&#x301;",
                   "&#0;",
                   "<!--",
                   "-->",
                   "<script>",
                   "</script>",
                   "<title>",
                   "</title>",
                   "<",
                   "</",
                   "<template>",
                   "</template>",
                   "<svg>",
                   "<textarea>",
                   "</textarea>",
                   "<select><option>",
                   NULL},
};

static void random_text(struct buf *text, enum text_format format, uint64_t *seed)
{
    size_t pieces = bytes_random(seed) % 300;
    size_t odd = bytes_random(seed) % 12; /* some texts are plain, others nothing but marks */
    size_t kinds = bytes_random(seed) % COUNT(words) + 1;
    size_t count = 0;
    while (marks[format][count])
        count++;
    for (size_t i = 0; i < pieces; i++) {
        if (bytes_random(seed) % 12 < odd)
            buf_str(text, marks[format][bytes_random(seed) % count]);
        if (bytes_random(seed) % 12 >= odd / 2)
            buf_str(text, words[bytes_random(seed) % kinds]);
        buf_str(text, gaps[bytes_random(seed) % COUNT(gaps)]);
    }
}

static void expect_properties(enum text_format format)
{
    uint64_t seed = 0x5b1e5 + (uint64_t)format;
    for (size_t i = 0; i < 2000; i++) {
        struct buf text = {0};
        struct split s;
        struct split again;
        struct split_settings settings = {.tokens = 16 + bytes_random(&seed) % 100};
        settings.overlap = bytes_random(&seed) % (settings.tokens / 2 + 1);
        random_text(&text, format, &seed);
        const char *problem = split_checked(&s, format, text.data, text.len, &settings);
        cr_expect_null(problem, "text %zu: want it split, got %s", i, problem);
        (void)split_checked(&again, format, text.data, text.len, &settings);
        cr_expect(split_same(&s, &again), "text %zu: want the same again", i);
        split_free(&s);
        split_free(&again);
        buf_free(&text);
    }
}

Test(kb_split, plain_properties)
{
    expect_properties(TEXT_PLAIN);
}

Test(kb_split, markdown_properties)
{
    expect_properties(TEXT_MARKDOWN);
}

Test(kb_split, html_properties)
{
    expect_properties(TEXT_HTML);
}

Test(kb_split, tokens_never_shrink)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < 2000; i++) {
        struct buf text = {0};
        random_text(&text, (enum text_format)(i % 3), &seed);
        size_t from = text.len > 0 ? bytes_random(&seed) % text.len : 0;
        while (from < text.len && (text.data[from] & 0xc0) == 0x80)
            from++;
        size_t whole = split_tokens(text.data, text.len);
        size_t front = split_tokens(text.data, from);
        size_t back = split_tokens(text.data + from, text.len - from);
        cr_expect(whole >= front && whole >= back, "want %zu tokens at least for %zu and %zu",
                  whole, front, back);
        cr_expect(whole <= front + back, "want %zu tokens at most, got %zu", front + back, whole);
        buf_free(&text);
    }
}
