/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include <stdio.h>

#include "base/time.h"

const char *column_type_name(const struct column *c, char name[COLUMN_TYPE_NAME])
{
    static const char *const names[COLUMN_TYPES] = {
        [COLUMN_TEXT] = "text",           [COLUMN_JSONB] = "jsonb",
        [COLUMN_BOOL] = "boolean",        [COLUMN_INT2] = "smallint",
        [COLUMN_INT4] = "integer",        [COLUMN_INT8] = "bigint",
        [COLUMN_FLOAT4] = "real",         [COLUMN_FLOAT8] = "double precision",
        [COLUMN_NUMERIC] = "numeric",     [COLUMN_TIMESTAMPTZ] = "timestamptz",
        [COLUMN_DATE] = "date",           [COLUMN_INTERVAL] = "interval",
        [COLUMN_UUID] = "uuid",           [COLUMN_BYTEA] = "bytea",
        [COLUMN_INET] = "inet",           [COLUMN_TEXT_ARRAY] = "text[]",
        [COLUMN_INT8_ARRAY] = "bigint[]", [COLUMN_FLOAT8_ARRAY] = "double precision[]",
        [COLUMN_VECTOR] = "vector",       [COLUMN_HALFVEC] = "halfvec",
    };
    (void)snprintf(name, COLUMN_TYPE_NAME, c->dimensions ? "%s(%u)" : "%s", names[c->type],
                   c->dimensions);
    return name;
}

/* ISO 8601: a week belongs to the year of its Thursday. */
static void week_of(int64_t from_us, int *year, int *week)
{
    int64_t thursday = time_day(from_us) + 3;
    *year = time_date_of_day(thursday).year;
    *week = (int)((thursday - time_day_of_date(*year, 1, 1)) / 7) + 1;
}

void stream_leaf_name(const struct stream *s, int64_t from_us, char name[STREAM_LEAF_NAME])
{
    struct time_date d = time_date_of_day(time_day(from_us));
    char when[40] = "";
    int year;
    int week;
    switch (s->every) {
    case PERIOD_HOUR:
        (void)snprintf(
            when, sizeof when, "%04d_%02d_%02d_%02d", d.year, d.month, d.day,
            (int)((from_us - time_day(from_us) * TIME_US_PER_DAY) / (TIME_US_PER_DAY / 24)));
        break;
    case PERIOD_DAY:
        (void)snprintf(when, sizeof when, "%04d_%02d_%02d", d.year, d.month, d.day);
        break;
    case PERIOD_WEEK:
        week_of(from_us, &year, &week);
        (void)snprintf(when, sizeof when, "%04d_w%02d", year, week);
        break;
    case PERIOD_MONTH:
        (void)snprintf(when, sizeof when, "%04d_%02d", d.year, d.month);
        break;
    default:
        (void)snprintf(when, sizeof when, "%04d", d.year);
        break;
    }
    (void)snprintf(name, STREAM_LEAF_NAME, "%.*s_%s", STREAM_PARENT_MAX, s->table, when);
}

const char *stream_label(const struct stream *s, char label[STREAM_LABEL])
{
    (void)snprintf(label, STREAM_LABEL, "%s%s%s", s->schema ? s->schema : "", s->schema ? "." : "",
                   s->table);
    return label;
}

int64_t stream_keep_from(const struct stream *s, int64_t now_us)
{
    if (s->keep_us == 0 || s->every == PERIOD_NONE)
        return INT64_MIN;
    return period_range(s->every, now_us - s->keep_us).from_us;
}
