/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>

#include "base/utf8.h"
#include "bytes.h"

/* What scripts and the taxonomy rely on, class by class. */
Test(base_err, classes)
{
    static const struct {
        enum err_class cls;
        const char *name;
        int code;
        bool environment;
    } rows[] = {
        {ERR_NONE, "none", 0, false},         {ERR_USAGE, "usage", 64, true},
        {ERR_SEGMENT, "segment", 65, false},  {ERR_ROW, "row", 65, false},
        {ERR_DATABASE, "database", 69, true}, {ERR_REMOTE, "remote", 69, true},
        {ERR_INTERNAL, "internal", 70, true}, {ERR_SPOOL, "spool", 73, true},
        {ERR_BUSY, "busy", 75, true},         {ERR_STOPPED, "stopped", 75, true},
        {ERR_CONFIG, "config", 78, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = err_make(rows[i].cls, "x");
        cr_expect_str_eq(err_class_name(e.cls), rows[i].name, "want %s, got %s", rows[i].name,
                         err_class_name(e.cls));
        cr_expect_eq(err_exit_code(&e), rows[i].code, "%s: want %d, got %d", rows[i].name,
                     rows[i].code, err_exit_code(&e));
        cr_expect_eq(err_is_environment(&e), rows[i].environment, "%s: want %d, got %d",
                     rows[i].name, rows[i].environment, err_is_environment(&e));
        cr_expect_eq(err_is(&e), rows[i].cls != ERR_NONE, "%s: err_is says %d", rows[i].name,
                     err_is(&e));
    }
}

Test(base_err, one_line_of_text)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"plain", "plain"},
        {"two\nlines\tand\x7f", "two lines and "},
        {"ends in one\n", "ends in one"},
        {"ends in some \n\n ", "ends in some"},
        {"\n", ""},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"bad \xff byte", "bad ? byte"},
        {"cut \xe2\x82", "cut ??"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = err_make(ERR_SPOOL, "%s", rows[i].text);
        cr_expect_str_eq(e.text, rows[i].want, "row %zu: want %s, got %s", i, rows[i].want, e.text);
    }
}

Test(base_err, system_errors)
{
    struct err e = err_system(ERR_SPOOL, ENOENT, "can't open %s", "x\ny");
    cr_expect_str_eq(e.text, "can't open x y: No such file or directory", "got %s", e.text);
    cr_expect_eq(e.cls, ERR_SPOOL, "got class %s", err_class_name(e.cls));
}

/* The text goes into text columns: a cut through a character would make the server refuse it. */
Test(base_err, long_texts_are_cut_between_characters)
{
    struct err empty = err_make(ERR_SPOOL, "%s", "");
    for (size_t lead = 0; lead < 4; lead++) {
        char text[2 * sizeof empty.text + 8];
        memset(text, 'a', lead);
        for (size_t at = lead; at + 4 < sizeof text; at += 4)
            memcpy(text + at, "\xf0\x9f\x98\x80", 5);
        const struct err errors[] = {err_make(ERR_SPOOL, "%s", text),
                                     err_system(ERR_SPOOL, EIO, "%s", text)};
        for (size_t i = 0; i < COUNT(errors); i++) {
            size_t len = strlen(errors[i].text);
            size_t good = utf8_check((const uint8_t *)errors[i].text, len);
            cr_expect_eq(good, len, "%zu leading bytes: not UTF-8 at %zu of %zu", lead, good, len);
            cr_expect_gt(len, sizeof empty.text - 8, "%zu leading bytes: cut to %zu", lead, len);
        }
    }
}
