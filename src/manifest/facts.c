/* SPDX-License-Identifier: MIT */
#include "manifest/facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* --- the list ------------------------------------------------------------------------------- */

static void open_group(struct facts *facts, struct buf *name)
{
    struct facts_group *group = MEM_PUSH(facts->groups, facts->count, facts->cap);
    *group = (struct facts_group){.name = mem_strdup(buf_cstr(name))};
    buf_free(name);
}

static struct fact *add(struct facts *facts, const char *key, const char *value)
{
    struct facts_group *group = &facts->groups[facts->count - 1];
    struct fact *fact = MEM_PUSH(group->facts, group->count, group->cap);
    *fact = (struct fact){.key = key, .value = mem_strdup(value && *value ? value : "none")};
    return fact;
}

static void add_buf(struct facts *facts, const char *key, struct buf *value)
{
    (void)add(facts, key, buf_cstr(value));
    buf_free(value);
}

static void add_bool(struct facts *facts, const char *key, bool value)
{
    (void)add(facts, key, value ? "yes" : "no");
}

static void open_own_group(struct facts *facts)
{
    struct buf name = {0};
    open_group(facts, &name);
}

void facts_free(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        struct facts_group *group = &facts->groups[i];
        for (size_t j = 0; j < group->count; j++) {
            free(group->facts[j].value);
            free(group->facts[j].contents);
        }
        free(group->facts);
        free(group->name);
    }
    free(facts->groups);
    *facts = (struct facts){0};
}

static void add_duration(struct facts *facts, const char *key, int64_t us)
{
    struct buf text = {0};
    str_put_duration(&text, us);
    add_buf(facts, key, &text);
}

static void add_count(struct facts *facts, const char *key, uint64_t count)
{
    struct buf text = {0};
    buf_printf(&text, "%" PRIu64, count);
    add_buf(facts, key, &text);
}

static void put_next(struct buf *list, const char *item)
{
    buf_printf(list, "%s%s", list->len > 0 ? ", " : "", item);
}

/* --- streams -------------------------------------------------------------------------------- */

static void put_columns(struct buf *out, const struct stream *s, const size_t *columns,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", s->columns[columns[i]].name);
}

static const char *column_name(const struct stream *s, size_t column)
{
    return column == STREAM_NO_COLUMN ? NULL : s->columns[column].name;
}

static void put_source(struct buf *out, const struct column *c)
{
    static const char *const names[] = {
        [COLUMN_FROM_KEY] = "",
        [COLUMN_FROM_REST] = "the rest",
        [COLUMN_FROM_CONSTANT] = "a constant",
        [COLUMN_FROM_BATCH] = "batch_id",
        [COLUMN_FROM_SEGMENT] = "segment",
        [COLUMN_FROM_FRAME] = "frame",
    };
    buf_str(out, names[c->source]);
    for (size_t i = 0; i < c->path_count; i++)
        buf_printf(out, "%s%s", i > 0 ? "." : "", c->path[i]);
}

static void add_column(struct facts *facts, const struct column *c)
{
    char type[COLUMN_TYPE_NAME];
    struct buf name = {0};
    struct buf source = {0};
    struct buf unit = {0};
    buf_printf(&name, "column %s", c->name);
    open_group(facts, &name);
    (void)add(facts, "type", column_type_name(c, type));
    put_source(&source, c);
    add_buf(facts, "from", &source);
    add_bool(facts, "required", c->required);
    (void)add(facts, c->source == COLUMN_FROM_CONSTANT ? "constant" : "default", c->fallback.text);
    if (c->unit_ns > 0 && c->unit_ns % 1000 == 0)
        str_put_duration(&unit, c->unit_ns / 1000);
    else if (c->unit_ns > 0)
        buf_printf(&unit, "%" PRId64 "ns", c->unit_ns);
    add_buf(facts, "unit", &unit);
}

static void add_index(struct facts *facts, const struct stream *s, const struct stream_index *index)
{
    struct buf name = {0};
    buf_printf(&name, "%sindex %s (", index->unique ? "unique " : "", index->method);
    put_columns(&name, s, index->columns, index->column_count);
    buf_str(&name, ")");
    open_group(facts, &name);
}

