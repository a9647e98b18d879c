/* SPDX-License-Identifier: MIT */
#include "embed/lexical.h"
#include "sets.h"

#define PATH     "embedders/e.yaml"
#define EMBEDDER "embedder: e\nprovider: openai\nurl: https://h/v1\nmodel: m\ndimensions: 8\n"
#define BUILTIN  "embedder: e\nprovider: builtin\ndimensions: 8\n"

static const struct manifest_embedder *build(struct sets *s, const char *text)
{
    if (text)
        sets_add(s, PATH, text);
    sets_build(s);
    cr_assert_not_null(s->set, "%s", s->findings);
    cr_assert_eq(s->set->embedder_count, 1, "want 1, got %zu", s->set->embedder_count);
    return &s->set->embedders[0];
}

/* Nothing declared: the one that is built in, and its model's name is the code's. */
Test(manifest_embedder, shipped)
{
    struct sets s = {0};
    const struct manifest_embedder *got = build(&s, NULL);
    cr_expect_str_eq(got->name, "builtin");
    cr_expect_null(got->file);
    cr_expect_eq(got->provider, EMBEDDER_BUILTIN);
    cr_expect_str_eq(got->model, LEXICAL_MODEL);
    cr_expect_eq(got->dimensions, LEXICAL_DIMENSIONS);
    sets_free(&s);
}

Test(manifest_embedder, defaults)
{
    struct sets s = {0};
    const struct manifest_embedder *got = build(&s, EMBEDDER);
    cr_expect_str_eq(got->name, "e");
    cr_expect_str_eq(got->file, PATH);
    cr_expect_eq(got->provider, EMBEDDER_OPENAI);
    cr_expect_str_eq(got->model, "m");
    cr_expect_eq(got->dimensions, 8);
    cr_expect_eq(got->encoding, EMBEDDER_AUTO);
    cr_expect(!got->sends_dimensions && !got->allow_private && !got->ca_file);
    cr_expect(got->key.from == SECRET_NONE && got->header_count == 0);
    cr_expect(!*got->prefix && !*got->query_prefix);
    cr_expect(got->batch_count == 64 && got->batch_tokens == 32000 && got->max_tokens == 0);
    cr_expect(got->concurrency == 2 && got->timeout_us == 60000000);
    cr_expect(got->requests_per_minute == 0 && got->tokens_per_minute == 0);
    sets_free(&s);
}

Test(manifest_embedder, every_key)
{
    struct sets s = {0};
    const struct manifest_embedder *got =
        build(&s, "embedder: e\nprovider: openai\nurl: {env: URL}\nmodel: a/b:c\ndimensions: 4000\n"
                  "send_dimensions: true\nkey: {file: /run/key}\nheaders: {X-A: {env: A}}\n"
                  "encoding: base64\nprefix: \"search_document: \"\nquery_prefix: \"q: \"\n"
                  "batch: {count: 3, tokens: 900}\nmax_tokens: 512\nconcurrency: 4\n"
                  "requests_per_minute: 60\ntokens_per_minute: 9000\ntimeout: 2.5s\n"
                  "allow_private: true\nca: /etc/ca.pem\n");
    cr_expect_str_eq(s.findings, "");
    cr_expect(got->url.from == SECRET_ENV && got->key.from == SECRET_FILE);
    cr_expect_str_eq(got->model, "a/b:c");
    cr_expect(got->dimensions == 4000 && got->sends_dimensions);
    cr_expect(got->header_count == 1 && strcmp(got->headers[0].name, "X-A") == 0);
    cr_expect_eq(got->encoding, EMBEDDER_BASE64);
    cr_expect_str_eq(got->prefix, "search_document: ");
    cr_expect_str_eq(got->query_prefix, "q: ");
    cr_expect(got->batch_count == 3 && got->batch_tokens == 900 && got->max_tokens == 512);
    cr_expect(got->concurrency == 4 && got->requests_per_minute == 60);
    cr_expect(got->tokens_per_minute == 9000 && got->timeout_us == 2500000);
    cr_expect(got->allow_private && strcmp(got->ca_file, "/etc/ca.pem") == 0);
    sets_free(&s);
}

