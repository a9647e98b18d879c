/* SPDX-License-Identifier: MIT */
/* Shapes as JSON Schema (draft 2020-12), and the shapes that config's keys stand for. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "config/config.h"
#include "manifest/shape.h"

static const struct config_key *setting_key(const char *setting)
{
    assert(setting);
    for (const struct config_key *k = config_keys; k->path; k++) {
        const char *name = config_gate_key(k);
        if (name && strcmp(name, setting) == 0)
            return k;
    }
    (void)fprintf(stderr, "spoolgate: no setting %s\n", setting); /* a table of ours is wrong */
    abort();
}

struct shape shape_plain(const struct shape *shape)
{
    static const char *const autos[] = {"auto", NULL};
    static const enum shape_type types[] = {
        [CONFIG_STRING] = SHAPE_TEXT, [CONFIG_COUNT] = SHAPE_COUNT,
        [CONFIG_SIZE] = SHAPE_SIZE,   [CONFIG_DURATION] = SHAPE_DURATION,
        [CONFIG_ENUM] = SHAPE_WORD,   [CONFIG_REJECTS] = SHAPE_REJECTS};
    if (shape->type != SHAPE_SETTING)
        return *shape;
    const struct config_key *key = setting_key(shape->setting);
    bool has_auto = strcmp(key->fallback, autos[0]) == 0;
    return (struct shape){.type = types[key->type],
                          .min = (int64_t)key->min,
                          .max = key->max > INT64_MAX ? INT64_MAX : (int64_t)key->max,
                          .words = has_auto ? autos : key->names};
}

const char *shape_help(const struct shape_key *key)
{
    return key->shape->type == SHAPE_SETTING ? setting_key(key->shape->setting)->help : key->help;
}

/* ---- JSON Schema ---- */

static void put_str(struct jsonw *j, const char *key, const char *value)
{
    jsonw_key(j, key);
    jsonw_str(j, value);
}

static void put_int(struct jsonw *j, const char *key, int64_t value)
{
    jsonw_key(j, key);
    jsonw_int(j, value);
}

static void put_words(struct jsonw *j, const char *const *words)
{
    assert(words);
    jsonw_key(j, "enum");
    jsonw_array(j);
    for (; *words; words++)
        jsonw_str(j, *words);
    jsonw_end(j);
}

static void put_range(struct jsonw *j, const struct shape *shape, const char *least,
                      const char *most)
{
    if (shape->min > 0)
        put_int(j, least, shape->min);
    if (shape->max > 0 && shape->max < INT64_MAX)
        put_int(j, most, shape->max);
}

static void put_shape(struct jsonw *j, const struct shape *shape);

/* anyOf: the words, or what `other` is of. */
static void put_words_or(struct jsonw *j, const char *const *words, const struct shape *other)
{
    jsonw_key(j, "anyOf");
    jsonw_array(j);
    jsonw_object(j);
    put_words(j, words);
    jsonw_end(j);
    jsonw_object(j);
    put_shape(j, other);
    jsonw_end(j);
    jsonw_end(j);
}

static void put_object(struct jsonw *j, const struct shape *shape)
{
    assert(shape->keys);
    put_str(j, "type", "object");
    jsonw_key(j, "properties");
    jsonw_object(j);
    for (const struct shape_key *k = shape->keys; k->name; k++) {
        struct shape plain = shape_plain(k->shape);
        jsonw_key(j, k->name);
        jsonw_object(j);
        put_str(j, "description", shape_help(k));
        put_shape(j, &plain);
        jsonw_end(j);
    }
    jsonw_end(j);
    jsonw_key(j, "required");
    jsonw_array(j);
    for (const struct shape_key *k = shape->keys; k->name; k++)
        if (k->is_required)
            jsonw_str(j, k->name);
    jsonw_end(j);
    jsonw_key(j, "additionalProperties");
    jsonw_bool(j, false);
    put_range(j, shape, "minProperties", "maxProperties");
}

static void put_dict(struct jsonw *j, const struct shape *shape)
{
    put_str(j, "type", "object");
    jsonw_key(j, "propertyNames");
    jsonw_object(j);
    put_int(j, "minLength", 1);
    put_int(j, "maxLength", SHAPE_NAME_MAX);
    if (shape->pattern)
        put_str(j, "pattern", shape->pattern);
    jsonw_end(j);
    jsonw_key(j, "additionalProperties");
    jsonw_object(j);
    put_shape(j, shape->item);
    jsonw_end(j);
    put_range(j, shape, "minProperties", "maxProperties");
}

/* Numbers are counted in seconds and bytes; the range of a text is for the linter alone. */
static void put_measure(struct jsonw *j, const char *pattern)
{
    jsonw_key(j, "type");
    jsonw_array(j);
    jsonw_str(j, "number");
    jsonw_str(j, "string");
    jsonw_end(j);
    put_int(j, "minimum", 0);
    put_str(j, "pattern", pattern);
}

static void put_either(struct jsonw *j, const struct shape *shape)
{
    assert(shape->either);
    jsonw_key(j, "anyOf");
    jsonw_array(j);
    for (size_t i = 0; shape->either[i]; i++) {
        jsonw_object(j);
        put_shape(j, shape->either[i]);
        jsonw_end(j);
    }
    jsonw_end(j);
}

static void put_shape(struct jsonw *j, const struct shape *of)
{
    assert(of); /* each type's part of the table is there */
    struct shape shape = shape_plain(of);
    bool is_word = shape.type == SHAPE_WORD;
    if (is_word ? shape.pattern != NULL : shape.words != NULL) {
        struct shape other = shape;
        other.type = is_word ? SHAPE_TEXT : shape.type;
        other.words = NULL;
        put_words_or(j, shape.words, &other);
        return;
    }
    switch (shape.type) {
    case SHAPE_TEXT:
        put_str(j, "type", "string");
        put_range(j, &shape, "minLength", "maxLength");
        if (shape.pattern)
            put_str(j, "pattern", shape.pattern);
        break;
    case SHAPE_WORD:
        put_words(j, shape.words);
        break;
    case SHAPE_BOOL:
        put_str(j, "type", "boolean");
        break;
    case SHAPE_COUNT:
        put_str(j, "type", "integer");
        put_int(j, "minimum", shape.min);
        put_range(j, &(struct shape){.max = shape.max}, "minimum", "maximum");
        break;
    case SHAPE_DURATION:
        put_measure(j, SHAPE_DURATION_PATTERN);
        break;
    case SHAPE_SIZE:
        put_measure(j, SHAPE_SIZE_PATTERN);
        break;
    case SHAPE_REJECTS:
        jsonw_key(j, "type");
        jsonw_raw(j, "[\"integer\",\"string\"]");
        put_int(j, "minimum", 0);
        put_str(j, "pattern", SHAPE_REJECTS_PATTERN);
        break;
    case SHAPE_LIST:
        put_str(j, "type", "array");
        jsonw_key(j, "items");
        jsonw_object(j);
        put_shape(j, shape.item);
        jsonw_end(j);
        put_range(j, &shape, "minItems", "maxItems");
        break;
    case SHAPE_MAP:
        put_object(j, &shape);
        break;
    case SHAPE_DICT:
        put_dict(j, &shape);
        break;
    case SHAPE_EITHER:
        put_either(j, &shape);
        break;
    default: /* SHAPE_ANY: no word about it */
        break;
    }
}

void shape_schema(const struct shape *shape, const char *title, struct buf *out)
{
    struct jsonw j = {.out = out};
    jsonw_object(&j);
    put_str(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
    put_str(&j, "title", title);
    put_shape(&j, shape);
    jsonw_end(&j);
}
