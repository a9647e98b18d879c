/* SPDX-License-Identifier: MIT */
/* The columns of a stream's manifest. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifest/read.h"

enum { PATH_KEYS_MAX = 16, COLUMNS_MAX = 1600, DIMENSIONS_MAX = 16000 };

/* Types as the documents have them, then as SQL also spells them. */
#define TYPES(X)                                      \
    X("text", COLUMN_TEXT)                            \
    X("jsonb", COLUMN_JSONB)                          \
    X("bool", COLUMN_BOOL)                            \
    X("int2", COLUMN_INT2)                            \
    X("int4", COLUMN_INT4)                            \
    X("int8", COLUMN_INT8)                            \
    X("float4", COLUMN_FLOAT4)                        \
    X("float8", COLUMN_FLOAT8)                        \
    X("numeric", COLUMN_NUMERIC)                      \
    X("timestamptz", COLUMN_TIMESTAMPTZ)              \
    X("date", COLUMN_DATE)                            \
    X("interval", COLUMN_INTERVAL)                    \
    X("uuid", COLUMN_UUID)                            \
    X("bytea", COLUMN_BYTEA)                          \
    X("inet", COLUMN_INET)                            \
    X("text[]", COLUMN_TEXT_ARRAY)                    \
    X("int8[]", COLUMN_INT8_ARRAY)                    \
    X("float8[]", COLUMN_FLOAT8_ARRAY)                \
    X("boolean", COLUMN_BOOL)                         \
    X("smallint", COLUMN_INT2)                        \
    X("int", COLUMN_INT4)                             \
    X("integer", COLUMN_INT4)                         \
    X("bigint", COLUMN_INT8)                          \
    X("real", COLUMN_FLOAT4)                          \
    X("double precision", COLUMN_FLOAT8)              \
    X("decimal", COLUMN_NUMERIC)                      \
    X("timestamp with time zone", COLUMN_TIMESTAMPTZ) \
    X("bigint[]", COLUMN_INT8_ARRAY)                  \
    X("double precision[]", COLUMN_FLOAT8_ARRAY)

#define UNITS(X)                   \
    X("ns", 1)                     \
    X("us", 1000)                  \
    X("ms", 1000000)               \
    X("s", 1000000000)             \
    X("m", INT64_C(60000000000))   \
    X("h", INT64_C(3600000000000)) \
    X("d", INT64_C(86400000000000))

#define PROVENANCES(X)                             \
    X("batch_id", COLUMN_FROM_BATCH, COLUMN_UUID)  \
    X("segment", COLUMN_FROM_SEGMENT, COLUMN_TEXT) \
    X("frame", COLUMN_FROM_FRAME, COLUMN_INT8)

/* Of each table, the words for the shape, and by the same index what they mean. */
#define WORD(word, ...)    word,
#define MEANING(word, ...) {__VA_ARGS__},

static const char *const type_words[] = {TYPES(WORD) NULL};
static const char *const unit_words[] = {UNITS(WORD) NULL};
static const char *const provenance_words[] = {PROVENANCES(WORD) NULL};

static const struct {
    enum column_type type;
} types[] = {TYPES(MEANING)};
static const struct {
    int64_t ns;
} units[] = {UNITS(MEANING)};
static const struct {
    enum column_source source;
    enum column_type type;
} provenances[] = {PROVENANCES(MEANING)};

/* The index of a word; that of the NULL at the end where it is none of them. */
static size_t find_word(const char *const *words, const char *word)
{
    size_t i = 0;
    while (words[i] && strcmp(words[i], word) != 0)
        i++;
    return i;
}

/* ---- the shape ---- */

#define TYPES_SHOWN                                                                     \
    "text, jsonb, bool, int2, int4, int8, float4, float8, numeric, timestamptz, date, " \
    "interval, uuid, bytea, inet, text[], int8[], float8[], vector(N), halfvec(N)"

static const struct shape type_shape = {
    .type = SHAPE_WORD,
    .wanted = TYPES_SHOWN,
    .pattern = "^(vector|halfvec)\\([1-9][0-9]{0,4}\\)$",
    .min = 1,
    .max = SHAPE_NAME_MAX,
    .words = type_words,
};
static const struct shape key_shape = {.type = SHAPE_TEXT, .min = 1, .max = 1024};
static const struct shape path_shape = {
    .type = SHAPE_LIST, .min = 1, .max = PATH_KEYS_MAX, .item = &key_shape};
