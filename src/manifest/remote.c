/* SPDX-License-Identifier: MIT */
/* What sinks and embedders have in common: a URL, secrets, headers. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/mem.h"
#include "manifest/read.h"

enum { HEADERS_MAX = 32 };

/* ---- the shapes ---- */

/* No user or password: what is secret is never inline. */
static const struct shape url_text_shape = {
    .type = SHAPE_TEXT,
    .wanted = "an http or https URL without user and password",
    .is_secret = true, /* many listeners' URLs are */
    .pattern = "^https?://([A-Za-z0-9._~%-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?([/?][!-~]*)?$",
    .min = 1,
    .max = 2048};
/* Names only, but somebody may have put the secret itself there. */
static const struct shape variable_shape = {.type = SHAPE_TEXT,
                                            .wanted = "the name of an environment variable",
                                            .is_secret = true,
                                            .pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
                                            .min = 1,
                                            .max = 255};
static const struct shape path_shape = {.type = SHAPE_TEXT,
                                        .wanted = "an absolute path",
                                        .is_secret = true,
                                        .pattern = "^/",
                                        .min = 1,
                                        .max = 4095};
static const struct shape credential_shape = {.type = SHAPE_TEXT,
                                              .wanted = "the name of a systemd credential",
                                              .is_secret = true,
                                              .pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
                                              .min = 1,
                                              .max = 255};
static const struct shape_key secret_keys[] = {
    {"env", &variable_shape, "an environment variable of the daemon", false},
    {"file", &path_shape, "a file that the daemon can read; its last line break is left out",
     false},
    {"credential", &credential_shape, "a systemd credential (LoadCredential=)", false},
    {0},
};
const struct shape shape_secret = {
    .type = SHAPE_MAP,
    .wanted = "{env: NAME}, {file: PATH} or {credential: NAME} (a secret is never inline)",
    .is_secret = true,
    .min = 1,
    .max = 1,
    .keys = secret_keys};
const struct shape shape_url = {
    .type = SHAPE_EITHER,
    .either = (const struct shape *const[]){&url_text_shape, &shape_secret, NULL}};
const struct shape shape_headers = {.type = SHAPE_DICT,
                                    .wanted = "a header's name",
                                    .pattern = "^[A-Za-z0-9_-]+$",
                                    .min = 1,
                                    .max = HEADERS_MAX,
                                    .item = &shape_secret};
const struct shape shape_ca = {
    .type = SHAPE_TEXT, .wanted = "an absolute path", .pattern = "^/", .min = 1, .max = 4095};
const struct shape shape_bool = {.type = SHAPE_BOOL};

/* ---- reading ---- */

struct manifest_secret read_secret(const struct reader *r, const struct yaml_node *node)
{
    static const struct {
        const char *key;
        enum manifest_secret_from from;
    } places[] = {{"env", SECRET_ENV}, {"file", SECRET_FILE}, {"credential", SECRET_CREDENTIAL}};
    struct manifest_secret secret = {SECRET_NONE, NULL};
    if (!node || node->is_bad)
        return secret;
    if (node->type == YAML_TEXT)
        return (struct manifest_secret){SECRET_INLINE, arena_strdup(r->arena, node->text)};
    for (size_t i = 0; i < sizeof places / sizeof *places && !secret.value; i++) {
        secret.value = read_text(r, node, places[i].key);
        secret.from = secret.value ? places[i].from : SECRET_NONE;
    }
    return secret;
}

static bool is_in(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcasecmp(*names, name) == 0)
            return true;
    return false;
}

struct manifest_header *read_headers(const struct reader *r, const struct yaml_node *map,
                                     const char *const *own, const char *who, const char *bearer,
                                     size_t *count)
{
    struct manifest_header *headers = arena_alloc(r->arena, map->count * sizeof *headers);
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->entries[i].key;
        headers[i].name = arena_strdup(r->arena, key->text);
        headers[i].value = read_secret(r, map->entries[i].value);
        if (is_in(own, key->text))
            READ_ERROR(r, key, "header `%s` is set by %s", key->text, who);
        if (bearer && strcasecmp(key->text, "authorization") == 0)
            READ_ERROR(r, key, "`%s` sets the header `%s` already", bearer, key->text);
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(map->entries[k].key->text, key->text) == 0)
                READ_ERROR(r, key, "header `%s` is there twice", key->text);
    }
    *count = map->count;
    return headers;
}

/* Only what the URL itself tells: a name resolves when it is connected to, and is judged then. */
static bool is_private(const char *url)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {.sa_family = AF_UNSPEC}};
    const char *host = strstr(url, "://") + 3;
    bool is_v6 = *host == '[';
    host += is_v6;
    char *name = mem_strndup(host, strcspn(host, is_v6 ? "]" : ":/?"));
    bool is_local = strcasecmp(name, "localhost") == 0;
    if (inet_pton(AF_INET, name, &address.v4.sin_addr) == 1)
        address.v4.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, name, &address.v6.sin6_addr) == 1)
        address.v6.sin6_family = AF_INET6;
    free(name);
    return is_local || (address.any.sa_family != AF_UNSPEC && !address_is_public(&address.any));
}

/* What stays on this machine, or its network, needs no TLS. */
struct manifest_secret read_url(const struct reader *r, const struct yaml_node *node,
                                bool allow_private, const char *what)
{
    struct manifest_secret url = read_secret(r, node);
    bool is_far = url.from == SECRET_INLINE && !is_private(node->text);
    if (url.from == SECRET_INLINE && strncmp(node->text, "http://", 7) == 0 &&
        (is_far || !allow_private))
        READ_WARNING(r, node, "`url`: %s out unencrypted; https is better", what);
    if (url.from == SECRET_INLINE && !allow_private && !is_far)
        READ_WARNING(r, node,
                     "`url`: this is no public address: nothing will be sent there without "
                     "`allow_private: true`");
    return url;
}
