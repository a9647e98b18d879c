/* SPDX-License-Identifier: MIT */
#include "manifest/shape.h"

#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct checking {
    const char *file;
    struct yaml_diag *diag;
};

/* ---- messages ---- */

static const char *wanted(const struct shape *shape)
{
    static const char *const names[] = {
        [SHAPE_TEXT] = "text",
        [SHAPE_WORD] = "a word",
        [SHAPE_BOOL] = "true or false",
        [SHAPE_COUNT] = "a whole number",
        [SHAPE_DURATION] = "a duration such as 200ms, 2s or 90 days",
        [SHAPE_SIZE] = "a size such as 64KiB or 16MiB",
        [SHAPE_REJECTS] = "a whole number or a percentage such as 1%",
        [SHAPE_ANY] = "a value",
        [SHAPE_LIST] = "a list",
        [SHAPE_MAP] = "a map",
        [SHAPE_DICT] = "a map",
    };
    return shape->wanted ? shape->wanted : names[shape->type];
}

static void misfit(const struct checking *c, const char *name, struct yaml_node *node,
                   const struct shape *shape)
{
    bool is_shown = node->text && *node->text && !shape->is_secret;
    bool unquoted = shape->type == SHAPE_TEXT && node->type >= YAML_BOOL && node->type < YAML_TEXT;
    node->is_bad = true;
    if (is_shown)
        yaml_diag_error(c->diag, c->file, node->place, "`%s`: %s is wanted, not `%.80s`%s", name,
                        wanted(shape), node->text, unquoted ? "; put it in quotes" : "");
    else if (shape->is_secret)
        yaml_diag_error(c->diag, c->file, node->place, "`%s`: %s is wanted here", name,
                        wanted(shape));
    else if (node->type == YAML_TEXT)
        yaml_diag_error(c->diag, c->file, node->place, "`%s` must not be empty: %s is wanted", name,
                        wanted(shape));
    else
        yaml_diag_error(c->diag, c->file, node->place, "`%s`: %s is wanted, but it is %s", name,
                        wanted(shape), yaml_type_name(node));
}

bool shape_nearer(const char *text, const char *word, unsigned *distance)
{
    size_t n = strlen(text);
    size_t m = strlen(word);
    if ((n > m ? n - m : m - n) >= *distance) /* so many edits at least: no need to count */
        return false;
    unsigned d = str_distance(text, word);
    if (d >= *distance || d > n / 2) /* of a short word nothing would be left */
        return false;
    *distance = d;
    return true;
}

/* The nearest word, or NULL. */
static const char *suggest(const char *text, const char *const *words)
{
    const char *best = NULL;
    unsigned distance = SHAPE_FAR;
    for (; *words; words++)
        if (shape_nearer(text, *words, &distance))
            best = *words;
    return best;
}

static void append_words(struct buf *out, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", words[i]);
}

/* ---- scalars ---- */

static bool fits_pattern(const char *pattern, const char *text)
{
    regex_t compiled;
    if (!pattern)
        return true;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort(); /* a table of ours is wrong */
    bool fits = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return fits;
}

static bool is_word(const char *const *words, const char *text)
{
    for (; words && *words; words++)
        if (strcmp(*words, text) == 0)
            return true;
    return false;
}

static void check_text(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node)
{
    if (node->type == YAML_TEXT && node->len > (size_t)shape->max) {
        yaml_diag_error(c->diag, c->file, node->place, "`%s` is longer than %" PRId64 " bytes",
                        name, shape->max);
        node->is_bad = true;
    } else if (node->type != YAML_TEXT || node->len < (size_t)shape->min ||
               !fits_pattern(shape->pattern, node->text)) {
        misfit(c, name, node, shape);
    }
}

static void check_word(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node)
{
    struct buf words = {0};
    if (node->type == YAML_TEXT &&
        (is_word(shape->words, node->text) || (shape->pattern && node->len <= SHAPE_NAME_MAX &&
                                               fits_pattern(shape->pattern, node->text))))
        return;
    if (!node->text) {
        misfit(c, name, node, shape);
        return;
    }
    const char *best = suggest(node->text, shape->words);
    append_words(&words, shape->words);
    if (best)
        yaml_diag_error(c->diag, c->file, node->place, "`%s` can't be `%.80s`; did you mean `%s`?",
                        name, node->text, best);
    else
        yaml_diag_error(c->diag, c->file, node->place, "`%s` can't be `%.80s`; it is one of %s",
                        name, node->text, shape->wanted ? shape->wanted : buf_cstr(&words));
    node->is_bad = true;
    buf_free(&words);
}

static const char *show_number(const struct shape *shape, int64_t number, char text[STR_HUMAN])
{
    if (shape->type == SHAPE_DURATION)
        return number == 0 ? "0" : str_duration(number, text);
    return str_count((uint64_t)number, text);
}

