/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include <stdio.h>

#include "base/time.h"

#define KEY(key, type_, required_)                                                         \
    {                                                                                      \
        .name = (key), .type = (type_), .source = COLUMN_FROM_KEY, .required = (required_) \
    }
#define BATCH_ID                                                                               \
    {                                                                                          \
        .name = "batch_id", .type = COLUMN_UUID, .source = COLUMN_FROM_BATCH, .required = true \
    }
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct column metric_columns[] = {
    KEY("ts", COLUMN_TIMESTAMPTZ, true),
    KEY("source", COLUMN_TEXT, true),
    KEY("name", COLUMN_TEXT, true),
    KEY("value", COLUMN_FLOAT8, false),
    {.name = "labels", .type = COLUMN_JSONB, .required = true, .fallback = "{}"},
    BATCH_ID,
};

static const struct column event_columns[] = {
    KEY("ts", COLUMN_TIMESTAMPTZ, true),
    KEY("source", COLUMN_TEXT, true),
    KEY("type", COLUMN_TEXT, true),
    KEY("id", COLUMN_TEXT, false),
    {.name = "payload", .type = COLUMN_JSONB, .required = true, .fallback = "{}"},
    BATCH_ID,
};

#define WINDOW .window_past_us = 3653 * TIME_US_PER_DAY, .window_ahead_us = TIME_US_PER_DAY

static const struct stream builtin[] = {
    {.name = "metrics",
     .kind = "metric",
     .table = "metrics",
     .columns = metric_columns,
     .column_count = COUNT(metric_columns),
     .time_column = 0,
     WINDOW},
    {.name = "events",
     .kind = "event",
     .table = "events",
     .columns = event_columns,
     .column_count = COUNT(event_columns),
     .time_column = 0,
     WINDOW},
};

const struct stream_set stream_builtin = {builtin, COUNT(builtin)};

const char *column_type_name(enum column_type type)
{
    static const char *const names[] = {
        [COLUMN_TEXT] = "text",   [COLUMN_FLOAT8] = "double precision",
        [COLUMN_JSONB] = "jsonb", [COLUMN_TIMESTAMPTZ] = "timestamptz",
        [COLUMN_UUID] = "uuid",
    };
    return names[type];
}

void stream_leaf_name(const struct stream *s, int64_t day, char name[STREAM_LEAF_NAME])
{
    struct time_date d = time_date_of_day(day);
    (void)snprintf(name, STREAM_LEAF_NAME, "%.52s_%04d_%02d_%02d", s->table, d.year, d.month,
                   d.day);
}
