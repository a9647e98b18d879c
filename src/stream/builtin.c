/* SPDX-License-Identifier: MIT */
#include "stream/builtin.h"

#include "base/time.h"

#define KEY(key, type_, required_)                                                           \
    {                                                                                        \
        .name = (key), .type = (type_), .path = (const char *const[]){key}, .path_count = 1, \
        .required = (required_)                                                              \
    }
#define OBJECT(key)                                                                               \
    {                                                                                             \
        .name = (key), .type = COLUMN_JSONB, .path = (const char *const[]){key}, .path_count = 1, \
        .required = true, .fallback = {                                                           \
            "{}",                                                                                 \
            (const uint8_t *)"\0\0\0\3\1{}",                                                      \
            7                                                                                     \
        }                                                                                         \
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
    OBJECT("labels"),
    BATCH_ID,
};

static const struct column event_columns[] = {
    KEY("ts", COLUMN_TIMESTAMPTZ, true),
    KEY("source", COLUMN_TEXT, true),
    KEY("type", COLUMN_TEXT, true),
    KEY("id", COLUMN_TEXT, false),
    OBJECT("payload"),
    BATCH_ID,
};

static const struct stream_index ts_brin = {"brin", false, (const size_t[]){0}, 1};

#define TIMES                                                                     \
    .time_column = 0, .every = PERIOD_DAY, .indexes = &ts_brin, .index_count = 1, \
    .version = STREAM_NO_COLUMN, .window_past_us = 3653 * TIME_US_PER_DAY,        \
    .window_ahead_us = TIME_US_PER_DAY

static const struct stream builtin[] = {
    {.name = "metrics",
     .kind = "metric",
     .table = "metrics",
     .columns = metric_columns,
     .column_count = COUNT(metric_columns),
     TIMES},
    {.name = "events",
     .kind = "event",
     .table = "events",
     .columns = event_columns,
     .column_count = COUNT(event_columns),
     TIMES},
};

const struct stream_set stream_builtin = {builtin, COUNT(builtin)};