static void tell_range(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node)
{
    char low[STR_HUMAN];
    char high[STR_HUMAN];
    node->is_bad = true;
    if (shape->max == INT64_MAX)
        yaml_diag_error(c->diag, c->file, node->place, "`%s` is at least %s, not `%s`", name,
                        show_number(shape, shape->min, low), node->text);
    else
        yaml_diag_error(c->diag, c->file, node->place, "`%s` is from %s to %s, not `%s`", name,
                        show_number(shape, shape->min, low), show_number(shape, shape->max, high),
                        node->text);
}

/* Numbers of all sorts: their text is read, and held to the range. */
static void check_number(const struct checking *c, const struct shape *shape, const char *name,
                         struct yaml_node *node)
{
    uint64_t number = 0;
    int64_t us = 0;
    bool is_plain = node->type == YAML_INT || node->type == YAML_FLOAT;
    bool good = false;
    if (node->type == YAML_TEXT && is_word(shape->words, node->text))
        return;
    if (shape->type == SHAPE_COUNT) {
        good = node->type == YAML_INT && node->len < 19 &&
               strspn(node->text, "0123456789") == node->len;
        number = good ? strtoull(node->text, NULL, 10) : 0;
    } else if ((is_plain || node->type == YAML_TEXT) && node->len <= SHAPE_NAME_MAX) {
        bool is_size = shape->type == SHAPE_SIZE;
        good =
            fits_pattern(is_size ? SHAPE_SIZE_PATTERN : SHAPE_DURATION_PATTERN, node->text) &&
            (is_size ? str_parse_size(node->text, &number) : str_parse_duration(node->text, &us));
        number = is_size ? number : (uint64_t)us;
    }
    if (!good) {
        misfit(c, name, node, shape);
    } else if (number < (uint64_t)shape->min || number > (uint64_t)shape->max) {
        tell_range(c, shape, name, node);
    }
}

static bool is_rejects(const struct yaml_node *node)
{
    if (node->type == YAML_INT)
        return node->len < 16 && strspn(node->text, "0123456789") == node->len;
    return node->type == YAML_TEXT && node->len < 16 &&
           fits_pattern(SHAPE_REJECTS_PATTERN, node->text) && strtod(node->text, NULL) <= 100;
}

/* ---- lists and maps ---- */

static void check_node(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node);

static void check_size(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node)
{
    struct buf keys = {0};
    int64_t count = (int64_t)node->count;
    if (shape->max == 0 || (count >= shape->min && count <= shape->max))
        return;
    for (const struct shape_key *k = shape->type == SHAPE_MAP ? shape->keys : NULL; k && k->name;
         k++)
        buf_printf(&keys, "%s%s", keys.len > 0 ? ", " : "", k->name);
    if (keys.len > 0)
        yaml_diag_error(c->diag, c->file, node->place, "`%s`: exactly one of %s is wanted", name,
                        buf_cstr(&keys));
    else if (count < shape->min)
        yaml_diag_error(c->diag, c->file, node->place, "`%s` must not be empty", name);
    else
        yaml_diag_error(c->diag, c->file, node->place,
                        "`%s` has %" PRId64 " entries, at most %" PRId64 " are possible", name,
                        count, shape->max);
    node->is_bad = true;
    buf_free(&keys);
}

static void check_list(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node)
{
    if (node->type != YAML_LIST) {
        misfit(c, name, node, shape);
        return;
    }
    check_size(c, shape, name, node);
    for (size_t i = 0; i < node->count; i++)
        check_node(c, shape->item, name, node->entries[i].value);
}

static void check_dict(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node)
{
    if (node->type != YAML_MAP) {
        misfit(c, name, node, shape);
        return;
    }
    check_size(c, shape, name, node);
    for (size_t i = 0; i < node->count; i++) {
        struct yaml_node *key = node->entries[i].key;
        struct yaml_node *value = node->entries[i].value;
        if (key->len == 0 || key->len > SHAPE_NAME_MAX ||
            !fits_pattern(shape->pattern, key->text)) {
            yaml_diag_error(c->diag, c->file, key->place,
                            "`%s`: `%.80s` can't be a name here: 1 to %d bytes%s%s", name,
                            key->text, SHAPE_NAME_MAX, shape->wanted ? ", " : "",
                            shape->wanted ? shape->wanted : "");
            value->is_bad = true;
        } else {
            check_node(c, shape->item, key->text, value);
        }
    }
}

static const struct shape_key *find_key(const struct shape *shape, const char *name)
{
    for (const struct shape_key *k = shape->keys; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

static bool has_key(const struct yaml_node *map, const char *name)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].key->text, name) == 0)
            return true;
    return false;
}

/* The key that was meant by one that there isn't, if it isn't there in its own right. */
static const struct shape_key *meant(const struct shape *shape, const struct yaml_node *map,
                                     const char *name)
{
    const struct shape_key *best = NULL;
    unsigned distance = SHAPE_FAR;
    for (const struct shape_key *k = shape->keys; k->name; k++) {
        unsigned d = distance;
        if (shape_nearer(name, k->name, &d) && !has_key(map, k->name)) {
            distance = d;
            best = k;
        }
    }
    return best;
}

