/* SPDX-License-Identifier: MIT */
/* Names of columns in a stream's manifest, and its indexes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifest/read.h"

enum { INDEX_COLUMNS_MAX = 32, INDEXES_MAX = 64 };

/* ---- the shape ---- */

static const char *const method_words[] = {"btree", "brin", "gin", "gist", "hash", NULL};

static const struct shape method_shape = {.type = SHAPE_WORD, .words = method_words};
static const struct shape bool_shape = {.type = SHAPE_BOOL};
const struct shape shape_identifier = {
    .type = SHAPE_TEXT, .wanted = "a name", .min = 1, .max = SHAPE_NAME_MAX};
const struct shape shape_identifiers = {.type = SHAPE_LIST,
                                        .wanted = "a list of columns such as [t]",
                                        .min = 1,
                                        .max = INDEX_COLUMNS_MAX,
                                        .item = &shape_identifier};
static const struct shape several_shape = {.type = SHAPE_LIST,
                                           .wanted = "a list of such lists",
                                           .min = 1,
                                           .max = INDEXES_MAX,
                                           .item = &shape_identifiers};
const struct shape brin_shape = {
    .type = SHAPE_EITHER,
    .either = (const struct shape *const[]){&shape_identifiers, &several_shape, NULL}};

static const struct shape_key index_keys[] = {
    {"columns", &shape_identifiers, "names of columns, in the order of the index", true},
    {"method", &method_shape, "btree (left out), brin, gin, gist or hash", false},
    {"unique", &bool_shape, "btree alone; with partitions, the partitions' column must be in it",
     false},
    {0},
};
static const struct shape index_shape = {.type = SHAPE_MAP, .keys = index_keys};
const struct shape indexes_shape = {
    .type = SHAPE_LIST, .min = 1, .max = INDEXES_MAX, .item = &index_shape};

/* ---- names of columns ---- */

bool read_column_name(const struct reader *r, const struct yaml_node *node, const struct stream *s,
                      size_t *index)
{
    const char *best = NULL;
    unsigned distance = SHAPE_FAR;
    for (size_t i = 0; i < s->column_count; i++)
        if (strcmp(node->text, s->columns[i].name) == 0) {
            *index = i;
            return true;
        }
    for (size_t i = 0; i < s->column_count && r->diag->errors < SHAPE_SUGGESTIONS; i++)
        if (shape_nearer(node->text, s->columns[i].name, &distance))
            best = s->columns[i].name;
    if (s->column_count == 0) /* it was told that there are none */
        return false;
    if (best)
        READ_ERROR(r, node, "there is no column `%s`; did you mean `%s`?", node->text, best);
    else
        READ_ERROR(r, node, "there is no column `%s`", node->text);
    return false;
}

bool read_column_names(const struct reader *r, const struct yaml_node *list, const char *where,
                       const struct stream *s, const size_t **columns, size_t *count)
{
    bool good = true;
    size_t found = 0;
    size_t *indexes = arena_alloc(r->arena, list->count * sizeof *indexes);
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *node = list->entries[i].value;
        bool is_twice = false;
        if (node->is_bad || !read_column_name(r, node, s, &indexes[found])) {
            good = false;
            continue;
        }
        for (size_t k = 0; k < found; k++)
            is_twice |= indexes[k] == indexes[found];
        if (is_twice)
            READ_ERROR(r, node, "`%s` names column `%s` twice", where, node->text);
        else
            found++;
        good &= !is_twice;
    }
    *columns = indexes;
    *count = found;
    return good;
}

/* ---- indexes ---- */

bool read_index_fits(const char *method, enum column_type type)
{
    bool is_array =
        type == COLUMN_TEXT_ARRAY || type == COLUMN_INT8_ARRAY || type == COLUMN_FLOAT8_ARRAY;
    if (type == COLUMN_VECTOR || type == COLUMN_HALFVEC)
        return false;
    if (strcmp(method, "brin") == 0)
        return !is_array && type != COLUMN_JSONB && type != COLUMN_BOOL;
    if (strcmp(method, "gin") == 0)
        return is_array || type == COLUMN_JSONB;
    return strcmp(method, "gist") != 0;
}

