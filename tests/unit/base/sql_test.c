/* SPDX-License-Identifier: MIT */
#include "base/sql.h"

#include <signal.h>

#include "bytes.h"

static void expect_text(struct buf *out, const char *label, const char *want)
{
    cr_expect_str_eq(buf_cstr(out), want, "%s\nwant: %s\n got: %s", label, want, buf_cstr(out));
    buf_free(out);
}

Test(base_sql, identifiers)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"metrics", "\"metrics\""},
        {"", "\"\""},
        {"Mixed Case", "\"Mixed Case\""},
        {"select", "\"select\""},
        {"a\"b", "\"a\"\"b\""},
        {"\"; DROP TABLE x; --", "\"\"\"; DROP TABLE x; --\""},
        {"back\\slash'", "\"back\\slash'\""},
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         "\"gr\xc3\xb6\xc3\x9f"
         "e\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        sql_identifier(&out, rows[i].name);
        expect_text(&out, rows[i].name, rows[i].want);
    }
}

Test(base_sql, literals)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"plain", "'plain'"},
        {"", "''"},
        {"it's", "'it''s'"},
        {"'; DROP TABLE x; --", "'''; DROP TABLE x; --'"},
        {"a\\b", " E'a\\\\b'"},
        {"\\'", " E'\\\\'''"},
        {"{\"k\": 1}", "'{\"k\": 1}'"},
        {"line\nbreak", "'line\nbreak'"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        sql_literal(&out, rows[i].text);
        expect_text(&out, rows[i].text, rows[i].want);
    }
}

static const struct sql_var vars[] = {
    {"table", "my \"table\""},   {"tab", "short"},
    {"value", "it's"},           {"raw", "a, b"},
    {"nested", ":raw :'value'"}, {0},
};

Test(base_sql, fill)
{
    static const struct {
        const char *sql, *want;
    } rows[] = {
        {"", ""},
        {"SELECT 1", "SELECT 1"},
        {"FROM :\"table\"", "FROM \"my \"\"table\"\"\""},
        {":\"tab\"", "\"short\""}, /* not the one whose name starts the same */
        {"= :'value';", "= 'it''s';"},
        {"(:raw)", "(a, b)"},
        {":raw:raw", "a, ba, b"},
        {"now()::date", "now()::date"},
        {":raw::text", "a, b::text"},
        {
            "a[1:2]",
            "a[1:2]",
        },
        {"x : y", "x : y"},
        {"x :", "x :"},
        {":\"open", ":\"open"},
        {":'open", ":'open"},
        {"-- :nobody, only a remark\nSELECT", "SELECT"},
        {"SELECT 1\n-- a line of its own\nFROM t -- a remark\nWHERE x",
         "SELECT 1\nFROM t \nWHERE x"},
        {"SELECT 1 -- the end", "SELECT 1 "},
        {"1 - 2", "1 - 2"},
        {":nested", ":raw :'value'"}, /* what is filled in is not looked at again */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        /* `2` isn't a name that anyone gives; the slice above must not be looked up */
        const struct sql_var with_slice[] = {vars[0], vars[1],     vars[2], vars[3],
                                             vars[4], {"2", ":2"}, {0}};
        sql_fill(&out, rows[i].sql, with_slice);
        expect_text(&out, rows[i].sql, rows[i].want);
    }
}

/* A caller's bug doesn't reach the server. */
Test(base_sql, fill_without_value, .signal = SIGABRT)
{
    struct buf out = {0};
    sql_fill(&out, "SELECT :nobody", vars);
    cr_expect_fail("made %s", buf_cstr(&out));
}
