/* SPDX-License-Identifier: MIT */
/*
 * value: what one msgpack value becomes as a field of a column, in tables.
 *
 *     static const struct value_row rows[] = {
 *         {BYTES("\xc3"), BYTES("\0\0\0\1\1")},               // the field, length included
 *         {BYTES("\x01"), "boolean is wanted, but it is an integer"},       // the reject
 *     };
 *     const struct column c = {.name = "c", .type = COLUMN_BOOL};
 *     expect_values(&c, rows, COUNT(rows));
 */
#ifndef SPOOLGATE_TESTS_VALUE_H
#define SPOOLGATE_TESTS_VALUE_H

#include "base/buf.h"
#include "bytes.h"
#include "replay/copybin.h"

struct value_row {
    const char *in;
    size_t in_len;
    const char *want;
    size_t want_len; /* 0: want is a reject's reason */
};

static inline void expect_values(const struct column *c, const struct value_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct value_row *row = &rows[i];
        char text[BYTES_TEXT];
        struct reject reject = {.reason = ""};
        struct buf out = {0};
        bool good = copybin_value(&out, c, row->in, row->in_len, &reject);
        (void)bytes_show(row->in, row->in_len, text);
        cr_expect_eq(good, row->want_len > 0, "row %zu, %s: got %d, %s", i, text, good,
                     reject.reason);
        if (good)
            EXPECT_BYTES(out.data, out.len, row->want, row->want_len, "row %zu, %s", i, text);
        else
            cr_expect_str_eq(reject.reason, row->want, "row %zu, %s\nwant: %s\n got: %s", i, text,
                             row->want, reject.reason);
        cr_expect(good || (out.len == 0 && strcmp(reject.column, c->name) == 0),
                  "row %zu: %zu bytes stay; column %s", i, out.len, reject.column);
        buf_free(&out);
    }
}

#endif
