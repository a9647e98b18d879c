/* SPDX-License-Identifier: MIT */
/* manifests/sinks/NAME.yaml */
#include <string.h>

#include "base/time.h"
#include "event/sign.h"
#include "manifest/read.h"

#define SECOND TIME_US_PER_S
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
enum { CONCURRENCY = 4, CONCURRENCY_MAX = 64, SECRETS_MAX = SIGN_KEYS, RETRIES_MAX = 50 };

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
static const struct shape secrets_shape = {.type = SHAPE_LIST,
                                           .wanted = "a list of such",
                                           .is_secret = true,
                                           .min = 1,
                                           .max = SECRETS_MAX,
                                           .item = &shape_secret};
static const struct shape some_secrets_shape = {
    .type = SHAPE_EITHER,
    .either = (const struct shape *const[]){&shape_secret, &secrets_shape, NULL}};
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
static const struct shape_key keys[] = {
    {"sink", &name_shape, "the sink's name", true},
    {"url", &shape_url, "where events are sent: the URL, or where it is kept secret", true},
    {"events", &events_shape, "which events", true},
    {"gates", &gates_shape, "only events of these gates; left out: of all", false},
    {"format", &format_shape,
     "the body: flat (left out), standard (Standard Webhooks), cloudevents, or {template: "
     "NAME.tmpl}",
     false},
    {"secret", &some_secrets_shape,
     "signs every request (Standard Webhooks); a list while one is being replaced", false},
    {"bearer", &shape_secret, "a token for the Authorization header", false},
    {"headers", &shape_headers, "further headers: NAME: {env: VARIABLE} and so on", false},
    {"timeout", &timeout_shape, "of one attempt; left out: 20s", false},
    {"retry", &retry_shape,
     "waits before each attempt, the first included; left out: 0, 5s, 5m, 30m, 2h, 5h, 10h, 14h, "
     "20h, 24h",
     false},
    {"concurrency", &concurrency_shape, "attempts at once; left out: 4", false},
    {"allow_private", &shape_bool,
     "true: the address may be private, link-local or this machine; left out: false", false},
    {"ca", &shape_ca, "a PEM file of authorities, trusted instead of the system's; left out: those",
     false},
    {0},
};
const struct shape sink_shape = {
    .type = SHAPE_MAP, .wanted = "a map of a sink's keys", .keys = keys};

/* ---- reading ---- */

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

/* Headers that the delivery sets itself. */
static const char *const own_headers[] = {
    "host",       "content-length",    "content-type",      "connection",        "expect",
    "webhook-id", "webhook-timestamp", "webhook-signature", "transfer-encoding", "upgrade",
    NULL};

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
        sink->url = read_url(r, node, sink->allow_private, "events go");
    if ((node = yaml_get(root, "events")))
        read_events(r, node, sink);
    if ((node = yaml_get(root, "gates")))
        read_gates(r, node, sink);
    if ((node = yaml_get(root, "format")))
        read_format(r, node, sink);
    if ((node = yaml_get(root, "secret")))
        read_secrets(r, node, sink);
    if ((node = yaml_get(root, "headers")))
        sink->headers =
            read_headers(r, node, own_headers, "the delivery itself",
                         sink->bearer.from != SECRET_NONE ? "bearer" : NULL, &sink->header_count);
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
