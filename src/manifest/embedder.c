/* SPDX-License-Identifier: MIT */
/* manifests/embedders/NAME.yaml */
#include <string.h>

#include "base/time.h"
#include "manifest/read.h"

#define SECOND TIME_US_PER_S
enum {
    DIMENSIONS_MAX = 4000, /* kb/shape.h: what an index of pgvector can have */
    BATCH_COUNT = 64,
    BATCH_COUNT_MAX = 2048,
    BATCH_TOKENS = 32000,
    BATCH_TOKENS_MAX = 1000000,
    CONCURRENCY = 2,
    CONCURRENCY_MAX = 32,
    PER_MINUTE_MAX = 1000000000
};

static const char *const provider_words[] = {
    [EMBEDDER_BUILTIN] = "builtin", [EMBEDDER_OPENAI] = "openai", NULL};
static const char *const encoding_words[] = {
    [EMBEDDER_AUTO] = "auto", [EMBEDDER_FLOAT] = "float", [EMBEDDER_BASE64] = "base64", NULL};

/* Headers that the request sets itself. */
static const char *const own_headers[] = {"host",    "content-length",    "content-type",
                                          "accept",  "connection",        "expect",
                                          "upgrade", "transfer-encoding", NULL};

/* ---- the shape ---- */

static const struct shape name_shape = {.type = SHAPE_TEXT,
                                        .wanted = "an embedder's name (a-z, 0-9, _ and -)",
                                        .pattern = "^[a-z][a-z0-9_-]*$",
                                        .min = 1,
                                        .max = SHAPE_NAME_MAX};
static const struct shape provider_shape = {.type = SHAPE_WORD, .words = provider_words};
static const struct shape model_shape = {
    .type = SHAPE_TEXT, .wanted = "a model's name", .pattern = "^[!-~]+$", .min = 1, .max = 199};
static const struct shape dimensions_shape = {.type = SHAPE_COUNT, .min = 1, .max = DIMENSIONS_MAX};
static const struct shape encoding_shape = {.type = SHAPE_WORD, .words = encoding_words};
static const struct shape prefix_shape = {.type = SHAPE_TEXT, .wanted = "text", .max = 500};
static const struct shape batch_count_shape = {
    .type = SHAPE_COUNT, .min = 1, .max = BATCH_COUNT_MAX};
static const struct shape batch_tokens_shape = {
    .type = SHAPE_COUNT, .min = 1, .max = BATCH_TOKENS_MAX};
static const struct shape_key batch_keys[] = {
    {"count", &batch_count_shape, "most texts of one request; left out: 64", false},
    {"tokens", &batch_tokens_shape, "most tokens of one request, estimated; left out: 32000",
     false},
    {0},
};
static const struct shape batch_shape = {.type = SHAPE_MAP, .keys = batch_keys};
static const struct shape max_tokens_shape = {
    .type = SHAPE_COUNT, .min = 0, .max = BATCH_TOKENS_MAX};
static const struct shape concurrency_shape = {
    .type = SHAPE_COUNT, .min = 1, .max = CONCURRENCY_MAX};
static const struct shape per_minute_shape = {.type = SHAPE_COUNT, .min = 0, .max = PER_MINUTE_MAX};
static const struct shape timeout_shape = {
    .type = SHAPE_DURATION, .min = SECOND / 10, .max = 600 * SECOND};

static const struct shape_key keys[] = {
    {"embedder", &name_shape, "the embedder's name", true},
    {"provider", &provider_shape,
     "builtin: words and parts of words, hashed, without a model; openai: any server that takes "
     "OpenAI's /v1/embeddings",
     true},
    {"url", &shape_url, "of openai: where texts are sent, /v1/embeddings included", false},
    {"model", &model_shape, "of openai: the model's name, as the server knows it", false},
    {"dimensions", &dimensions_shape, "how many numbers its vectors have", true},
    {"send_dimensions", &shape_bool,
     "true: ask for so many, of a model that can be cut short; left out: false", false},
    {"key", &shape_secret, "sent as a bearer token", false},
    {"headers", &shape_headers, "further headers: NAME: {env: VARIABLE} and so on", false},
    {"encoding", &encoding_shape,
     "of the numbers in an answer: float, base64, or auto (left out): what the server can do",
     false},
    {"prefix", &prefix_shape, "put before each chunk's text, where the model wants it", false},
    {"query_prefix", &prefix_shape, "put before a question's text", false},
    {"batch", &batch_shape, "caps on one request", false},
    {"max_tokens", &max_tokens_shape,
     "a chunk of more tokens, estimated, fails unasked; left out: the server judges", false},
    {"concurrency", &concurrency_shape, "requests at once, of one process; left out: 2", false},
    {"requests_per_minute", &per_minute_shape, "of one process; left out: no limit", false},
    {"tokens_per_minute", &per_minute_shape, "of one process, estimated; left out: no limit",
     false},
    {"timeout", &timeout_shape, "of one request; left out: 60s", false},
    {"allow_private", &shape_bool,
     "true: the address may be private, link-local or this machine; left out: false", false},
    {"ca", &shape_ca, "a PEM file of authorities, trusted instead of the system's; left out: those",
     false},
    {0},
};
const struct shape embedder_shape = {
    .type = SHAPE_MAP, .wanted = "a map of an embedder's keys", .keys = keys};