static const struct shape from_shape = {
    .type = SHAPE_EITHER, .either = (const struct shape *const[]){&key_shape, &path_shape, NULL}};
static const struct shape bool_shape = {.type = SHAPE_BOOL};
static const struct shape any_shape = {.type = SHAPE_ANY};
static const struct shape unit_shape = {.type = SHAPE_WORD, .words = unit_words};
static const struct shape provenance_shape = {.type = SHAPE_WORD, .words = provenance_words};

static const struct shape_key column_keys[] = {
    {"type", &type_shape, "the column's type: one of " TYPES_SHOWN, true},
    {"from", &from_shape,
     "where the frame has the value: a key, or a path a.b.c into nested maps; a list of keys where "
     "one holds a dot; left out: the column's own name",
     false},
    {"required", &bool_shape,
     "NOT NULL: a frame without the value is rejected, unless there is a default", false},
    {"default", &any_shape, "value for frames that have none; not for bytea and vectors", false},
    {"unit", &unit_shape, "of a time or interval: what a bare number counts; left out: s", false},
    {"rest", &bool_shape, "true: a jsonb column of all keys that no other column takes", false},
    {"constant", &any_shape, "the same value in every row", false},
    {"provenance", &provenance_shape,
     "where the row came from: batch_id (uuid), segment (text) or frame (int8, counted from 0)",
     false},
    {0},
};
static const struct shape column_map_shape = {
    .type = SHAPE_MAP, .wanted = "a map of a column's keys", .keys = column_keys};
static const struct shape column_shape = {
    .type = SHAPE_EITHER,
    .either = (const struct shape *const[]){&type_shape, &column_map_shape, NULL}};

const struct shape columns_shape = {
    .type = SHAPE_DICT, .min = 1, .max = COLUMNS_MAX, .item = &column_shape};

/* ---- reading ---- */

static void read_type(const struct reader *r, const struct yaml_node *node, struct column *c)
{
    size_t i = find_word(type_words, node->text);
    if (type_words[i]) {
        c->type = types[i].type;
        return;
    }
    c->type = *node->text == 'v' ? COLUMN_VECTOR : COLUMN_HALFVEC;
    c->dimensions = (uint32_t)strtoul(strchr(node->text, '(') + 1, NULL, 10);
    if (c->dimensions > DIMENSIONS_MAX)
        READ_ERROR(r, node, "`%s`: a vector has at most %d dimensions", node->text, DIMENSIONS_MAX);
}

static void set_path(const struct reader *r, struct column *c, const char *const *keys,
                     size_t count)
{
    c->path = arena_copy(r->arena, keys, count * sizeof *keys);
    c->path_count = count;
}

/* "a.b.c" */
static void read_dotted(const struct reader *r, const struct yaml_node *node, struct column *c)
{
    const char *keys[PATH_KEYS_MAX];
    size_t count = 0;
    const char *at = node->text;
    for (;;) {
        size_t len = strcspn(at, ".");
        if (len == 0) {
            READ_ERROR(r, node,
                       "`from`: `%.80s` has an empty key; write keys with dots as a list: [a.b, c]",
                       node->text);
            return;
        }
        if (count == PATH_KEYS_MAX) {
            READ_ERROR(r, node, "`from`: a path has at most %d keys", PATH_KEYS_MAX);
            return;
        }
        keys[count++] = arena_strndup(r->arena, at, len);
        if (at[len] == '\0')
            break;
        at += len + 1;
    }
    set_path(r, c, keys, count);
}

static void read_from(const struct reader *r, const struct yaml_node *node, struct column *c)
{
    const char *keys[PATH_KEYS_MAX];
    size_t count = 0;
    if (node->type != YAML_LIST) {
        read_dotted(r, node, c);
        return;
    }
    for (size_t i = 0; i < node->count && count < PATH_KEYS_MAX; i++)
        if (!node->entries[i].value->is_bad)
            keys[count++] = arena_strdup(r->arena, node->entries[i].value->text);
    set_path(r, c, keys, count);
}