/* A key is never shown. */
Test(manifest_embedder, mistakes)
{
    static const struct sets_row rows[] = {
        {"embedder: e\n", PATH ":1:1: `provider` is missing: builtin: words and parts of words, "
                               "hashed, without a model; openai: any server that takes OpenAI's "
                               "/v1/embeddings\n" PATH
                               ":1:1: `dimensions` is missing: how many numbers its vectors have"},
        {"embedder: e\nprovider: opanai\ndimensions: 8\n",
         PATH ":2:11: `provider` can't be `opanai`; did you mean `openai`?"},
        {"embedder: e\nprovider: openai\ndimensions: 8\n",
         PATH ":1:1: `url` is missing: where texts are sent, like "
              "http://127.0.0.1:11434/v1/embeddings\n" PATH
              ":1:1: `model` is missing: its name, as the server knows it"},
        {EMBEDDER "dimension: 8\n",
         PATH ":6:1: unknown key `dimension`; the keys here are embedder, provider, url, model, "
              "dimensions, send_dimensions, key, headers, encoding, prefix, query_prefix, batch, "
              "max_tokens, concurrency, requests_per_minute, tokens_per_minute, timeout, "
              "allow_private, ca"},
        {"embedder: e\nprovider: builtin\ndimensions: 4001\n",
         PATH ":3:13: `dimensions` is from 1 to 4,000, not `4001`"},
        {BUILTIN "model: spoolgate-lexical-1\n", ""},
        {BUILTIN "model: bert\n",
         PATH ":4:8: `model`: the built-in embedder's is `spoolgate-lexical-1`; leave it out"},
        {BUILTIN "url: https://h/\n",
         PATH ":4:6: `url`: the built-in embedder asks nobody; leave it out"},
        {EMBEDDER "key: sk-hunter2\n",
         PATH ":6:6: `key`: {env: NAME}, {file: PATH} or {credential: NAME} (a secret is never "
              "inline) is wanted here"},
        {EMBEDDER "key: {env: K}\nheaders: {Authorization: {env: A}}\n",
         PATH ":7:11: `key` sets the header `Authorization` already"},
        {EMBEDDER "headers: {Content-Type: {env: A}}\n",
         PATH ":6:11: header `Content-Type` is set by the request itself"},
        {"embedder: e\nprovider: openai\nurl: http://h/\nmodel: m\ndimensions: 8\n",
         PATH ":3:6: warning: `url`: texts go out unencrypted; https is better"},
        {"embedder: e\nprovider: openai\nurl: http://127.0.0.1/\nmodel: m\ndimensions: 8\n"
         "allow_private: true\n",
         ""},
        {EMBEDDER "batch: {count: 0}\n", PATH ":6:16: `count` is from 1 to 2,048, not `0`"},
    };
    sets_check(PATH, rows, COUNT(rows));
}

Test(manifest_embedder, share_one_model)
{
    static const struct {
        const char *other, *want;
    } rows[] = {
        {"embedder: f\nprovider: openai\nurl: https://h/2\nmodel: m\ndimensions: 8\n", ""},
        {"embedder: f\nprovider: openai\nurl: https://h/2\nmodel: n\ndimensions: 8\n",
         "embedders/f.yaml:4:8: all embedders share one model, but `e` has `m` "
         "(embedders/e.yaml)"},
        {"embedder: f\nprovider: openai\nurl: https://h/2\nmodel: m\ndimensions: 9\n",
         "embedders/f.yaml:5:13: all embedders have vectors of one length, but `e` has 8 "
         "(embedders/e.yaml)"},
        {EMBEDDER, "embedders/f.yaml:1:11: embedder `e` is declared in embedders/e.yaml, too"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sets s = {0};
        sets_add(&s, PATH, EMBEDDER);
        sets_add(&s, "embedders/f.yaml", rows[i].other);
        sets_build(&s);
        cr_expect_str_eq(s.findings, rows[i].want, "row %zu: want %s, got %s", i, rows[i].want,
                         s.findings);
        if (s.set)
            cr_expect_eq(s.set->embedder_count, 2, "want both, and not the shipped one");
        sets_free(&s);
    }
}