static void describe_stream(struct facts *facts, const struct stream *s)
{
    static const char *const modes[] = {
        [STREAM_APPEND] = "append", [STREAM_IGNORE] = "ignore", [STREAM_UPSERT] = "upsert"};
    char label[STREAM_LABEL];
    struct buf key = {0};
    open_own_group(facts);
    (void)add(facts, "kind", s->kind);
    (void)add(facts, "table", stream_label(s, label));
    add_bool(facts, "existing", s->is_foreign);
    (void)add(facts, "mode", modes[s->mode]);
    put_columns(&key, s, s->key, s->key_count);
    add_buf(facts, "key", &key);
    (void)add(facts, "version", column_name(s, s->version));
    (void)add(facts, "time column", column_name(s, s->time_column));
    (void)add(facts, "partition.every", s->every == PERIOD_NONE ? NULL : period_name(s->every));
    add_count(facts, "partition.ahead", s->ahead);
    add_duration(facts, "partition.keep", s->keep_us);
    add_bool(facts, "partition.detached", s->keep_detached);
    add_duration(facts, "window.past", s->window_past_us);
    add_duration(facts, "window.ahead", s->window_ahead_us);
    for (size_t i = 0; i < s->column_count; i++)
        add_column(facts, &s->columns[i]);
    for (size_t i = 0; i < s->index_count; i++)
        add_index(facts, s, &s->indexes[i]);
}

/* --- gates ---------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted: where a stream stands in its set says nothing. */
static void put_streams(struct buf *out, const struct manifest *m, const bool *is_taken)
{
    const char **names = NULL;
    size_t count = 0;
    size_t cap = 0;
    if (!is_taken) {
        buf_str(out, "all");
        return;
    }
    for (size_t i = 0; i < m->streams.count; i++)
        if (is_taken[i])
            *MEM_PUSH(names, count, cap) = m->streams.streams[i].name;
    if (count > 0)
        qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++)
        put_next(out, names[i]);
    free(names);
}

static void describe_gate(struct facts *facts, const struct manifest *m,
                          const struct manifest_gate *gate)
{
    struct buf streams = {0};
    open_own_group(facts);
    (void)add(facts, "incoming", gate->incoming);
    for (const struct config_key *k = config_keys; k->path; k++) {
        struct buf value = {0};
        if (!config_gate_key(k))
            continue;
        config_value(k, &gate->settings, &value);
        add_buf(facts, config_gate_key(k), &value);
    }
    put_streams(&streams, m, gate->streams);
    add_buf(facts, "streams", &streams);
}

/* --- sinks ---------------------------------------------------------------------------------- */

static void put_secret(struct buf *out, const struct manifest_secret *secret)
{
    static const char *const names[] = {
        [SECRET_NONE] = NULL,
        [SECRET_INLINE] = "",
        [SECRET_ENV] = "env ",
        [SECRET_FILE] = "file ",
        [SECRET_CREDENTIAL] = "credential ",
    };
    if (secret->from != SECRET_NONE)
        buf_printf(out, "%s%s", names[secret->from], secret->value);
}

/* An inline address may hold a token. */
static void add_secret(struct facts *facts, const char *key, const struct manifest_secret *secret)
{
    struct buf text = {0};
    put_secret(&text, secret);
    add(facts, key, buf_cstr(&text))->is_hidden = secret->from == SECRET_INLINE;
    buf_free(&text);
}

static void add_header(struct facts *facts, const struct manifest_header *header)
{
    struct buf name = {0};
    buf_printf(&name, "header %s", header->name);
    open_group(facts, &name);
    add_secret(facts, "from", &header->value);
}

static void add_format(struct facts *facts, const struct manifest *m,
                       const struct manifest_sink *sink)
{
    static const char *const names[] = {
        [BODY_FLAT] = "flat",
        [BODY_STANDARD] = "standard",
        [BODY_CLOUDEVENTS] = "cloudevents",
        [BODY_TEMPLATE] = "template ",
    };
    struct buf text = {0};
    buf_printf(&text, "%s%s", names[sink->format],
               sink->format == BODY_TEMPLATE ? sink->template : "");
    struct fact *fact = add(facts, "format", buf_cstr(&text));
    if (sink->format == BODY_TEMPLATE) {
        fact->contents = mem_alloc(HASH_HEX);
        manifest_template_hash(m, sink, fact->contents);
    }
    buf_free(&text);
}

static void add_secrets(struct facts *facts, const struct manifest_sink *sink)
{
    struct buf text = {0};
    for (size_t i = 0; i < sink->secret_count; i++) {
        buf_str(&text, i > 0 ? ", " : "");
        put_secret(&text, &sink->secrets[i]);
    }
    add_buf(facts, "secret", &text);
}