struct indexes {
    struct stream_index *items;
    size_t count, cap;
};

static bool is_same(const struct stream_index *a, const struct stream_index *b)
{
    return strcmp(a->method, b->method) == 0 && a->column_count == b->column_count &&
           memcmp(a->columns, b->columns, a->column_count * sizeof *a->columns) == 0;
}

static bool has_column(const struct stream_index *index, size_t column)
{
    for (size_t i = 0; i < index->column_count; i++)
        if (index->columns[i] == column)
            return true;
    return false;
}

static void check_index(const struct reader *r, const struct yaml_node *at, const struct stream *s,
                        const struct stream_index *index)
{
    char name[COLUMN_TYPE_NAME];
    for (size_t i = 0; i < index->column_count; i++) {
        const struct column *c = &s->columns[index->columns[i]];
        if (!read_index_fits(index->method, c->type))
            READ_ERROR(r, at, "a %s index can't be made on column `%s` of type %s", index->method,
                       c->name, column_type_name(c, name));
    }
    if (strcmp(index->method, "hash") == 0 && index->column_count > 1)
        READ_ERROR(r, at, "a hash index has one column");
    if (index->unique && strcmp(index->method, "btree") != 0)
        READ_ERROR(r, at, "a %s index can't be unique; use btree", index->method);
    if (index->unique && s->every != PERIOD_NONE && s->time_column != STREAM_NO_COLUMN &&
        !has_column(index, s->time_column))
        READ_ERROR(r, at, "a unique index must hold the column of the partitions, `%s`",
                   s->columns[s->time_column].name);
}

static void add_index(const struct reader *r, struct indexes *indexes, const struct yaml_node *at,
                      const struct yaml_node *columns, const char *where, const struct stream *s,
                      struct stream_index index)
{
    if (!read_column_names(r, columns, where, s, &index.columns, &index.column_count))
        return;
    check_index(r, at, s, &index);
    for (size_t i = 0; i < indexes->count; i++)
        if (is_same(&indexes->items[i], &index)) {
            READ_ERROR(r, at, "an index like this one is declared already");
            return;
        }
    *MEM_PUSH(indexes->items, indexes->count, indexes->cap) = index;
}

static void read_brin(const struct reader *r, const struct yaml_node *brin, const struct stream *s,
                      struct indexes *indexes)
{
    const struct stream_index index = {.method = "brin"};
    bool is_one = brin->count > 0 && brin->entries[0].value->type != YAML_LIST;
    if (is_one) {
        add_index(r, indexes, brin, brin, "brin", s, index);
        return;
    }
    for (size_t i = 0; i < brin->count; i++) {
        const struct yaml_node *list = brin->entries[i].value;
        if (!list->is_bad)
            add_index(r, indexes, list, list, "brin", s, index);
    }
}

static void read_index(const struct reader *r, const struct yaml_node *map, const struct stream *s,
                       struct indexes *indexes)
{
    const struct yaml_node *columns = yaml_get(map, "columns");
    const struct yaml_node *method = yaml_get(map, "method");
    const struct yaml_node *unique = yaml_get(map, "unique");
    struct stream_index index = {
        .method = method ? arena_strdup(r->arena, method->text) : "btree",
        .unique = unique && yaml_bool(unique),
    };
    if (columns)
        add_index(r, indexes, map, columns, "columns", s, index);
}

void read_indexes(const struct reader *r, const struct yaml_node *root, struct stream *s)
{
    const struct yaml_node *brin = yaml_get(root, "brin");
    const struct yaml_node *list = yaml_get(root, "indexes");
    struct indexes indexes = {0};
    if (brin)
        read_brin(r, brin, s, &indexes);
    for (size_t i = 0; list && i < list->count; i++)
        if (!list->entries[i].value->is_bad)
            read_index(r, list->entries[i].value, s, &indexes);
    s->indexes = arena_copy(r->arena, indexes.items, indexes.count * sizeof *indexes.items);
    s->index_count = indexes.count;
    free(indexes.items);
}
