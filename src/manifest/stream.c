/* SPDX-License-Identifier: MIT */
/* manifests/streams/NAME.yaml */
#include <string.h>

#include "base/str.h"
#include "base/time.h"
#include "manifest/read.h"

#define DURATION_MAX (INT64_C(3652425) * TIME_US_PER_DAY) /* 10,000 years */
enum { AHEAD_MAX = 400, WINDOW_PAST_DAYS = 3653 };

/* ---- the shape ---- */

static const char *const mode_words[] = {"append", "ignore", "upsert", NULL};
static const char *const period_words[] = {"hour", "day", "week", "month", "year", NULL};

static const struct shape bool_shape = {.type = SHAPE_BOOL};
static const struct shape kind_shape = {
    .type = SHAPE_TEXT, .wanted = "the frames' kind", .min = 1, .max = 255};
static const struct shape mode_shape = {.type = SHAPE_WORD, .words = mode_words};
static const struct shape period_shape = {.type = SHAPE_WORD, .words = period_words};
static const struct shape ahead_shape = {.type = SHAPE_COUNT, .max = AHEAD_MAX};
static const struct shape duration_shape = {.type = SHAPE_DURATION, .max = DURATION_MAX};

static const struct shape_key partition_keys[] = {
    {"by", &shape_identifier, "a required timestamptz or date column that takes a key of the frame",
     true},
    {"every", &period_shape, "hour, day, week (from Monday), month or year, in UTC", true},
    {"ahead", &ahead_shape, "partitions made in advance, after the current one; left out: 0",
     false},
    {"keep", &duration_shape,
     "partitions wholly older are let go, and frames for them rejected; left out: for ever", false},
    {"detached", &bool_shape, "true: partitions past `keep` are detached and stay; else dropped",
     false},
    {0},
};
static const struct shape partition_shape = {.type = SHAPE_MAP, .keys = partition_keys};

static const struct shape_key window_keys[] = {
    {"by", &shape_identifier,
     "the stream's time column where there are no partitions: of type timestamptz or date", false},
    {"past", &duration_shape, "accepted before the claim; left out: 3653 days", false},
    {"ahead", &duration_shape, "accepted after the claim; left out: 1 day", false},
    {0},
};
static const struct shape window_shape = {.type = SHAPE_MAP, .keys = window_keys};

static const struct shape_key keys[] = {
    {"stream", &shape_identifier, "the stream's name; that of a shipped one replaces it", true},
    {"kind", &kind_shape, "of the frames that it takes; left out: the stream's name", false},
    {"table", &shape_identifier, "left out: the stream's name", false},
    {"schema", &shape_identifier, "of the table; left out: the configured one", false},
    {"existing", &bool_shape,
     "true: somebody else's table, never created, altered or partitioned by us", false},
    {"mode", &mode_shape,
     "append (left out); ignore: a row whose key is there is skipped; upsert: it replaces that row",
     false},
    {"key", &shape_identifiers, "for ignore and upsert: required columns that tell rows apart",
     false},
    {"version", &shape_identifier,
     "for upsert: a row with a smaller value here doesn't replace; without it, batches are loaded "
     "one at a time, in order",
     false},
    {"partition", &partition_shape, "the table is cut into partitions by time", false},
    {"window", &window_shape, "accepted times; others are rejected", false},
    {"brin", &brin_shape, "columns of a BRIN index; a list of lists for several", false},
    {"indexes", &indexes_shape, "other indexes, beside the key's", false},
    {"columns", &columns_shape, "the table's columns: NAME: TYPE, or NAME: {type: TYPE, ...}",
     true},
    {0},
};
const struct shape stream_shape = {
    .type = SHAPE_MAP, .wanted = "a map of a stream's keys", .keys = keys};

/* ---- reading ---- */

static bool is_true(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);
    return node && yaml_bool(node);
}

/* The index of a word that shape_check has found in the list. */
static unsigned word_index(const char *const *words, const struct yaml_node *node)
{
    unsigned i = 0;
    while (words[i + 1] && strcmp(words[i], node->text) != 0)
        i++;
    return i;
}

static int64_t duration_or(const struct yaml_node *map, const char *key, int64_t otherwise)
{
    const struct yaml_node *node = map ? yaml_get(map, key) : NULL;
    return node ? shape_duration(node) : otherwise;
}