static void read_provenance(const struct reader *r, const struct yaml_node *node, struct column *c)
{
    char name[COLUMN_TYPE_NAME];
    size_t i = find_word(provenance_words, node->text);
    struct column wanted = {.type = provenances[i].type};
    c->source = provenances[i].source;
    if (c->type != wanted.type)
        READ_ERROR(r, node, "`provenance`: %s is of type %s", node->text,
                   column_type_name(&wanted, name));
}

static void read_unit(const struct reader *r, const struct yaml_node *node, struct column *c)
{
    if (c->type != COLUMN_TIMESTAMPTZ && c->type != COLUMN_DATE && c->type != COLUMN_INTERVAL) {
        READ_ERROR(r, node, "`unit` is for timestamptz, date and interval columns");
        return;
    }
    c->unit_ns = units[find_word(unit_words, node->text)].ns;
}

/* Where the values come from: one of four, and from the key of the column's name by default. */
static void read_source(const struct reader *r, const struct yaml_node *map, struct column *c)
{
    static const char *const sources[] = {"from", "rest", "constant", "provenance"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        const struct yaml_node *node = yaml_get(map, sources[i]);
        if (!node || (node->type == YAML_BOOL && i == 1 && !yaml_bool(node)))
            continue;
        if (first) {
            READ_ERROR(r, node, "`%s` and `%s` exclude each other: a column has one source", first,
                       sources[i]);
            return;
        }
        first = sources[i];
        if (i == 0) {
            read_from(r, node, c);
        } else if (i == 1) {
            c->source = COLUMN_FROM_REST;
            if (c->type != COLUMN_JSONB)
                READ_ERROR(r, node, "`rest` is for columns of type jsonb");
        } else if (i == 2) {
            c->source = COLUMN_FROM_CONSTANT;
            if (node->type == YAML_NULL)
                READ_ERROR(r, node, "`constant` can't be null");
            else
                (void)read_value(r, node, c, &c->fallback);
        } else {
            read_provenance(r, node, c);
        }
    }
}

static void read_default(const struct reader *r, const struct yaml_node *node, struct column *c)
{
    if (c->source != COLUMN_FROM_KEY)
        READ_ERROR(r, node, "`default` is for columns that take a key of the frame");
    else if (node->type != YAML_NULL)
        (void)read_value(r, node, c, &c->fallback);
}

static bool is_system_column(const char *name)
{
    static const char *const names[] = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void read_column_map(const struct reader *r, const struct yaml_node *map, struct column *c)
{
    const struct yaml_node *type = yaml_get(map, "type");
    const struct yaml_node *required = yaml_get(map, "required");
    const struct yaml_node *fallback = yaml_get(map, "default");
    const struct yaml_node *unit = yaml_get(map, "unit");
    c->required = required && yaml_bool(required);
    if (!type) /* told; nothing else can be said of it */
        return;
    read_type(r, type, c);
    if (unit) /* before values are read */
        read_unit(r, unit, c);
    read_source(r, map, c);
    if (fallback)
        read_default(r, fallback, c);
}

static void read_column(const struct reader *r, const struct yaml_node *key,
                        const struct yaml_node *node, struct column *c)
{
    c->name = arena_strdup(r->arena, key->text);
    if (is_system_column(c->name))
        READ_ERROR(r, key, "`%s` is a column that Postgres keeps for itself; choose another name",
                   c->name);
    if (node->is_bad)
        return;
    if (node->type == YAML_MAP)
        read_column_map(r, node, c);
    else
        read_type(r, node, c);
    if (c->source == COLUMN_FROM_KEY && c->path_count == 0)
        set_path(r, c, &c->name, 1);
}

struct column *read_columns(const struct reader *r, const struct yaml_node *map, size_t *count)
{
    bool has_rest = false;
    *count = map ? map->count : 0;
    struct column *columns = arena_alloc(r->arena, *count * sizeof *columns);
    for (size_t i = 0; i < *count; i++) {
        const struct yaml_node *key = map->entries[i].key;
        read_column(r, key, map->entries[i].value, &columns[i]);
        if (columns[i].source != COLUMN_FROM_REST)
            continue;
        if (has_rest)
            READ_ERROR(r, key, "column `%s`: a stream has one `rest` column", columns[i].name);
        has_rest = true;
    }
    return columns;
}
