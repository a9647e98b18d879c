/* SPDX-License-Identifier: MIT */
#include "yaml/diag.h"

#include "bytes.h"

static void show(const struct yaml_diag *diag, char out[BYTES_TEXT])
{
    struct buf text = {0};
    for (size_t i = 0; i < diag->count; i++) {
        yaml_diag_text(&diag->items[i], &text);
        buf_byte(&text, '\n');
    }
    (void)snprintf(out, BYTES_TEXT, "%s", buf_cstr(&text));
    buf_free(&text);
}

/* By file, line and column; findings of one place stay as they were found. */
Test(yaml_diag, sorted)
{
    static const char want[] = "a: whole\n"
                               "a:1:2: first\n"
                               "a:1:2: warning: second\n"
                               "a:1:2: third\n"
                               "a:1:10: x\n"
                               "a:2:1: y\n"
                               "b:1:1: z\n";
    struct yaml_diag diag = {0};
    char got[BYTES_TEXT];
    yaml_diag_error(&diag, "b", (struct yaml_place){1, 1}, "z");
    yaml_diag_error(&diag, "a", (struct yaml_place){2, 1}, "y");
    yaml_diag_error(&diag, "a", (struct yaml_place){1, 10}, "x");
    yaml_diag_error(&diag, "a", (struct yaml_place){1, 2}, "first");
    yaml_diag_warning(&diag, "a", (struct yaml_place){1, 2}, "second");
    yaml_diag_error(&diag, "a", (struct yaml_place){1, 2}, "third");
    yaml_diag_error(&diag, "a", (struct yaml_place){0}, "whole");
    cr_expect_eq(diag.errors, 6, "want 6 errors, got %zu", diag.errors);
    yaml_diag_sort(&diag);
    show(&diag, got);
    cr_expect_str_eq(got, want, "want:\n%s\ngot:\n%s", want, got);
    yaml_diag_free(&diag);
    cr_expect(diag.count == 0 && diag.errors == 0);
    yaml_diag_sort(&diag);
}

/* What a file says can't make two lines of one, nor move the terminal's cursor. */
Test(yaml_diag, one_line)
{
    struct yaml_diag diag = {0};
    char got[BYTES_TEXT];
    yaml_diag_error(&diag, "a", (struct yaml_place){1, 1}, "`%s`", "x\ny\x1b[2J\x7f");
    show(&diag, got);
    cr_expect_str_eq(got, "a:1:1: `x y [2J `\n", "got %s", got);
    yaml_diag_free(&diag);
}

/* Mistakes by the megabyte are counted; memory has a bound. */
Test(yaml_diag, limit)
{
    struct yaml_diag diag = {0};
    for (size_t i = 0; i < YAML_FINDINGS_MAX + 5; i++)
        yaml_diag_error(&diag, "a", (struct yaml_place){1, 1}, "x");
    yaml_diag_warning(&diag, "a", (struct yaml_place){1, 1}, "x");
    cr_expect_eq(diag.count, YAML_FINDINGS_MAX, "want %d, got %zu", YAML_FINDINGS_MAX, diag.count);
    cr_expect_eq(diag.errors, YAML_FINDINGS_MAX + 5, "got %zu errors", diag.errors);
    yaml_diag_free(&diag);
}