/* Only what the loader can see in every frame can be held to the window. */
static void check_time_column(const struct reader *r, const struct yaml_node *node,
                              const struct column *c)
{
    if (c->type != COLUMN_TIMESTAMPTZ && c->type != COLUMN_DATE)
        READ_ERROR(r, node, "column `%s` is no time: timestamptz or date is wanted", c->name);
    else if (c->source != COLUMN_FROM_KEY)
        READ_ERROR(r, node, "column `%s` must take a key of the frame", c->name);
    else if (c->fallback.text)
        READ_ERROR(r, node, "column `%s` has a default, which would stand for every frame's time",
                   c->name);
}

static void read_keep(const struct reader *r, const struct yaml_node *node, struct stream *s)
{
    static const int64_t days[] = {[PERIOD_NONE] = 0, [PERIOD_HOUR] = 0,   [PERIOD_DAY] = 1,
                                   [PERIOD_WEEK] = 7, [PERIOD_MONTH] = 31, [PERIOD_YEAR] = 366};
    int64_t least =
        s->every == PERIOD_HOUR ? TIME_US_PER_DAY / 24 : days[s->every] * TIME_US_PER_DAY;
    char text[STR_HUMAN];
    s->keep_us = shape_duration(node);
    if (s->keep_us < least)
        READ_ERROR(r, node, "`keep` must be one partition at least: %s", str_duration(least, text));
}

static void read_partition(const struct reader *r, const struct yaml_node *map, struct stream *s)
{
    const struct yaml_node *by = yaml_get(map, "by");
    const struct yaml_node *every = yaml_get(map, "every");
    const struct yaml_node *ahead = yaml_get(map, "ahead");
    const struct yaml_node *keep = yaml_get(map, "keep");
    s->every = every ? (enum period)(PERIOD_HOUR + word_index(period_words, every)) : PERIOD_NONE;
    s->ahead = ahead ? (unsigned)shape_count(ahead) : 0;
    s->keep_detached = is_true(map, "detached");
    if (keep)
        read_keep(r, keep, s);
    if (s->keep_detached && !keep)
        READ_ERROR(r, yaml_get(map, "detached"),
                   "`detached` is for partitions past `keep`: add it");
    if (!by || !read_column_name(r, by, s, &s->time_column))
        return;
    const struct column *c = &s->columns[s->time_column];
    check_time_column(r, by, c);
    if (!c->required)
        READ_ERROR(r, by, "column `%s` must be `required: true`: its value chooses the partition",
                   c->name);
    if (c->type == COLUMN_DATE && s->every == PERIOD_HOUR)
        READ_ERROR(r, every, "a date has no hours; use `every: day` or longer");
}

static void read_times(const struct reader *r, const struct yaml_node *root, struct stream *s)
{
    const struct yaml_node *partition = yaml_get(root, "partition");
    const struct yaml_node *window = yaml_get(root, "window");
    const struct yaml_node *by = window ? yaml_get(window, "by") : NULL;
    if (partition)
        read_partition(r, partition, s);
    if (by && partition)
        READ_ERROR(r, by, "with partitions the window is of their column; leave `by` out");
    else if (by && read_column_name(r, by, s, &s->time_column))
        check_time_column(r, by, &s->columns[s->time_column]);
    else if (window && !by && !partition)
        READ_ERROR(r, window, "a window is of a time column: add `by`, or partitions");
    if (s->time_column == STREAM_NO_COLUMN)
        return;
    s->window_past_us = duration_or(window, "past", WINDOW_PAST_DAYS * TIME_US_PER_DAY);
    s->window_ahead_us = duration_or(window, "ahead", TIME_US_PER_DAY);
}

static bool is_key(const struct stream *s, size_t column)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (s->key[i] == column)
            return true;
    return false;
}

static void check_key(const struct reader *r, const struct yaml_node *key, const struct stream *s)
{
    char name[COLUMN_TYPE_NAME];
    for (size_t i = 0; i < s->key_count; i++) {
        const struct column *c = &s->columns[s->key[i]];
        if (!c->required)
            READ_ERROR(r, key, "column `%s` is in `key` and must be `required: true`", c->name);
        if (!read_index_fits("btree", c->type))
            READ_ERROR(r, key, "column `%s` of type %s can't be in `key`", c->name,
                       column_type_name(c, name));
    }
    if (s->every != PERIOD_NONE && s->time_column != STREAM_NO_COLUMN && !is_key(s, s->time_column))
        READ_ERROR(r, key, "`key` must hold the column of the partitions, `%s`",
                   s->columns[s->time_column].name);
}

