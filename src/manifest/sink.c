/* SPDX-License-Identifier: MIT */
/* manifests/sinks/NAME.yaml */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/time.h"
#include "event/sign.h"
#include "manifest/read.h"

#define SECOND TIME_US_PER_S
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
enum {
    CONCURRENCY = 4,
    CONCURRENCY_MAX = 64,
    SECRETS_MAX = SIGN_KEYS,
    HEADERS_MAX = 32,
    RETRIES_MAX = 50
};

static const int64_t default_retry[] = {0,        5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR,
                                        5 * HOUR, 10 * HOUR,  14 * HOUR,  20 * HOUR,   DAY};

#define FORMATS "flat, standard, cloudevents, or {template: NAME.tmpl}"
static const char *const format_words[] = {"flat", "standard", "cloudevents", NULL};

/* ---- the shape ---- */

static const struct shape name_shape = {.type = SHAPE_TEXT,
                                        .wanted = "a sink's name (a-z, 0-9, _ and -)",
                                        .pattern = "^[a-z][a-z0-9_-]*$",
                                        .min = 1,
                                        .max = SHAPE_NAME_MAX};
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
static const struct shape secret_shape = {
    .type = SHAPE_MAP,
    .wanted = "{env: NAME}, {file: PATH} or {credential: NAME} (a secret is never inline)",
    .is_secret = true,
    .min = 1,
    .max = 1,
    .keys = secret_keys};
static const struct shape url_shape = {
    .type = SHAPE_EITHER,
    .either = (const struct shape *const[]){&url_text_shape, &secret_shape, NULL}};
static const struct shape secrets_shape = {.type = SHAPE_LIST,
                                           .wanted = "a list of such",
                                           .is_secret = true,
                                           .min = 1,
                                           .max = SECRETS_MAX,
                                           .item = &secret_shape};
static const struct shape some_secrets_shape = {
    .type = SHAPE_EITHER,
    .either = (const struct shape *const[]){&secret_shape, &secrets_shape, NULL}};
static const struct shape headers_shape = {.type = SHAPE_DICT,
                                           .wanted = "a header's name",
                                           .pattern = "^[A-Za-z0-9_-]+$",
                                           .min = 1,
                                           .max = HEADERS_MAX,
                                           .item = &secret_shape};
static const struct shape event_shape = {.type = SHAPE_WORD, .words = event_names};
static const struct shape events_shape = {
    .type = SHAPE_LIST, .min = 1, .max = EVENT_COUNT, .item = &event_shape};
static const struct shape gates_shape = {
    .type = SHAPE_LIST, .min = 1, .max = 1000, .item = &shape_identifier};
static const struct shape format_word_shape = {
    .type = SHAPE_WORD, .wanted = FORMATS, .words = format_words};
static const struct shape template_shape = {.type = SHAPE_TEXT,
                                            .wanted = "the name of a file in templates/, NAME.tmpl",
                                            .pattern = "^[A-Za-z0-9_][A-Za-z0-9._-]*\\.tmpl$",
                                            .min = 1,
                                            .max = 255};
static const struct shape_key template_keys[] = {
    {"template", &template_shape, "a file in templates/", true},
    {0},
};
static const struct shape template_map_shape = {.type = SHAPE_MAP, .keys = template_keys};
static const struct shape format_shape = {
    .type = SHAPE_EITHER,
    .wanted = FORMATS,
    .either = (const struct shape *const[]){&format_word_shape, &template_map_shape, NULL}};
static const struct shape timeout_shape = {
    .type = SHAPE_DURATION, .min = SECOND / 10, .max = 5 * MINUTE};
static const struct shape delay_shape = {.type = SHAPE_DURATION, .max = 7 * DAY};
static const struct shape retry_shape = {
    .type = SHAPE_LIST, .min = 1, .max = RETRIES_MAX, .item = &delay_shape};
static const struct shape concurrency_shape = {
    .type = SHAPE_COUNT, .min = 1, .max = CONCURRENCY_MAX};
static const struct shape ca_shape = {
    .type = SHAPE_TEXT, .wanted = "an absolute path", .pattern = "^/", .min = 1, .max = 4095};
static const struct shape bool_shape = {.type = SHAPE_BOOL};

static const struct shape_key keys[] = {
    {"sink", &name_shape, "the sink's name", true},
    {"url", &url_shape, "where events are sent: the URL, or where it is kept secret", true},
    {"events", &events_shape, "which events", true},
    {"gates", &gates_shape, "only events of these gates; left out: of all", false},
    {"format", &format_shape,
     "the body: flat (left out), standard (Standard Webhooks), cloudevents, or {template: "
     "NAME.tmpl}",
     false},
    {"secret", &some_secrets_shape,
     "signs every request (Standard Webhooks); a list while one is being replaced", false},
    {"bearer", &secret_shape, "a token for the Authorization header", false},
    {"headers", &headers_shape, "further headers: NAME: {env: VARIABLE} and so on", false},
    {"timeout", &timeout_shape, "of one attempt; left out: 20s", false},
    {"retry", &retry_shape,
     "waits before each attempt, the first included; left out: 0, 5s, 5m, 30m, 2h, 5h, 10h, 14h, "
     "20h, 24h",
     false},
    {"concurrency", &concurrency_shape, "attempts at once; left out: 4", false},
    {"allow_private", &bool_shape,
     "true: the address may be private, link-local or this machine; left out: false", false},
    {"ca", &ca_shape, "a PEM file of authorities, trusted instead of the system's; left out: those",
     false},
    {0},
};
const struct shape sink_shape = {
    .type = SHAPE_MAP, .wanted = "a map of a sink's keys", .keys = keys};

/* ---- reading ---- */

static struct manifest_secret read_secret(const struct reader *r, const struct yaml_node *node)
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

