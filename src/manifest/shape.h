/* SPDX-License-Identifier: MIT */
/*
 * shape: what a manifest's YAML must look like, as a table. The linter and the JSON Schemas read
 * the same one, so they agree. Pure.
 *
 *     shape_check(&stream_shape, root, "streams/a.yaml", &diag);
 *     shape_schema(&stream_shape, "stream", &out);
 *
 * The check tells every misfit and marks its node as bad, so that whoever reads the values leaves
 * it out (yaml_get) and tells nothing twice. What one key means to another is the readers' work.
 */
#ifndef SPOOLGATE_MANIFEST_SHAPE_H
#define SPOOLGATE_MANIFEST_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "yaml/yaml.h"

enum shape_type {
    SHAPE_TEXT, /* min to max bytes that fit `pattern` */
    SHAPE_WORD, /* one of `words`, or what fits `pattern` where there is one */
    SHAPE_BOOL,
    SHAPE_COUNT,    /* a whole number, min to max; with `words`, those too */
    SHAPE_DURATION, /* min to max microseconds */
    SHAPE_SIZE,     /* min to max bytes; with `words`, those too */
    SHAPE_REJECTS,  /* a whole number or a percentage */
    SHAPE_SETTING,  /* a key of config_keys, by its name at a gate: its type is the shape */
    SHAPE_ANY,
    SHAPE_LIST,   /* min to max values of `item` */
    SHAPE_MAP,    /* `keys`; with a max, min to max of them */
    SHAPE_DICT,   /* min to max names (1 to 63 bytes, or as `pattern` has it), values of `item` */
    SHAPE_EITHER, /* one of `either`, told apart by what kind of YAML they are */
};

struct shape {
    enum shape_type type;
    const char *wanted;  /* "a gate's name: ...", where the type alone doesn't say it */
    const char *pattern; /* a POSIX extended expression that reads the same in ECMAScript */
    int64_t min, max;
    const char *const *words; /* ends with NULL */
    const char *setting;
    bool is_secret; /* messages don't show the value */
    const struct shape *item;
    const struct shape_key *keys;      /* ends with a NULL name */
    const struct shape *const *either; /* ends with NULL */
};

struct shape_key {
    const char *name;
    const struct shape *shape;
    const char *help; /* one line; also the schema's description */
    bool is_required;
};

void shape_check(const struct shape *shape, struct yaml_node *root, const char *file,
                 struct yaml_diag *diag);

/* A JSON Schema, draft 2020-12. */
void shape_schema(const struct shape *shape, const char *title, struct buf *out);

/* SHAPE_SETTING as the type that it stands for; any other as it is. */
struct shape shape_plain(const struct shape *shape);
/* What is said of a key; a setting's is config's. */
const char *shape_help(const struct shape_key *key);

/* The value is inside the shape: what it comes to. */
int64_t shape_duration(const struct yaml_node *node);
uint64_t shape_count(const struct yaml_node *node);

/*
 * For "did you mean": is `word` what `text` was meant to be, and nearer than the one before?
 *
 *     unsigned distance = SHAPE_FAR;
 *     for each word: if (shape_nearer(text, word, &distance)) best = word;
 */
#define SHAPE_FAR 4 /* edits; so many are no typing error */
#define SHAPE_SUGGESTIONS                                                  \
    100 /* errors; after so many, thousands of names aren't looked through \
         */
bool shape_nearer(const char *text, const char *word, unsigned *distance);

#define SHAPE_NAME_MAX 63 /* bytes of a name: what Postgres keeps of one */
#define SHAPE_DURATION_PATTERN \
    "^[0-9]+(\\.[0-9]+)? *(us|ms|s|m|min|h|hour|hours|d|day|days|week|weeks|year|years)?$"
#define SHAPE_SIZE_PATTERN    "^[0-9]+(\\.[0-9]+)? *(B|KiB|MiB|GiB|TiB|K|M|G|kB|MB|GB)?$"
#define SHAPE_REJECTS_PATTERN "^(100|[0-9]{1,2}(\\.[0-9]+)?)%$"

#endif
