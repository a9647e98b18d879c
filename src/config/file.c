/* SPDX-License-Identifier: MIT */
/* The YAML side of config: libfyaml's tree, walked into config_set() calls. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

enum { FILE_BYTES_MAX = 1 << 20, LEVELS_MAX = 8, PATH_BYTES = 256 };

struct walk {
    struct config *config;
    const char *file;
};

/* The place of a node is the place of its first scalar. */
static struct err at_node(const struct walk *w, struct fy_node *node, const char *text)
{
    struct fy_token *token = fy_node_get_scalar_token(node);
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (!mark)
        return err_make(ERR_CONFIG, "%s: %s", w->file, text);
    return err_make(ERR_CONFIG, "%s:%d:%d: %s", w->file, mark->line + 1, mark->column + 1, text);
}

static struct err set_scalar(const struct walk *w, const char *path, struct fy_node *key,
                             struct fy_node *value)
{
    size_t len = 0;
    const char *scalar = fy_node_get_scalar(value, &len);
    if (!scalar && !fy_node_is_null(value))
        return at_node(w, key, "a single value is wanted here");
    if (scalar && memchr(scalar, '\0', len))
        return at_node(w, value, "a NUL character");
    struct buf text = {0};
    buf_put(&text, scalar ? scalar : "", scalar ? len : 0);
    struct err e = config_set(w->config, path, buf_cstr(&text));
    buf_free(&text);
    return err_is(&e) ? at_node(w, key, e.text) : ERR_OK;
}

static struct err walk_mapping(const struct walk *w, struct fy_node *map, const char *prefix,
                               int level)
{
    void *at = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(map, &at))) {
        struct fy_node *key = fy_node_pair_key(pair);
        struct fy_node *value = fy_node_pair_value(pair);
        size_t len = 0;
        const char *name = key ? fy_node_get_scalar(key, &len) : NULL;
        char path[PATH_BYTES];
        if (!name)
            return at_node(w, key, "a key must be a plain word");
        if (snprintf(path, sizeof path, "%s%s%.*s", prefix, *prefix ? "." : "", (int)len, name) >=
            PATH_BYTES)
            return at_node(w, key, "the key is too long");
        if (value && fy_node_is_alias(value))
            return at_node(w, key, "aliases (*name) are not understood here");
        if (!value || !fy_node_is_mapping(value)) {
            TRY(set_scalar(w, path, key, value));
        } else if (level == LEVELS_MAX) {
            return at_node(w, key, "nested too deep");
        } else {
            TRY(walk_mapping(w, value, path, level + 1));
        }
    }
    return ERR_OK;
}

/* libfyaml counts the lines of its errors from 1, those of its marks from 0. No error and no
 * document: there was nothing to read, and an empty file is a file of defaults. */
static struct err syntax_error(const struct walk *w, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);
    if (!error)
        return ERR_OK;
    return err_make(ERR_CONFIG, "%s:%d:%d: %s", w->file, error->line, error->column, error->msg);
}

/* What libfyaml lets pass: bytes that aren't UTF-8, and NUL, where it takes the text to end. */
static struct err check_text(const struct walk *w, const char *text, size_t len)
{
    size_t good = utf8_check((const uint8_t *)text, len);
    const char *nul = memchr(text, '\0', good);
    const char *bad = nul ? nul : text + good;
    const char *line = text;
    int number = 1;
    if (!nul && good == len)
        return ERR_OK;
    for (const char *p = text; p < bad; p++)
        if (*p == '\n') {
            line = p + 1;
            number++;
        }
    return err_make(ERR_CONFIG, "%s:%d:%d: %s", w->file, number, (int)(bad - line) + 1,
                    nul ? "a NUL character" : "not UTF-8");
}

static struct err walk_document(const struct walk *w, struct fy_document *document)
{
    struct fy_node *root = fy_document_root(document);
    if (!root || fy_node_is_null(root)) /* an empty file is a file of defaults */
        return ERR_OK;
    if (!fy_node_is_mapping(root))
        return err_make(ERR_CONFIG, "%s:1:1: a mapping of keys to values is wanted", w->file);
    return walk_mapping(w, root, "", 0);
}

/* The one document; a second one would be lost without a word. */
static struct err walk_documents(const struct walk *w, struct fy_parser *parser,
                                 struct fy_diag *diag)
{
    struct fy_document *document = fy_parse_load_document(parser);
    if (!document)
        return syntax_error(w, diag);
    struct err e = walk_document(w, document);
    fy_parse_document_destroy(parser, document);
    if (err_is(&e))
        return e;
    document = fy_parse_load_document(parser);
    if (!document)
        return syntax_error(w, diag);
    fy_parse_document_destroy(parser, document);
    return err_make(ERR_CONFIG, "%s: more than one YAML document", w->file);
}

struct err config_load_text(struct config *c, const char *name, const char *text, size_t len)
{
    struct walk w = {c, name};
    if (len == 0)
        return ERR_OK;
    TRY(check_text(&w, text, len));
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    if (!diag)
        return err_make(ERR_INTERNAL, "libfyaml: no diagnostics");
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg parse_config = {.flags = FYPCF_QUIET, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&parse_config);
    struct err e = parser && fy_parser_set_string(parser, text, len) == 0
                       ? walk_documents(&w, parser, diag)
                       : err_make(ERR_INTERNAL, "libfyaml: no parser");
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return e;
}

static struct err read_file(int fd, const char *path, struct buf *text)
{
    ssize_t n;
    do {
        n = read(fd, buf_reserve(text, 65536), 65536);
        if (n < 0)
            return err_system(ERR_CONFIG, errno, "can't read %s", path);
        text->len += (size_t)n;
        if (text->len > FILE_BYTES_MAX)
            return err_make(ERR_CONFIG, "%s is larger than 1 MiB: not a configuration", path);
    } while (n > 0);
    return ERR_OK;
}

struct err config_load_file(struct config *c, const char *path)
{
    struct buf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_system(ERR_CONFIG, errno, "can't open %s", path);
    struct err e = read_file(fd, path, &text);
    (void)close(fd);
    if (!err_is(&e))
        e = config_load_text(c, path, (const char *)text.data, text.len);
    buf_free(&text);
    return e;
}