static void read_secrets(const struct reader *r, const struct yaml_node *node,
                         struct manifest_sink *sink)
{
    bool is_list = node->type == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    struct manifest_secret *secrets = arena_alloc(r->arena, count * sizeof *secrets);
    for (size_t i = 0; i < count; i++)
        secrets[i] = read_secret(r, is_list ? node->entries[i].value : node);
    sink->secrets = secrets;
    sink->secret_count = count;
}

/* Headers that the delivery sets itself. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {
        "host",       "content-length",    "content-type",      "connection",        "expect",
        "webhook-id", "webhook-timestamp", "webhook-signature", "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static void check_header(const struct reader *r, const struct yaml_node *map, size_t index,
                         const struct manifest_sink *sink)
{
    const struct yaml_node *key = map->entries[index].key;
    if (is_ours(key->text))
        READ_ERROR(r, key, "header `%s` is set by the delivery itself", key->text);
    if (strcasecmp(key->text, "authorization") == 0 && sink->bearer.from != SECRET_NONE)
        READ_ERROR(r, key, "`bearer` sets the header `%s` already", key->text);
    for (size_t i = 0; i < index; i++)
        if (strcasecmp(map->entries[i].key->text, key->text) == 0)
            READ_ERROR(r, key, "header `%s` is there twice", key->text);
}

static void read_headers(const struct reader *r, const struct yaml_node *map,
                         struct manifest_sink *sink)
{
    struct manifest_header *headers = arena_alloc(r->arena, map->count * sizeof *headers);
    for (size_t i = 0; i < map->count; i++) {
        headers[i].name = arena_strdup(r->arena, map->entries[i].key->text);
        headers[i].value = read_secret(r, map->entries[i].value);
        check_header(r, map, i, sink);
    }
    sink->headers = headers;
    sink->header_count = map->count;
}

static void read_events(const struct reader *r, const struct yaml_node *list,
                        struct manifest_sink *sink)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *node = list->entries[i].value;
        if (node->is_bad)
            continue;
        size_t event = 0;
        while (strcmp(event_names[event], node->text) != 0)
            event++;
        if (sink->events[event])
            READ_ERROR(r, node, "event `%s` is there twice", node->text);
        sink->events[event] = true;
    }
}

static void read_gates(const struct reader *r, const struct yaml_node *list,
                       struct manifest_sink *sink)
{
    const char **gates = arena_alloc(r->arena, list->count * sizeof *gates);
    for (size_t i = 0; i < list->count; i++)
        if (!list->entries[i].value->is_bad)
            gates[sink->gate_count++] = arena_strdup(r->arena, list->entries[i].value->text);
    sink->gates = gates;
}

static void read_format(const struct reader *r, const struct yaml_node *node,
                        struct manifest_sink *sink)
{
    if (node->type == YAML_MAP) {
        sink->format = BODY_TEMPLATE;
        sink->template = read_text(r, node, "template");
        return;
    }
    while (strcmp(format_words[sink->format], node->text) != 0)
        sink->format++;
}

static void read_retry(const struct reader *r, const struct yaml_node *list,
                       struct manifest_sink *sink)
{
    int64_t *retry = arena_alloc(r->arena, list->count * sizeof *retry);
    for (size_t i = 0; i < list->count; i++)
        if (!list->entries[i].value->is_bad)
            retry[i] = shape_duration(list->entries[i].value);
    sink->retry_us = retry;
    sink->retry_count = list->count;
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

static void read_url(const struct reader *r, const struct yaml_node *node,
                     struct manifest_sink *sink)
{
    sink->url = read_secret(r, node);
    if (sink->url.from == SECRET_INLINE && strncmp(node->text, "http://", 7) == 0)
        READ_WARNING(r, node, "`url`: events go out unencrypted; https is better");
    if (sink->url.from == SECRET_INLINE && !sink->allow_private && is_private(node->text))
        READ_WARNING(r, node,
                     "`url`: this is no public address: nothing will be sent there without "
                     "`allow_private: true`");
}

void read_sink(const struct reader *r, const struct yaml_node *root, struct manifest_sink *sink)
{
    const struct yaml_node *node;
    *sink = (struct manifest_sink){
        .name = read_text(r, root, "sink"),
        .bearer = read_secret(r, yaml_get(root, "bearer")),
        .ca_file = read_text(r, root, "ca"),
        .timeout_us = 20 * SECOND,
        .retry_us = default_retry,
        .retry_count = sizeof default_retry / sizeof *default_retry,
        .concurrency = CONCURRENCY,
    };
    if ((node = yaml_get(root, "allow_private")))
        sink->allow_private = yaml_bool(node);
    if ((node = yaml_get(root, "url")))
        read_url(r, node, sink);
    if ((node = yaml_get(root, "events")))
        read_events(r, node, sink);
    if ((node = yaml_get(root, "gates")))
        read_gates(r, node, sink);
    if ((node = yaml_get(root, "format")))
        read_format(r, node, sink);
    if ((node = yaml_get(root, "secret")))
        read_secrets(r, node, sink);
    if ((node = yaml_get(root, "headers")))
        read_headers(r, node, sink);
    if ((node = yaml_get(root, "timeout")))
        sink->timeout_us = shape_duration(node);
    if ((node = yaml_get(root, "retry")))
        read_retry(r, node, sink);
    if ((node = yaml_get(root, "concurrency")))
        sink->concurrency = shape_count(node);
}

bool manifest_sink_wants(const struct manifest_sink *sink, enum event_type type, const char *gate)
{
    bool is_its_gate = sink->gate_count == 0;
    for (size_t i = 0; i < sink->gate_count && gate; i++)
        is_its_gate |= strcmp(sink->gates[i], gate) == 0;
    return sink->events[type] && is_its_gate;
}
