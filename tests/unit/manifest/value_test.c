/* SPDX-License-Identifier: MIT */
#include "sets.h"

#define PATH "streams/s.yaml"

/* What a default comes to in SQL and in COPY's binary form, whatever way it is written. */
Test(manifest_value, defaults)
{
    static const struct {
        const char *type, *value, *text;
        const char *field;
        size_t len;
    } rows[] = {
        {"text", "plain", "plain", BYTES("\0\0\0\5plain")},
        {"text", "\"5\"", "5", BYTES("\0\0\0\0015")},
        {"text", "\"'; DROP TABLE x; --\"", "'; DROP TABLE x; --",
         BYTES("\0\0\0\023'; DROP TABLE x; --")},
        {"text", "\"\"", "", BYTES("\0\0\0\0")},
        {"jsonb", "{}", "{}", BYTES("\0\0\0\3\1{}")},
        {"jsonb", "[1, 2.5, x, ~, true, \"5\"]", "[1,2.5,\"x\",null,true,\"5\"]",
         BYTES("\0\0\0\032\1[1,2.5,\"x\",null,true,\"5\"]")},
        {"jsonb", "{b: {c: 18446744073709551615}}", "{\"b\":{\"c\":18446744073709551615}}",
         BYTES("\0\0\0\041\1{\"b\":{\"c\":18446744073709551615}}")},
        {"jsonb", "5", "5", BYTES("\0\0\0\2\0015")},
        {"bool", "True", "true", BYTES("\0\0\0\1\1")},
        {"bool", "false", "false", BYTES("\0\0\0\1\0")},
        {"int2", "-2", "-2", BYTES("\0\0\0\2\xff\xfe")},
        {"int4", "0x1F", "31", BYTES("\0\0\0\4\0\0\0\x1f")},
        {"int4", "0o17", "15", BYTES("\0\0\0\4\0\0\0\x0f")},
        {"int4", "2.0", "2", BYTES("\0\0\0\4\0\0\0\2")},
        {"int8", "-9223372036854775808", "-9223372036854775808",
         BYTES("\0\0\0\x8\x80\0\0\0\0\0\0\0")},
        {"float8", "0.1", "0.1", BYTES("\0\0\0\x8\x3f\xb9\x99\x99\x99\x99\x99\x9a")},
        {"float8", "3", "3", BYTES("\0\0\0\x8\x40\x08\0\0\0\0\0\0")},
        {"float8", "-.inf", "-Infinity", BYTES("\0\0\0\x8\xff\xf0\0\0\0\0\0\0")},
        {"float4", "1.5", "1.5", BYTES("\0\0\0\4\x3f\xc0\0\0")},
        {"numeric", "1.50", "1.50", BYTES("\0\0\0\014\0\2\0\0\0\0\0\2\0\1\x13\x88")},
        {"numeric", "123456789012345678901234567890", "123456789012345678901234567890",
         BYTES("\0\0\0\030\0\x8\0\7\0\0\0\0\0\014\x0d\x80\x1e\xd2\x04\xd2\x16\x2e\x23\x34\x0d\x80"
               "\x1e\xd2")},
        {"timestamptz", "2000-01-01T01:00:00+01:00", "2000-01-01T00:00:00Z",
         BYTES("\0\0\0\x8\0\0\0\0\0\0\0\0")},
        {"timestamptz", "946684801", "2000-01-01T00:00:01Z",
         BYTES("\0\0\0\x8\0\0\0\0\0\x0f\x42\x40")},
        {"date", "2000-01-02", "2000-01-02", BYTES("\0\0\0\4\0\0\0\1")},
        {"interval", "P1Y2M3DT4S", "14 mons 3 days 4.000000 secs",
         BYTES("\0\0\0\x10\0\0\0\0\0\x3d\x09\0\0\0\0\3\0\0\0\016")},
        {"interval", "-1.5", "0 mons 0 days -1.500000 secs",
         BYTES("\0\0\0\x10\xff\xff\xff\xff\xff\xe9\x1c\xa0\0\0\0\0\0\0\0\0")},
        {"uuid", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
         BYTES("\0\0\0\x10\x01\x7f\x22\xe2\x79\xb0\x7c\xc3\x98\xc4\xdc\x0c\x0c\x07\x39\x8f")},
        {"inet", "10.0.0.1/8", "10.0.0.1/8", BYTES("\0\0\0\x8\2\x8\0\4\012\0\0\1")},
        {"text[]", "[]", "{}", BYTES("\0\0\0\014\0\0\0\0\0\0\0\0\0\0\0\x19")},
        {"text[]", "[a b, 'q\"\\', ~, \"NULL\"]", "{\"a b\",\"q\\\"\\\\\",NULL,\"NULL\"}",
         BYTES("\0\0\0\056\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\4\0\0\0\1\0\0\0\3a b\0\0\0\3q\"\\"
               "\xff\xff\xff\xff\0\0\0\4NULL")},
        {"int8[]", "[1, ~, -2]", "{\"1\",NULL,\"-2\"}",
         BYTES("\0\0\0\060\0\0\0\1\0\0\0\1\0\0\0\x14\0\0\0\3\0\0\0\1\0\0\0\x8\0\0\0\0\0\0\0\1"
               "\xff\xff\xff\xff\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xfe")},
        {"float8[]", "[1.5]", "{\"1.5\"}",
         BYTES(
             "\0\0\0\040\0\0\0\1\0\0\0\0\0\0\2\xbd\0\0\0\1\0\0\0\1\0\0\0\x8\x3f\xf8\0\0\0\0\0\0")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sets s = {0};
        struct buf text = {0};
        buf_printf(&text, "stream: s\ncolumns:\n  c: {type: \"%s\", default: %s}\n", rows[i].type,
                   rows[i].value);
        sets_add(&s, PATH, buf_cstr(&text));
        sets_build(&s);
        cr_expect_not_null(s.set, "row %zu: %s: %s", i, rows[i].value, s.findings);
        if (s.set) {
            const struct column_value *got = &manifest_stream(s.set, "s")->columns[0].fallback;
            cr_expect_str_eq(got->text, rows[i].text, "row %zu: %s\nwant: %s\n got: %s", i,
                             rows[i].value, rows[i].text, got->text);
            EXPECT_BYTES(got->field, got->field_len, rows[i].field, rows[i].len, "row %zu: %s %s",
                         i, rows[i].type, rows[i].value);
        }
        buf_free(&text);
        sets_free(&s);
    }
}

/* What isn't a value of the column is told by the loader's own words. `...`: those. */
Test(manifest_value, refused)
{
    static const struct {
        const char *type, *value, *want;
    } rows[] = {
        {"text", "5", ":3:28: not a value for column `c`: ..."},
        {"int2", "40000", ":3:28: not a value for column `c`: ..."},
        {"int4", "1.5", ":3:28: not a value for column `c`: ..."},
        {"bool", "yes", ":3:28: not a value for column `c`: ..."},
        {"timestamptz", "yesterday", ":3:35: not a value for column `c`: ..."},
        {"date", "2026-02-30", ":3:28: not a value for column `c`: ..."},
        {"timestamptz", "300000000000",
         ":3:35: not a value for column `c`: a year before 1 or "
         "after 9999"},
        {"uuid", "x", ":3:28: not a value for column `c`: ..."},
        {"jsonb", "18446744073709551616", ":3:29: `18446744073709551616` has more than 64 bits"},
        {"jsonb", "[*x]", ":3:30: aliases (*name) are not understood here"},
        {"text[]", "[[a]]", ":3:32: not a value for column `c`: ..."},
        {"bytea", "x", ":3:29: a bytea column can't have a default or constant"},
        {"vector(2)", "[1, 2]", ":3:33: a vector(2) column can't have a default or constant"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sets s = {0};
        struct buf text = {0};
        char want[256];
        bool is_array = strchr(rows[i].type, '[') != NULL;
        buf_printf(&text, "stream: s\ncolumns:\n  c: {type: %s%s%s, default: %s}\n",
                   is_array ? "'" : "", rows[i].type, is_array ? "'" : "", rows[i].value);
        sets_add(&s, PATH, buf_cstr(&text));
        sets_build(&s);
        (void)snprintf(want, sizeof want, "%s%s", PATH, rows[i].want);
        const char *open_end = strstr(want, "...");
        bool same = open_end ? strncmp(s.findings, want, (size_t)(open_end - want)) == 0
                             : strcmp(s.findings, want) == 0;
        cr_expect(same, "row %zu: %s\nwant: %s\n got: %s", i, buf_cstr(&text), want, s.findings);
        buf_free(&text);
        sets_free(&s);
    }
}