static void tell_unknown(const struct checking *c, const struct shape *shape,
                         const struct yaml_node *map, const struct yaml_node *key)
{
    struct buf keys = {0};
    const struct shape_key *best = meant(shape, map, key->text);
    for (const struct shape_key *k = shape->keys; k->name; k++)
        buf_printf(&keys, "%s%s", keys.len > 0 ? ", " : "", k->name);
    if (best)
        yaml_diag_error(c->diag, c->file, key->place, "unknown key `%.80s`; did you mean `%s`?",
                        key->text, best->name);
    else
        yaml_diag_error(c->diag, c->file, key->place, "unknown key `%.80s`; the keys here are %s",
                        key->text, buf_cstr(&keys));
    buf_free(&keys);
}

/* Is a missing key there by another spelling, of which we have told? */
static bool is_misspelt(const struct shape *shape, const struct yaml_node *map,
                        const struct shape_key *missing)
{
    for (size_t i = 0; i < map->count; i++) {
        const char *name = map->entries[i].key->text;
        if (!find_key(shape, name) && meant(shape, map, name) == missing)
            return true;
    }
    return false;
}

static void check_map(const struct checking *c, const struct shape *shape, const char *name,
                      struct yaml_node *node)
{
    if (node->type != YAML_MAP) {
        misfit(c, name, node, shape);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->entries[i].key;
        const struct shape_key *known = find_key(shape, key->text);
        if (known)
            check_node(c, known->shape, known->name, node->entries[i].value);
        else
            tell_unknown(c, shape, node, key);
    }
    for (const struct shape_key *k = shape->keys; k->name; k++)
        if (k->is_required && !has_key(node, k->name) && !is_misspelt(shape, node, k))
            yaml_diag_error(c->diag, c->file, node->place, "`%s` is missing: %s", k->name,
                            shape_help(k));
    check_size(c, shape, name, node);
}

/* ---- either ---- */

/* Is the node of this kind of YAML? Of a list, its first value tells. */
static bool is_kind(const struct shape *shape, const struct yaml_node *node)
{
    struct shape plain = shape_plain(shape);
    switch (plain.type) {
    case SHAPE_MAP:
    case SHAPE_DICT:
        return node->type == YAML_MAP;
    case SHAPE_LIST:
        return node->type == YAML_LIST &&
               (node->count == 0 || is_kind(plain.item, node->entries[0].value));
    case SHAPE_ANY:
        return true;
    default:
        return node->type == YAML_TEXT;
    }
}

static void check_either(const struct checking *c, const struct shape *shape, const char *name,
                         struct yaml_node *node)
{
    struct buf choices = {0};
    bool is_secret = false;
    for (size_t i = 0; shape->either[i]; i++) {
        if (is_kind(shape->either[i], node)) {
            check_node(c, shape->either[i], name, node);
            buf_free(&choices);
            return;
        }
        is_secret |= shape->either[i]->is_secret;
        buf_printf(&choices, "%s%s", i > 0 ? ", or " : "", wanted(shape->either[i]));
    }
    misfit(c, name, node,
           &(struct shape){.type = SHAPE_ANY,
                           .wanted = shape->wanted ? shape->wanted : buf_cstr(&choices),
                           .is_secret = is_secret});
    buf_free(&choices);
}

static void check_node(const struct checking *c, const struct shape *shape, const char *name,
                       struct yaml_node *node)
{
    struct shape plain = shape_plain(shape);
    if (node->is_bad)
        return;
    switch (plain.type) {
    case SHAPE_TEXT:
        check_text(c, &plain, name, node);
        break;
    case SHAPE_WORD:
        check_word(c, &plain, name, node);
        break;
    case SHAPE_BOOL:
        if (node->type != YAML_BOOL)
            misfit(c, name, node, &plain);
        break;
    case SHAPE_COUNT:
    case SHAPE_DURATION:
    case SHAPE_SIZE:
        check_number(c, &plain, name, node);
        break;
    case SHAPE_REJECTS:
        if (!is_rejects(node))
            misfit(c, name, node, &plain);
        break;
    case SHAPE_LIST:
        check_list(c, &plain, name, node);
        break;
    case SHAPE_MAP:
        check_map(c, &plain, name, node);
        break;
    case SHAPE_DICT:
        check_dict(c, &plain, name, node);
        break;
    case SHAPE_EITHER:
        check_either(c, &plain, name, node);
        break;
    default: /* SHAPE_ANY */
        break;
    }
}

void shape_check(const struct shape *shape, struct yaml_node *root, const char *file,
                 struct yaml_diag *diag)
{
    struct checking c = {file, diag};
    check_node(&c, shape, "the file", root);
}

int64_t shape_duration(const struct yaml_node *node)
{
    int64_t us = 0;
    (void)str_parse_duration(node->text, &us);
    return us;
}

uint64_t shape_count(const struct yaml_node *node)
{
    return strtoull(node->text, NULL, 10);
}
