/* SPDX-License-Identifier: MIT */
/* The one file that knows libfyaml: its events become nodes. Events rather than its documents,
 * since they have the place of every node, and expand and resolve nothing. */
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "yaml/yaml.h"

struct reading {
    struct arena *arena;
    const char *file;
    struct yaml_diag *diag;
    struct fy_parser *parser;
    struct yaml_place last; /* of the event in hand */
    bool is_over;           /* the parser has no more to say, or we no more to hear */
    bool is_cut;            /* ... before the end: what was read is half a tree */
};

struct entries {
    struct yaml_entry *items;
    size_t count, cap;
};

static struct yaml_place place_of(const struct reading *r, struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? (struct yaml_place){mark->line + 1, mark->column + 1} : r->last;
}

static struct fy_event *next_event(struct reading *r)
{
    struct fy_event *event = r->is_over ? NULL : fy_parser_parse(r->parser);
    r->is_over = !event;
    return event;
}

static void stop(struct reading *r)
{
    r->is_over = true;
    r->is_cut = true;
}

static struct yaml_node *new_node(struct reading *r, enum yaml_type type, struct fy_token *token)
{
    struct yaml_node *node = arena_alloc(r->arena, sizeof *node);
    r->last = place_of(r, token);
    node->type = type;
    node->place = r->last;
    return node;
}

static void check_tag(struct reading *r, struct fy_token *tag)
{
    if (tag)
        yaml_diag_error(r->diag, r->file, place_of(r, tag),
                        "tags (!name) are not understood here; write the value alone");
}

/* libfyaml's place of a quoted text is behind the quote. */
static bool is_quoted(enum fy_scalar_style style)
{
    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static struct yaml_node *read_scalar(struct reading *r, struct fy_event *event)
{
    struct fy_token *token = event->scalar.value; /* NULL where nothing is written */
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    size_t len = 0;
    const char *text = token ? fy_token_get_text(token, &len) : NULL;
    if (!text)
        len = 0;
    /* Newer versions have a token, and a place of its own, for what isn't written. */
    bool is_written = len > 0 || style != FYSS_PLAIN;
    struct yaml_node *node = new_node(r, YAML_TEXT, is_written ? token : NULL);
    if (is_quoted(style))
        node->place.column--;
    node->text = arena_strndup(r->arena, text, len);
    node->len = len;
    check_tag(r, event->scalar.tag);
    if (strlen(node->text) != len) {
        yaml_diag_error(r->diag, r->file, node->place, "a NUL character");
        node->is_bad = true;
    } else if (style == FYSS_PLAIN) {
        node->type = yaml_scalar_type(node->text);
    }
    return node;
}

static struct yaml_node *read_alias(struct reading *r, struct fy_event *event)
{
    struct yaml_node *node = new_node(r, YAML_NULL, event->alias.anchor);
    node->text = "";
    node->is_bad = true;
    node->place.column--; /* the token is the name behind the star */
    yaml_diag_error(r->diag, r->file, node->place, "aliases (*name) are not understood here");
    return node;
}

static struct yaml_node *read_node(struct reading *r, struct fy_event *event, unsigned depth);

/* The next value inside a list or map; NULL at its end. */
static struct yaml_node *read_next(struct reading *r, enum fy_event_type end, unsigned depth)
{
    struct fy_event *event = next_event(r);
    struct yaml_node *node = NULL;
    if (event && event->type != end)
        node = read_node(r, event, depth);
    fy_parser_event_free(r->parser, event);
    return node;
}

static void keep_entries(struct reading *r, struct yaml_node *node, struct entries *entries)
{
    node->entries = arena_copy(r->arena, entries->items, entries->count * sizeof *entries->items);
    node->count = entries->count;
    free(entries->items);
}

static void read_list(struct reading *r, struct yaml_node *node, unsigned depth)
{
    struct entries entries = {0};
    struct yaml_node *value;
    while ((value = read_next(r, FYET_SEQUENCE_END, depth)))
        *MEM_PUSH(entries.items, entries.count, entries.cap) = (struct yaml_entry){NULL, value};
    keep_entries(r, node, &entries);
}

/* False: the key is no key. */
static bool check_key(struct reading *r, const struct entries *entries, struct yaml_node *key)
{
    if (key->is_bad)
        return false;
    if (!key->text) {
        yaml_diag_error(r->diag, r->file, key->place, "a key must be a single value");
        return false;
    }
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->items[i].key->text, key->text) == 0) {
            yaml_diag_error(r->diag, r->file, key->place,
                            "duplicate key `%s`; the first is in line %d", key->text,
                            entries->items[i].key->place.line);
            return false;
        }
    return true;
}

static void read_map(struct reading *r, struct yaml_node *node, unsigned depth)
{
    struct entries entries = {0};
    struct yaml_node *key;
    while ((key = read_next(r, FYET_MAPPING_END, depth))) {
        struct yaml_node *value = read_next(r, FYET_NONE, depth);
        if (!value)
            break;
        if (check_key(r, &entries, key))
            *MEM_PUSH(entries.items, entries.count, entries.cap) = (struct yaml_entry){key, value};
        if (entries.count > YAML_KEYS_MAX) { /* each key is compared with those before it */
            yaml_diag_error(r->diag, r->file, key->place, "more than %d keys in one map",
                            YAML_KEYS_MAX);
            stop(r);
        }
    }
    keep_entries(r, node, &entries);
}