static void describe_sink(struct facts *facts, const struct manifest *m,
                          const struct manifest_sink *sink)
{
    struct buf events = {0};
    struct buf gates = {0};
    struct buf retry = {0};
    open_own_group(facts);
    add_secret(facts, "url", &sink->url);
    for (size_t i = 0; i < EVENT_COUNT; i++)
        if (sink->events[i])
            put_next(&events, event_names[i]);
    add_buf(facts, "events", &events);
    for (size_t i = 0; i < sink->gate_count; i++)
        put_next(&gates, sink->gates[i]);
    if (sink->gate_count == 0)
        buf_str(&gates, "all");
    add_buf(facts, "gates", &gates);
    add_format(facts, m, sink);
    add_secrets(facts, sink);
    add_secret(facts, "bearer", &sink->bearer);
    add_duration(facts, "timeout", sink->timeout_us);
    for (size_t i = 0; i < sink->retry_count; i++) {
        buf_str(&retry, i > 0 ? ", " : "");
        str_put_duration(&retry, sink->retry_us[i]);
    }
    add_buf(facts, "retry", &retry);
    add_count(facts, "concurrency", sink->concurrency);
    add_bool(facts, "allow_private", sink->allow_private);
    (void)add(facts, "ca", sink->ca_file);
    for (size_t i = 0; i < sink->header_count; i++)
        add_header(facts, &sink->headers[i]);
}

/* --- embedders ------------------------------------------------------------------------------ */

static void describe_embedder(struct facts *facts, const struct manifest_embedder *e)
{
    static const char *const providers[] = {
        [EMBEDDER_BUILTIN] = "builtin",
        [EMBEDDER_OPENAI] = "openai",
    };
    static const char *const encodings[] = {
        [EMBEDDER_AUTO] = "auto",
        [EMBEDDER_FLOAT] = "float",
        [EMBEDDER_BASE64] = "base64",
    };
    open_own_group(facts);
    (void)add(facts, "provider", providers[e->provider]);
    add_secret(facts, "url", &e->url);
    (void)add(facts, "model", e->model);
    add_count(facts, "dimensions", e->dimensions);
    add_bool(facts, "send_dimensions", e->sends_dimensions);
    add_secret(facts, "key", &e->key);
    (void)add(facts, "encoding", encodings[e->encoding]);
    (void)add(facts, "prefix", e->prefix);
    (void)add(facts, "query_prefix", e->query_prefix);
    add_count(facts, "batch.count", e->batch_count);
    add_count(facts, "batch.tokens", e->batch_tokens);
    add_count(facts, "max_tokens", e->max_tokens);
    add_count(facts, "concurrency", e->concurrency);
    add_count(facts, "requests_per_minute", e->requests_per_minute);
    add_count(facts, "tokens_per_minute", e->tokens_per_minute);
    add_duration(facts, "timeout", e->timeout_us);
    add_bool(facts, "allow_private", e->allow_private);
    (void)add(facts, "ca", e->ca_file);
    for (size_t i = 0; i < e->header_count; i++)
        add_header(facts, &e->headers[i]);
}

/* --- all of them ---------------------------------------------------------------------------- */

size_t facts_count(const struct manifest *m, enum manifest_kind kind)
{
    return kind == MANIFEST_STREAM ? m->streams.count
           : kind == MANIFEST_GATE ? m->gate_count
           : kind == MANIFEST_SINK ? m->sink_count
                                   : m->embedder_count;
}

const char *facts_name(const struct manifest *m, enum manifest_kind kind, size_t i)
{
    return kind == MANIFEST_STREAM ? m->streams.streams[i].name
           : kind == MANIFEST_GATE ? m->gates[i].name
           : kind == MANIFEST_SINK ? m->sinks[i].name
                                   : m->embedders[i].name;
}

void facts_of(struct facts *facts, const struct manifest *m, enum manifest_kind kind, size_t i)
{
    if (kind == MANIFEST_STREAM)
        describe_stream(facts, &m->streams.streams[i]);
    else if (kind == MANIFEST_GATE)
        describe_gate(facts, m, &m->gates[i]);
    else if (kind == MANIFEST_SINK)
        describe_sink(facts, m, &m->sinks[i]);
    else
        describe_embedder(facts, &m->embedders[i]);
}
