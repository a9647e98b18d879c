/* SPDX-License-Identifier: MIT */
#include "base/screen.h"

#include "bytes.h"

#define BEGIN "\033[?2026h\033[H"
#define K     "\033[K"
#define REST  "\r\n\033[J"
#define END   "\033[?2026l"

Test(base_screen, frames)
{
    static const struct {
        const char *text;
        struct screen_size size;
        const char *want;
    } cases[] = {
        {"", {5, 2, true}, BEGIN "\033[J" END},
        {"a\n", {5, 2, true}, BEGIN "a" K REST END},
        {"a\nb", {5, 2, true}, BEGIN "a" K "\r\nb" K END},
        {"a\nb\n", {5, 2, true}, BEGIN "a" K "\r\nb" K END},
        {"a\n\nb\n", {5, 4, true}, BEGIN "a" K "\r\n" K "\r\nb" K REST END},
        {"abcde\nabcdef\n", {5, 3, true}, BEGIN "abcde\r\nabcde" REST END},
        {"a\nb\nc\n",
         {80, 2, true},
         BEGIN "a" K "\r\n... 2 more lines: a higher window shows them" K END},
        {"a\nb\n", {3, 1, true}, BEGIN "..." END},
        {"a\n", {5, 0, true}, BEGIN END},
        /* two columns each: the third doesn't fit any more */
        {"\u65e5\u672c\u8a9e\n", {5, 2, true}, BEGIN "\u65e5\u672c" K REST END},
        {"\u65e5\u672c\n", {4, 2, true}, BEGIN "\u65e5\u672c" REST END},
        /* an accent of its own takes no column, also behind a full line */
        {"abcde\u0301f\n", {5, 2, true}, BEGIN "abcde\u0301" REST END},
        {"\u00fc\u2026\n", {5, 2, true}, BEGIN "\u00fc\u2026" K REST END},
        {"\u00fc\u2026\n", {5, 2, false}, BEGIN "??" K REST END},
        /* nothing is obeyed */
        {"\033[2Jx\x7f\xc2\x85\n", {9, 2, true}, BEGIN "?[2Jx??" K REST END},
        {"\xff\xc3\n", {9, 2, true}, BEGIN "??" K REST END},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        screen_put(&out, cases[i].text, &cases[i].size);
        cr_expect_str_eq(buf_cstr(&out), cases[i].want, "case %zu: %s\nwant: %s\n got: %s", i,
                         cases[i].text, cases[i].want, buf_cstr(&out));
        buf_free(&out);
    }
}

/* In the C locale, too, which a daemon's or cron's processes have. */
Test(base_screen, columns)
{
    static const struct {
        const char *text;
        size_t want;
    } cases[] = {
        {"", 0},         {"abc", 3},        {"\u00fc\u2026", 2}, {"\u65e5\u672c\u8a9e", 6},
        {"a\u65e5b", 4}, {"\uff71", 1}, /* half-width katakana */
        {"e\u0301", 1},  {"\U0001f600", 2}, {"\033[m\x7f", 4},   {"\xff\xc3", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t got = screen_columns(cases[i].text);
        cr_expect_eq(got, cases[i].want, "case %zu: %s: want %zu, got %zu", i, cases[i].text,
                     cases[i].want, got);
    }
}
