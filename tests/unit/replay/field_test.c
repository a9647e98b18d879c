/* SPDX-License-Identifier: MIT */
#include "replay/field.h"

#include "bytes.h"
#include "value.h"

Test(replay_field, bool)
{
    static const struct value_row rows[] = {
        {BYTES("\xc3"), BYTES("\0\0\0\1\1")},
        {BYTES("\xc2"), BYTES("\0\0\0\1\0")},
        {BYTES("\x01"), "boolean is wanted, but it is an integer", 0},
        {BYTES("\xa4true"), "boolean is wanted, but it is a string", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_BOOL};
    expect_values(&c, rows, COUNT(rows));
}

/* Long names and texts are cut, and an element says which it is. */
Test(replay_field, rejects_fit)
{
    struct reject reject;
    char column[200];
    char text[FIELD_SHOWN];
    memset(column, 'c', sizeof column);
    column[sizeof column - 1] = '\0';
    const struct column c = {.name = column};
    const struct field f = {.column = &c, .reject = &reject, .element = 4000000000};
    cr_expect(!field_refuse(&f, REJECT_RANGE, "%0300d", 7));
    cr_expect_eq(strlen(reject.column), sizeof reject.column - 1);
    cr_expect_eq(strlen(reject.reason), sizeof reject.reason - 1);
    cr_expect_eq(strncmp(reject.reason, "element 4000000000: 000", 23), 0, "got %s", reject.reason);
    cr_expect_eq(reject.why, REJECT_RANGE);
    cr_expect(!field_reject(&reject, REJECT_KIND, "", "short"));
    cr_expect_eq(reject.why, REJECT_KIND);
    cr_expect_str_eq(reject.reason, "short");
    cr_expect_str_eq(reject.column, "");
    cr_expect_str_eq(field_show(BYTES("a\0\x1b\xff~"), text), "a???~");
    cr_expect_str_eq(field_show(column, 40, text), "cccccccccccccccccccccccccccccccccccccccc");
    cr_expect_str_eq(field_show(column, 41, text), "cccccccccccccccccccccccccccccccccccccccc...");
}