/* Types of which a later value is a larger one. */
static bool is_orderable(enum column_type type)
{
    static const enum column_type types[] = {
        COLUMN_TEXT,   COLUMN_INT2,    COLUMN_INT4,        COLUMN_INT8, COLUMN_FLOAT4,
        COLUMN_FLOAT8, COLUMN_NUMERIC, COLUMN_TIMESTAMPTZ, COLUMN_DATE, COLUMN_UUID};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i] == type)
            return true;
    return false;
}

static void read_version(const struct reader *r, const struct yaml_node *node, struct stream *s)
{
    char name[COLUMN_TYPE_NAME];
    if (s->mode != STREAM_UPSERT) {
        READ_ERROR(r, node, "`version` is for `mode: upsert`");
        return;
    }
    if (!read_column_name(r, node, s, &s->version))
        return;
    const struct column *c = &s->columns[s->version];
    if (is_key(s, s->version))
        READ_ERROR(r, node,
                   "column `%s` is in `key`; a version is what differs between rows of one "
                   "key",
                   c->name);
    if (!is_orderable(c->type))
        READ_ERROR(r, node, "column `%s` of type %s has no order of versions", c->name,
                   column_type_name(c, name));
    if (!c->required)
        READ_WARNING(r, node,
                     "column `%s` should be `required: true`: a row without a version "
                     "never replaces another",
                     c->name);
}

static void read_mode(const struct reader *r, const struct yaml_node *root, struct stream *s)
{
    const struct yaml_node *mode = yaml_get(root, "mode");
    const struct yaml_node *key = yaml_get(root, "key");
    const struct yaml_node *version = yaml_get(root, "version");
    s->mode = mode ? (enum stream_mode)word_index(mode_words, mode) : STREAM_APPEND;
    if (key && s->mode == STREAM_APPEND)
        READ_ERROR(r, key, "`key` is for `mode: ignore` and `mode: upsert`");
    else if (key && read_column_names(r, key, "key", s, &s->key, &s->key_count))
        check_key(r, key, s);
    else if (mode && !key && s->mode != STREAM_APPEND)
        READ_ERROR(r, mode, "`mode: %s` needs `key`: the columns that tell rows apart", mode->text);
    if (version)
        read_version(r, version, s);
}

static void check_foreign(const struct reader *r, const struct yaml_node *root)
{
    static const char *const ours[] = {"partition", "brin", "indexes"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        const struct yaml_node *node = yaml_get(root, ours[i]);
        if (node)
            READ_ERROR(r, node, "`%s` is not for a table that is `existing`: we don't alter it",
                       ours[i]);
    }
}

static void check_names(const struct reader *r, const struct yaml_node *root,
                        const struct stream *s)
{
    const struct yaml_node *kind = yaml_get(root, "kind");
    const struct yaml_node *table = yaml_get(root, "table");
    if (!table)
        table = yaml_get(root, "stream");
    if (!kind)
        kind = yaml_get(root, "stream");
    if (kind && strcmp(kind->text, "seal") == 0)
        READ_ERROR(r, kind, "frames of kind `seal` end a segment; no stream can take them");
    if (table && s->every != PERIOD_NONE && strlen(s->table) > STREAM_PARENT_MAX)
        READ_ERROR(r, table,
                   "the table's name is longer than %d bytes, which its partitions' names "
                   "need",
                   STREAM_PARENT_MAX);
}

void read_stream(const struct reader *r, const struct yaml_node *root, struct stream *s)
{
    *s = (struct stream){.version = STREAM_NO_COLUMN, .time_column = STREAM_NO_COLUMN};
    s->name = read_text(r, root, "stream");
    s->kind = read_text(r, root, "kind");
    s->table = read_text(r, root, "table");
    s->schema = read_text(r, root, "schema");
    s->kind = s->kind ? s->kind : s->name;
    s->table = s->table ? s->table : s->name;
    s->is_foreign = is_true(root, "existing");
    s->columns = read_columns(r, yaml_get(root, "columns"), &s->column_count);
    read_times(r, root, s);
    read_mode(r, root, s);
    read_indexes(r, root, s);
    if (s->is_foreign)
        check_foreign(r, root);
    check_names(r, root, s);
}