static struct yaml_node *read_container(struct reading *r, struct fy_event *event, unsigned depth)
{
    bool is_list = event->type == FYET_SEQUENCE_START;
    struct yaml_node *node = is_list ? new_node(r, YAML_LIST, event->sequence_start.sequence_start)
                                     : new_node(r, YAML_MAP, event->mapping_start.mapping_start);
    check_tag(r, is_list ? event->sequence_start.tag : event->mapping_start.tag);
    if (depth == YAML_DEPTH_MAX) {
        yaml_diag_error(r->diag, r->file, node->place, "nested deeper than %d levels",
                        YAML_DEPTH_MAX);
        stop(r);
    } else if (is_list) {
        read_list(r, node, depth + 1);
    } else {
        read_map(r, node, depth + 1);
    }
    return node;
}

static struct yaml_node *read_node(struct reading *r, struct fy_event *event, unsigned depth)
{
    switch (event->type) {
    case FYET_SCALAR:
        return read_scalar(r, event);
    case FYET_ALIAS:
        return read_alias(r, event);
    case FYET_SEQUENCE_START:
    case FYET_MAPPING_START:
        return read_container(r, event, depth);
    default: /* the end of something: the parser has told of a syntax error */
        return NULL;
    }
}

/* The one document; a second one would be lost without a word. */
static struct yaml_node *read_documents(struct reading *r)
{
    struct yaml_node *root = NULL;
    struct fy_event *event;
    bool has_document = false;
    while ((event = next_event(r))) {
        if (event->type == FYET_DOCUMENT_START && has_document) {
            yaml_diag_error(r->diag, r->file, place_of(r, event->document_start.document_start),
                            "more than one YAML document; a file of its own for each");
            stop(r);
        } else if (event->type == FYET_DOCUMENT_START) {
            has_document = true;
        } else if (!root) {
            root = read_node(r, event, 0);
        }
        fy_parser_event_free(r->parser, event);
    }
    return root;
}

/* libfyaml counts the lines of its errors from 1, those of its marks from 0. */
static void tell_syntax(struct reading *r, struct fy_diag *collected)
{
    void *at = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(collected, &at);
    if (!error && !fy_parser_get_stream_error(r->parser))
        return;
    stop(r);
    if (error)
        yaml_diag_error(r->diag, r->file, (struct yaml_place){error->line, error->column}, "%s",
                        error->msg);
    else
        yaml_diag_error(r->diag, r->file, r->last, "no YAML");
}

static bool check_text(struct yaml_diag *diag, const char *file, const char *text, size_t len)
{
    if (len > YAML_BYTES_MAX) {
        yaml_diag_error(diag, file, (struct yaml_place){0}, "larger than %d MiB",
                        YAML_BYTES_MAX >> 20);
        return false;
    }
    size_t good = utf8_check((const uint8_t *)text, len);
    const char *nul = memchr(text, '\0', good);
    const char *bad = nul ? nul : text + good;
    struct yaml_place place = {1, 1};
    if (!nul && good == len)
        return true;
    for (const char *p = text; p < bad; p++)
        if (*p == '\n')
            place = (struct yaml_place){place.line + 1, 1};
        else
            place.column += ((uint8_t)*p & 0xc0) != 0x80; /* characters, not bytes */
    yaml_diag_error(diag, file, place, nul ? "a NUL character" : "not UTF-8");
    return false;
}

static struct yaml_node *parse(struct reading *r, struct fy_diag *collected, const char *text,
                               size_t len)
{
    struct yaml_node *root = NULL;
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET, .diag = collected};
    r->parser = fy_parser_create(&config);
    if (!r->parser || fy_parser_set_string(r->parser, text, len) != 0)
        yaml_diag_error(r->diag, r->file, (struct yaml_place){0}, "libfyaml has no parser");
    else
        root = read_documents(r);
    if (r->parser)
        tell_syntax(r, collected);
    fy_parser_destroy(r->parser);
    return root;
}

struct yaml_node *yaml_read(struct arena *arena, const char *file, const char *text, size_t len,
                            struct yaml_diag *diag)
{
    struct reading r = {.arena = arena, .file = file, .diag = diag, .last = {1, 1}};
    if (!check_text(diag, file, text, len))
        return NULL;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (len == 0)
        return NULL;
    struct fy_diag_cfg config;
    fy_diag_cfg_default(&config);
    config.fp = NULL;
    struct fy_diag *collected = fy_diag_create(&config);
    if (!collected) {
        yaml_diag_error(diag, file, (struct yaml_place){0}, "libfyaml has no diagnostics");
        return NULL;
    }
    fy_diag_set_collect_errors(collected, true);
    struct yaml_node *root = parse(&r, collected, text, len);
    fy_diag_destroy(collected);
    if (!root || r.is_cut) /* half a tree would lead to findings that aren't true */
        return NULL;
    return root->type == YAML_NULL && !root->is_bad ? NULL : root;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map->type != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].key->text, key) == 0)
            return map->entries[i].value->is_bad ? NULL : map->entries[i].value;
    return NULL;
}
