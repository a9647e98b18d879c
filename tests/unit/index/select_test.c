/* SPDX-License-Identifier: MIT */
#include "index/select.h"

#include <stdio.h>

#include "bytes.h"

struct row {
    const char *include[3], *exclude[3];
    bool is_hidden;
    const char *path;
    bool takes;
    const char *folder;
    bool enters;
};

static const struct row rows[] = {
    {{0}, {0}, false, "a/b.c", true, "a", true},
    {{0}, {0}, false, ".a", false, ".git", false},
    {{0}, {0}, false, "x/.a/b", false, "x/.a", false},
    {{0}, {0}, false, "x/a.b", true, "x.y", true},
    {{0}, {0}, true, "x/.a/b", true, "x/.a", true},
    {{"*.md"}, {0}, false, "x/a.md", true, "x", true}, /* one may be further down */
    {{"*.md"}, {0}, false, "x/a.c", false, "x", true},
    {{"*.md", "*.c"}, {0}, false, "x/a.c", true, "x", true},
    {{0}, {"x"}, false, "x/a.c", false, "x", false},
    {{0}, {"*.c"}, false, "x/a.c", false, "x", true},
    {{"*.c"}, {"x/y/"}, false, "x/y/a.c", false, "x/y", false},
    {{"*.c"}, {"x/y/"}, false, "x/z/a.c", true, "x/z", true},
};

Test(select, files_and_folders)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        struct selection s = {
            .include = r->include, .exclude = r->exclude, .is_hidden = r->is_hidden};
        cr_expect_eq(selection_takes(&s, r->path), r->takes, "row %zu, %s: want taken %d", i,
                     r->path, r->takes);
        cr_expect_eq(selection_enters(&s, r->folder), r->enters, "row %zu, %s: want entered %d", i,
                     r->folder, r->enters);
    }
}

Test(select, as_text_and_back)
{
    const char *const include[] = {"*.md", "caf\xe9/100%", NULL};
    const char *const exclude[] = {"\"x\"", NULL};
    const struct selection s = {
        .include = include, .exclude = exclude, .is_hidden = true, .most = 16777216};
    static const char want[] =
        "{\"include\":[\"*.md\",\"caf%E9/100%25\"],\"exclude\":[\"\\\"x\\\"\"],"
        "\"hidden\":true,\"most\":16777216}";
    struct selection read;
    struct buf text = {0};
    struct buf again = {0};
    selection_print(&s, &text);
    cr_assert_str_eq(buf_cstr(&text), want, "want %s, got %s", want, buf_cstr(&text));
    struct err e = selection_read(&read, buf_cstr(&text));
    cr_assert_not(err_is(&e), "%s", e.text);
    cr_assert_str_eq(read.include[1], include[1]);
    selection_print(&read, &again);
    cr_assert_str_eq(buf_cstr(&again), want, "want %s, got %s", want, buf_cstr(&again));
    selection_free(&read);
    buf_free(&again);
    buf_free(&text);
}

Test(select, text_that_is_not_ours)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"include\":[],\"exclude\":[]}",
        "{\"include\":[1],\"exclude\":[],\"most\":1}",
        "{\"include\":[\"%zz\"],\"exclude\":[],\"most\":1}",
        "{\"include\":[],\"exclude\":[],\"most\":-1}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct selection s;
        struct err e = selection_read(&s, texts[i]);
        cr_expect_eq(e.cls, ERR_CONFIG, "%s: want config, got %s", texts[i], err_class_name(e.cls));
    }
}
