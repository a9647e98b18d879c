/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include "base/time.h"
#include "bytes.h"

static int64_t us(const char *text)
{
    int64_t at = 0;
    cr_assert(time_parse(text, strlen(text), &at), "%s", text);
    return at;
}

Test(stream_stream, leaf_names)
{
#define LONGEST "a12345678901234567890123456789012345678901234567"
    static const struct {
        const char *table;
        enum period every;
        const char *at, *want;
    } rows[] = {
        {"metrics", PERIOD_DAY, "2026-11-21T00:00:00Z", "metrics_2026_11_21"},
        {"metrics", PERIOD_DAY, "1999-01-02T00:00:00Z", "metrics_1999_01_02"},
        {"t", PERIOD_HOUR, "2026-11-21T00:00:00Z", "t_2026_11_21_00"},
        {"t", PERIOD_HOUR, "2026-11-21T23:00:00Z", "t_2026_11_21_23"},
        {"t", PERIOD_WEEK, "2026-11-16T00:00:00Z", "t_2026_w47"},
        {"t", PERIOD_WEEK, "2024-12-30T00:00:00Z", "t_2025_w01"},
        {"t", PERIOD_WEEK, "2026-12-28T00:00:00Z", "t_2026_w53"},
        {"t", PERIOD_MONTH, "2026-11-01T00:00:00Z", "t_2026_11"},
        {"t", PERIOD_YEAR, "2026-01-01T00:00:00Z", "t_2026"},
        {"Mixed Case \"q\"", PERIOD_DAY, "2026-11-21T00:00:00Z", "Mixed Case \"q\"_2026_11_21"},
        {LONGEST, PERIOD_HOUR, "2026-11-21T09:00:00Z", LONGEST "_2026_11_21_09"},
    };
    cr_expect_eq(strlen(LONGEST), STREAM_PARENT_MAX);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stream s = {.table = rows[i].table, .every = rows[i].every};
        char got[STREAM_LEAF_NAME];
        stream_leaf_name(&s, us(rows[i].at), got);
        cr_expect_str_eq(got, rows[i].want, "want %s, got %s", rows[i].want, got);
        cr_expect_leq(strlen(got), 63, "%s has %zu bytes", got, strlen(got));
    }
}

Test(stream_stream, type_names)
{
    static const struct {
        struct column column;
        const char *want;
    } rows[] = {
        {{.type = COLUMN_TEXT}, "text"},
        {{.type = COLUMN_FLOAT8}, "double precision"},
        {{.type = COLUMN_INT2}, "smallint"},
        {{.type = COLUMN_TEXT_ARRAY}, "text[]"},
        {{.type = COLUMN_VECTOR, .dimensions = 384}, "vector(384)"},
        {{.type = COLUMN_HALFVEC, .dimensions = 4000}, "halfvec(4000)"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[COLUMN_TYPE_NAME];
        column_type_name(&rows[i].column, got);
        cr_expect_str_eq(got, rows[i].want, "want %s, got %s", rows[i].want, got);
    }
    for (int type = 0; type < COLUMN_TYPES; type++) {
        struct column c = {.type = (enum column_type)type};
        char got[COLUMN_TYPE_NAME];
        cr_expect_neq(*column_type_name(&c, got), '(', "type %d has no name", type);
    }
}

Test(stream_stream, what_is_let_go)
{
    static const struct {
        enum period every;
        const char *keep_from; /* 30 days before 2026-11-21T12:30:00Z */
    } rows[] = {{PERIOD_HOUR, "2026-10-22T12:00:00Z"},
                {PERIOD_DAY, "2026-10-22T00:00:00Z"},
                {PERIOD_WEEK, "2026-10-19T00:00:00Z"},
                {PERIOD_MONTH, "2026-10-01T00:00:00Z"},
                {PERIOD_YEAR, "2026-01-01T00:00:00Z"}};
    int64_t now = us("2026-11-21T12:30:00Z");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stream s = {.every = rows[i].every, .keep_us = 30 * TIME_US_PER_DAY};
        char got[TIME_TEXT];
        time_format(stream_keep_from(&s, now), got);
        cr_expect_str_eq(got, rows[i].keep_from, "%s: want %s, got %s", period_name(rows[i].every),
                         rows[i].keep_from, got);
        s.keep_us = 0;
        cr_expect_eq(stream_keep_from(&s, now), INT64_MIN, "no limit");
    }
}
