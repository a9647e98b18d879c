/* SPDX-License-Identifier: MIT */
/* The keys of spoolgate.yaml and of manifests as lists for their manual pages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mdoc.h"
#include "base/str.h"
#include "cli/manual.h"
#include "manifest/manifest.h"
#include "manifest/shape.h"

/* ---- ranges and words ---- */

/* In the largest unit that says it exactly, as it would be written in a file. */
static const char *show(enum shape_type type, uint64_t number, char text[STR_HUMAN])
{
    static const struct unit {
        uint64_t size;
        const char *name;
    } sizes[] = {{1U << 30, "GiB"}, {1U << 20, "MiB"}, {1U << 10, "KiB"}, {1, ""}},
      durations[] = {{UINT64_C(86400000000), "d"},
                     {UINT64_C(3600000000), "h"},
                     {60000000, "m"},
                     {1000000, "s"},
                     {1000, "ms"},
                     {1, "us"}},
      counts[] = {{1, ""}};
    const struct unit *unit = type == SHAPE_SIZE       ? sizes
                              : type == SHAPE_DURATION ? durations
                                                       : counts;
    if (number == 0)
        return "0";
    while (number % unit->size != 0)
        unit++;
    (void)snprintf(text, STR_HUMAN, "%" PRIu64 "%s", number / unit->size, unit->name);
    return text;
}

static void put_range(struct buf *out, enum shape_type type, uint64_t min, uint64_t max)
{
    char low[STR_HUMAN];
    char high[STR_HUMAN];
    if (max > 0 && max < INT64_MAX)
        buf_printf(out, "From %s to %s.\n", show(type, min, low), show(type, max, high));
    else if (min > 0)
        buf_printf(out, "At least %s.\n", show(type, min, low));
}

/* Not where the help text has them all. */
static void put_words(struct buf *out, const char *const *words, const char *help)
{
    struct buf text = {0};
    size_t told = 0;
    while (words[told] && strstr(help, words[told]))
        told++;
    if (!words[told])
        return;
    for (size_t i = 0; words[i]; i++)
        buf_printf(&text, "%s`%s`", i == 0 ? "One of " : ", ", words[i]);
    mdoc_text(out, buf_cstr(&text), ".");
    buf_free(&text);
}

/* ---- configuration ---- */

static void put_default(struct buf *out, const char *fallback)
{
    if (!*fallback) {
        buf_str(out, "Default: empty.\n");
        return;
    }
    buf_str(out, "Default: \\fB");
    mdoc_literal(out, fallback);
    buf_str(out, "\\fP.\n");
}

void manual_put_config(struct buf *out)
{
    static const enum shape_type types[] = {
        [CONFIG_STRING] = SHAPE_TEXT, [CONFIG_COUNT] = SHAPE_COUNT,
        [CONFIG_SIZE] = SHAPE_SIZE,   [CONFIG_DURATION] = SHAPE_DURATION,
        [CONFIG_ENUM] = SHAPE_WORD,   [CONFIG_REJECTS] = SHAPE_REJECTS};
    static const char *const called[] = {
        [CONFIG_STRING] = "text",       [CONFIG_COUNT] = "a number",
        [CONFIG_SIZE] = "a size",       [CONFIG_DURATION] = "a duration",
        [CONFIG_ENUM] = "a fixed word", [CONFIG_REJECTS] = "a number, or a share such as 1%"};
    buf_str(out, ".Bl -tag -width Ds\n");
    for (const struct config_key *k = config_keys; k->path; k++) {
        buf_str(out, ".It Ic ");
        mdoc_literal(out, k->path);
        buf_printf(out, " Pq %s\n", called[k->type]);
        mdoc_text(out, k->help, ".");
        put_default(out, k->fallback);
        if (k->names)
            put_words(out, k->names, k->help);
        put_range(out, types[k->type], k->min, k->max);
        if (k->at_start)
            buf_str(out, "Changed by the next start, not by a reload.\n");
        if (k->environment)
            buf_printf(out, "Environment:\n.Ev %s .\n", k->environment);
    }
    buf_str(out, ".El\n");
}

/* ---- manifests ---- */

static void put_keys(struct buf *out, const struct shape *shape, const char *prefix);

/* Of "exactly one of these" (a secret's places) the keys are said once, in man/. */
static bool is_choice(const struct shape *shape)
{
    return shape->type == SHAPE_MAP && shape->min == 1 && shape->max == 1;
}

/* The keys of maps that lie within: in a list, under names, or as one of several forms. */
static void put_within(struct buf *out, const struct shape *shape, const char *path)
{
    struct buf below = {0};
    buf_str(&below, path);
    if (shape->type == SHAPE_MAP && !is_choice(shape)) {
        buf_str(&below, ".");
        put_keys(out, shape, buf_cstr(&below));
    } else if (shape->type == SHAPE_DICT) {
        buf_str(&below, ".NAME");
        put_within(out, shape->item, buf_cstr(&below));
    } else if (shape->type == SHAPE_LIST) {
        put_within(out, shape->item, path);
    } else if (shape->type == SHAPE_EITHER) {
        for (size_t i = 0; shape->either[i]; i++)
            put_within(out, shape->either[i], path);
    }
    buf_free(&below);
}

static void put_keys(struct buf *out, const struct shape *shape, const char *prefix)
{
    for (const struct shape_key *k = shape->keys; k->name; k++) {
        struct shape plain = shape_plain(k->shape);
        struct buf path = {0};
        buf_printf(&path, "%s%s", prefix, k->name);
        buf_str(out, ".It Ic ");
        mdoc_literal(out, buf_cstr(&path));
        buf_str(out, k->is_required ? " Pq required\n" : "\n");
        mdoc_text(out, shape_help(k), ".");
        if (plain.type == SHAPE_WORD && plain.words && !plain.pattern)
            put_words(out, plain.words, shape_help(k));
        if (plain.type == SHAPE_COUNT || plain.type == SHAPE_DURATION || plain.type == SHAPE_SIZE)
            put_range(out, plain.type, (uint64_t)plain.min, (uint64_t)plain.max);
        put_within(out, k->shape, buf_cstr(&path));
        buf_free(&path);
    }
}

bool manual_put_manifest(struct buf *out, const char *kind)
{
    int i = 0;
    while (i < MANIFEST_KINDS && strcmp(manifest_kind_names[i], kind) != 0)
        i++;
    if (i == MANIFEST_KINDS)
        return false;
    buf_str(out, ".Bl -tag -width Ds\n");
    put_keys(out, manifest_shape((enum manifest_kind)i), "");
    buf_str(out, ".El\n");
    return true;
}