/* ---- reading ---- */

static int read_word(const struct yaml_node *node, const char *const *words)
{
    int found = 0;
    while (words[found] && strcmp(words[found], node->text) != 0)
        found++;
    return found;
}

/* A key that is there though it is of no use; a misfit in one is told all the same. */
static void check_builtin(const struct reader *r, const struct yaml_node *root)
{
    static const char *const useless[] = {"url",
                                          "key",
                                          "headers",
                                          "encoding",
                                          "prefix",
                                          "query_prefix",
                                          "max_tokens",
                                          "ca",
                                          "send_dimensions",
                                          "allow_private",
                                          "timeout",
                                          "requests_per_minute",
                                          "tokens_per_minute"};
    const struct yaml_node *node;
    for (size_t i = 0; i < sizeof useless / sizeof *useless; i++)
        if ((node = yaml_get(root, useless[i])))
            READ_ERROR(r, node, "`%s`: the built-in embedder asks nobody; leave it out",
                       useless[i]);
    if ((node = yaml_get(root, "model")) && strcmp(node->text, MANIFEST_BUILTIN_MODEL) != 0)
        READ_ERROR(r, node, "`model`: the built-in embedder's is `%s`; leave it out",
                   MANIFEST_BUILTIN_MODEL);
}

static bool has_key(const struct yaml_node *map, const char *name)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].key->text, name) == 0)
            return true;
    return false;
}

static void check_openai(const struct reader *r, const struct yaml_node *root)
{
    if (!has_key(root, "url"))
        READ_ERROR(r, root,
                   "`url` is missing: where texts are sent, like "
                   "http://127.0.0.1:11434/v1/embeddings");
    if (!has_key(root, "model"))
        READ_ERROR(r, root, "`model` is missing: its name, as the server knows it");
}

static void read_batch(const struct yaml_node *map, struct manifest_embedder *e)
{
    const struct yaml_node *node;
    if ((node = yaml_get(map, "count")))
        e->batch_count = shape_count(node);
    if ((node = yaml_get(map, "tokens")))
        e->batch_tokens = shape_count(node);
}

static void read_limits(const struct yaml_node *root, struct manifest_embedder *e)
{
    const struct yaml_node *node;
    if ((node = yaml_get(root, "batch")))
        read_batch(node, e);
    if ((node = yaml_get(root, "max_tokens")))
        e->max_tokens = shape_count(node);
    if ((node = yaml_get(root, "concurrency")))
        e->concurrency = shape_count(node);
    if ((node = yaml_get(root, "requests_per_minute")))
        e->requests_per_minute = shape_count(node);
    if ((node = yaml_get(root, "tokens_per_minute")))
        e->tokens_per_minute = shape_count(node);
    if ((node = yaml_get(root, "timeout")))
        e->timeout_us = shape_duration(node);
}

static const char *text_or(const struct reader *r, const struct yaml_node *root, const char *key,
                           const char *otherwise)
{
    const char *text = read_text(r, root, key);
    return text ? text : otherwise;
}

void read_embedder(const struct reader *r, const struct yaml_node *root,
                   struct manifest_embedder *e)
{
    const struct yaml_node *node;
    *e = (struct manifest_embedder){
        .name = read_text(r, root, "embedder"),
        .model = text_or(r, root, "model", MANIFEST_BUILTIN_MODEL),
        .key = read_secret(r, yaml_get(root, "key")),
        .prefix = text_or(r, root, "prefix", ""),
        .query_prefix = text_or(r, root, "query_prefix", ""),
        .ca_file = read_text(r, root, "ca"),
        .batch_count = BATCH_COUNT,
        .batch_tokens = BATCH_TOKENS,
        .concurrency = CONCURRENCY,
        .timeout_us = 60 * SECOND,
    };
    if ((node = yaml_get(root, "provider"))) {
        e->provider = (enum embedder_provider)read_word(node, provider_words);
        (e->provider == EMBEDDER_BUILTIN ? check_builtin : check_openai)(r, root);
    }
    if ((node = yaml_get(root, "dimensions")))
        e->dimensions = shape_count(node);
    if ((node = yaml_get(root, "send_dimensions")))
        e->sends_dimensions = yaml_bool(node);
    if ((node = yaml_get(root, "allow_private")))
        e->allow_private = yaml_bool(node);
    if ((node = yaml_get(root, "url")))
        e->url = read_url(r, node, e->allow_private, "texts go");
    if ((node = yaml_get(root, "headers")))
        e->headers = read_headers(r, node, own_headers, "the request itself",
                                  e->key.from != SECRET_NONE ? "key" : NULL, &e->header_count);
    if ((node = yaml_get(root, "encoding")))
        e->encoding = (enum embedder_encoding)read_word(node, encoding_words);
    read_limits(root, e);
}
