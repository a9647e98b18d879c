/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include "base/time.h"
#include "bytes.h"

Test(stream_stream, leaf_names)
{
    static const struct {
        const char *table;
        int year, month, day;
        const char *want;
    } rows[] = {
        {"metrics", 2026, 11, 21, "metrics_2026_11_21"},
        {"metrics", 1999, 1, 2, "metrics_1999_01_02"},
        {"Mixed Case \"q\"", 2026, 11, 21, "Mixed Case \"q\"_2026_11_21"},
        /* Postgres cuts names at 63 bytes, which would cut the day off */
        {"a123456789012345678901234567890123456789012345678901", 2026, 1, 1,
         "a123456789012345678901234567890123456789012345678901_2026_01_01"},
        {"a123456789012345678901234567890123456789012345678901XYZ", 2026, 1, 1,
         "a123456789012345678901234567890123456789012345678901_2026_01_01"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stream s = {.table = rows[i].table};
        char got[STREAM_LEAF_NAME];
        stream_leaf_name(&s, time_day_of_date(rows[i].year, rows[i].month, rows[i].day), got);
        cr_expect_str_eq(got, rows[i].want, "want %s, got %s", rows[i].want, got);
        cr_expect_leq(strlen(got), 63, "%s has %zu bytes", got, strlen(got));
    }
}

Test(stream_stream, type_names)
{
    static const struct {
        enum column_type type;
        const char *want;
    } rows[] = {
        {COLUMN_TEXT, "text"},   {COLUMN_FLOAT8, "double precision"},
        {COLUMN_JSONB, "jsonb"}, {COLUMN_TIMESTAMPTZ, "timestamptz"},
        {COLUMN_UUID, "uuid"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_str_eq(column_type_name(rows[i].type), rows[i].want, "want %s, got %s",
                         rows[i].want, column_type_name(rows[i].type));
}

/* What the rest of the house takes for granted of every stream. */
Test(stream_stream, builtin_streams)
{
    static const struct {
        const char *kind, *table;
        const char *columns; /* with * where NOT NULL */
    } want[] = {
        {"metric", "metrics", "ts* source* name* value labels* batch_id* "},
        {"event", "events", "ts* source* type* id payload* batch_id* "},
    };
    cr_assert_eq(stream_builtin.count, COUNT(want), "%zu streams", stream_builtin.count);
    for (size_t i = 0; i < stream_builtin.count; i++) {
        const struct stream *s = &stream_builtin.streams[i];
        char got[256] = "";
        for (size_t c = 0; c < s->column_count; c++) {
            const struct column *column = &s->columns[c];
            size_t at = strlen(got);
            (void)snprintf(got + at, sizeof got - at, "%s%s ", column->name,
                           column->required ? "*" : "");
            cr_expect(!column->fallback || column->type == COLUMN_JSONB,
                      "%s.%s: only jsonb can fall back", s->name, column->name);
            cr_expect_eq(column->source == COLUMN_FROM_BATCH, column->type == COLUMN_UUID,
                         "%s.%s: uuids are the batch's", s->name, column->name);
        }
        cr_expect_str_eq(s->kind, want[i].kind, "want %s, got %s", want[i].kind, s->kind);
        cr_expect_str_eq(s->table, want[i].table, "want %s, got %s", want[i].table, s->table);
        cr_expect_str_eq(got, want[i].columns, "%s\nwant: %s\n got: %s", s->name, want[i].columns,
                         got);
        cr_expect_eq(s->columns[s->time_column].type, COLUMN_TIMESTAMPTZ,
                     "%s: the time column isn't one", s->name);
        cr_expect(s->columns[s->time_column].required, "%s: rows without a time", s->name);
        cr_expect_eq(s->window_past_us, 3653 * TIME_US_PER_DAY, "%s: window %lld back", s->name,
                     (long long)s->window_past_us);
        cr_expect_eq(s->window_ahead_us, TIME_US_PER_DAY, "%s: window %lld ahead", s->name,
                     (long long)s->window_ahead_us);
    }
}
