/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/name.h"

#define GATE_PREFIX "gates."
#define GATE_PATH   "gates.*."

static const char *const log_formats[] = {"logfmt", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const dedupe_names[] = {"content", "name", "off", NULL};
static const char *const nul_names[] = {"reject", "strip", NULL};

#define AT(field)      offsetof(struct config, field)
#define GATE_AT(field) offsetof(struct gate_settings, field)
#define NO_MAX         INT64_MAX
#define AUTO           "auto" /* as a default: ours to choose, stored as 0 */
#define LIVE           false  /* a reload brings it */
#define START          true   /* a change waits for the next start */

static const char *const bool_names[] = {"false", "true", NULL};

const struct config_key config_keys[] = {
    {"spool", CONFIG_STRING, START, AT(spool), "spool", 0, 0, NULL, "SPOOLGATE_SPOOL",
     "folder tree that producers write into; all of it on one file system"},
    {"database", CONFIG_STRING, START, AT(database), "", 0, 0, NULL, "SPOOLGATE_DATABASE",
     "connection string or URL (DATABASE_URL counts too); empty: libpq's defaults"},
    {"schema", CONFIG_STRING, START, AT(schema), "public", 0, 0, NULL, "SPOOLGATE_SCHEMA",
     "schema of all tables; search_path is pinned to it"},
    {"manifests", CONFIG_STRING, LIVE, AT(manifests.dir), "", 0, 0, NULL, "SPOOLGATE_MANIFESTS",
     "folder of manifests (streams/, gates/, sinks/, embedders/); empty: the shipped streams "
     "alone"},
    {"manifests.repo", CONFIG_STRING, LIVE, AT(manifests.repo), "", 0, 0, NULL, NULL,
     "or a git repository, bare or not, whose objects are read"},
    {"manifests.rev", CONFIG_STRING, LIVE, AT(manifests.rev), CONFIG_MANIFESTS_REV, 0, 0, NULL,
     NULL, "the repository's branch, tag or commit"},
    {"manifests.path", CONFIG_STRING, LIVE, AT(manifests.path), CONFIG_MANIFESTS_PATH, 0, 0, NULL,
     NULL, "the manifests' folder in the repository; . is its top"},
    {"rescan", CONFIG_DURATION, LIVE, AT(rescan_us), "30s", 1000000, INT64_C(86400000000), NULL,
     NULL, "look into the spool at least this often, whatever inotify says"},
    {"loaders", CONFIG_COUNT, START, AT(loaders), "auto", 0, CONFIG_LOADERS_MAX, NULL, NULL,
     "batches loaded at once, one connection each; auto: one a core, at most 8"},
    {"deliveries", CONFIG_COUNT, LIVE, AT(deliveries), "64", 1, 1024, NULL, NULL,
     "events delivered at once, all sinks together (each sink has its own `concurrency`)"},
    {"log.format", CONFIG_ENUM, LIVE, AT(log_format), "logfmt", 0, 0, log_formats,
     "SPOOLGATE_LOG_FORMAT", "logfmt or json, on stderr"},
    {"log.level", CONFIG_ENUM, LIVE, AT(log_level), "info", 0, 0, log_levels, "SPOOLGATE_LOG_LEVEL",
     "debug, info, warn or error"},
    {"limits.segment", CONFIG_SIZE, LIVE, AT(limits.segment_bytes), "4GiB", 1, NO_MAX, NULL, NULL,
     "largest segment on disk"},
    {"limits.raw", CONFIG_SIZE, LIVE, AT(limits.raw_bytes), "32GiB", 1, NO_MAX, NULL, NULL,
     "largest segment, decompressed"},
    {"limits.expansion", CONFIG_COUNT, LIVE, AT(limits.expansion), "1000", 1, NO_MAX, NULL, NULL,
     "decompressed bytes for each byte on disk, beyond the first MiB"},
    {"limits.window", CONFIG_SIZE, LIVE, AT(limits.window_bytes), "8MiB", 1024, UINT64_C(2) << 30,
     NULL, NULL, "largest zstd window: memory that a .zst may ask for"},
    {"limits.frame", CONFIG_SIZE, LIVE, AT(limits.frame_bytes), "16MiB", 16, UINT64_C(1) << 30,
     NULL, NULL, "largest frame"},
    {"limits.string", CONFIG_SIZE, LIVE, AT(limits.string_bytes), "16MiB", 1, UINT64_C(128) << 20,
     NULL, NULL, "largest string, binary or extension in a frame"},
    {"limits.keys", CONFIG_COUNT, LIVE, AT(limits.keys), "10000", 1, UINT32_MAX, NULL, NULL,
     "most keys in one map"},
    {"limits.depth", CONFIG_COUNT, LIVE, AT(limits.depth), "64", 1, FRAME_DEPTH_MAX - 1, NULL, NULL,
     "deepest nesting of maps and arrays"},
    {"keep.archive", CONFIG_DURATION, LIVE, AT(keep.archive_us), "0", 0, NO_MAX, NULL, NULL,
     "prune archived batches claimed longer ago; 0: never"},
    {"keep.archive_bytes", CONFIG_SIZE, LIVE, AT(keep.archive_bytes), "0", 0, NO_MAX, NULL, NULL,
     "prune the oldest archived batches beyond this size; 0: never"},
    {"keep.failed", CONFIG_DURATION, LIVE, AT(keep.failed_us), "0", 0, NO_MAX, NULL, NULL,
     "prune what waits in failed/ for a retry, claimed longer ago; 0: never"},
    {"keep.failed_bytes", CONFIG_SIZE, LIVE, AT(keep.failed_bytes), "0", 0, NO_MAX, NULL, NULL,
     "prune the oldest of failed/ beyond this size; 0: never"},
    {"keep.receipts", CONFIG_DURATION, LIVE, AT(keep.receipts_us), "0", 0, NO_MAX, NULL, NULL,
     "prune receipts of batches that ended longer ago; 0: never (the ledger always stays)"},
    {"keep.rejects", CONFIG_DURATION, LIVE, AT(keep.rejects_us), "0", 0, NO_MAX, NULL, NULL,
     "prune rows of ingestion_reject that are older; 0: never"},
    {"keep.events", CONFIG_DURATION, LIVE, AT(keep.events_us), "30d", 0, NO_MAX, NULL, NULL,
     "prune events and what became of them; what is still undelivered then is given up; 0: never"},
    {"knowledge.enabled", CONFIG_ENUM, START, AT(knowledge.is_on), "true", 0, 0, bool_names, NULL,
     "have the tables of the knowledge base, and take its frames"},
    {"knowledge.embed", CONFIG_ENUM, START, AT(knowledge.is_embed), "true", 0, 0, bool_names, NULL,
     "run and drain make vectors; false: that is left to `spoolgate embed`"},
    {"knowledge.roots", CONFIG_STRING, LIVE, AT(knowledge.roots), "", 0, 0, NULL, NULL,
     "folders, with : between them, whose files an asset's uri may name; empty: none"},
    {"knowledge.chunk.tokens", CONFIG_COUNT, LIVE, AT(knowledge.chunk_tokens), "400", 16, 100000,
     NULL, NULL, "most tokens of a chunk, estimated, overlap included"},
    {"knowledge.chunk.overlap", CONFIG_COUNT, LIVE, AT(knowledge.chunk_overlap), "40", 0, 50000,
     NULL, NULL,
     "tokens at a chunk's front that the chunk before it has, too; at most half of them"},
    {"http.listen", CONFIG_LISTEN, START, AT(http.listen), "127.0.0.1:9647", 0, 0, NULL,
     "SPOOLGATE_HTTP_LISTEN", "where `run` serves its page and metrics, HOST:PORT, or off"},
    {"http.socket", CONFIG_STRING, START, AT(http.socket), "", 0, 0, NULL, NULL,
     "path of a unix socket that serves the same; empty: none"},
    {"http.hosts", CONFIG_STRING, START, AT(http.hosts), "", 0, 0, NULL, NULL,
     "further names that a request may call us by (its Host), with blanks between them"},
    {"room.warn", CONFIG_COUNT, LIVE, AT(room_warn), "90", 1, 100, NULL, NULL,
     "percent of the spool's file system in use from which on we warn; 100: never"},
    {"room.hold", CONFIG_COUNT, LIVE, AT(room_hold), "100", 1, 100, NULL, NULL,
     "percent in use from which on no batch is claimed; 100: never"},
    {GATE_PATH "open.count", CONFIG_COUNT, LIVE, GATE_AT(policy.open_count), "1000", 0, NO_MAX,
     NULL, NULL, "open when this many segments wait; 0: never for this reason"},
    {GATE_PATH "open.bytes", CONFIG_SIZE, LIVE, GATE_AT(policy.open_bytes), "16MiB", 0, NO_MAX,
     NULL, NULL, "open when this many bytes wait"},
    {GATE_PATH "open.age", CONFIG_DURATION, LIVE, GATE_AT(policy.open_age_us), "2s", 0, NO_MAX,
     NULL, NULL, "open when the oldest has waited this long"},
    {GATE_PATH "open.idle", CONFIG_DURATION, LIVE, GATE_AT(policy.open_idle_us), "200ms", 0, NO_MAX,
     NULL, NULL, "open when nothing has arrived for this long"},
    {GATE_PATH "batch.segments", CONFIG_COUNT, LIVE, GATE_AT(policy.batch_segments), "20000", 1,
     1000000, NULL, NULL, "most segments in one batch"},
    {GATE_PATH "batch.bytes", CONFIG_SIZE, LIVE, GATE_AT(policy.batch_bytes), "auto", 1, NO_MAX,
     NULL, NULL, "most bytes in one batch, on disk; auto: what makes about 20 MiB of rows"},
    {GATE_PATH "max_rejects", CONFIG_REJECTS, LIVE, GATE_AT(rules.max_rejects), "1%", 0, NO_MAX,
     NULL, NULL,
     "a batch with more rejected frames (a number, or a share of its frames) fails as a whole"},
    {GATE_PATH "dedupe", CONFIG_ENUM, LIVE, GATE_AT(rules.dedupe), "content", 0, 0, dedupe_names,
     NULL, "a segment is skipped when its content, or its name, was loaded before; or off"},
    {GATE_PATH "nul", CONFIG_ENUM, LIVE, GATE_AT(rules.nul), "reject", 0, 0, nul_names, NULL,
     "a frame with a NUL character in text is rejected, or the character stripped"},
    {0},
};

/* Messages call a key `called`: by its whole path in a configuration, shorter in a gate's file. */
static struct err parse_number(const struct config_key *key, const char *called, const char *value,
                               uint64_t *number)
{
    char *end;
    int64_t us;
    bool good = true;
    if (strcmp(value, AUTO) == 0 && strcmp(key->fallback, AUTO) == 0) {
        *number = 0;
        return ERR_OK;
    }
    switch (key->type) {
    case CONFIG_COUNT:
        *number = strtoull(value, &end, 10);
        good = *value >= '0' && *value <= '9' && *end == '\0';
        break;
    case CONFIG_SIZE:
        good = str_parse_size(value, number);
        break;
    case CONFIG_DURATION:
        good = str_parse_duration(value, &us);
        *number = good ? (uint64_t)us : 0;
        break;
    default:
        break;
    }
    if (!good)
        return err_make(ERR_CONFIG, "`%s` is not a %s for `%s`; write it like `%s`", value,
                        key->type == CONFIG_COUNT  ? "number"
                        : key->type == CONFIG_SIZE ? "size"
                                                   : "duration",
                        called, key->fallback);
    if (*number < key->min || *number > key->max)
        return err_make(ERR_CONFIG, "`%s` is out of range for `%s` (%" PRIu64 " to %" PRIu64 "%s)",
                        value, called, key->min, key->max,
                        key->type == CONFIG_DURATION ? " microseconds" : "");
    return ERR_OK;
}

static struct err parse_enum(const struct config_key *key, const char *called, const char *value,
                             uint64_t *number)
{
    struct buf choices = {0};
    for (uint64_t i = 0; key->names[i]; i++) {
        if (strcmp(value, key->names[i]) == 0) {
            *number = i;
            buf_free(&choices);
            return ERR_OK;
        }
        buf_printf(&choices, "%s%s", i > 0 ? ", " : "", key->names[i]);
    }
    struct err e = err_make(ERR_CONFIG, "`%s` can't be `%s`; it is one of %s", called, value,
                            buf_cstr(&choices));
    buf_free(&choices);
    return e;
}

static struct err parse_rejects(const char *called, const char *value, struct reject_limit *limit)
{
    char *end;
    double number = strtod(value, &end);
    bool percent = strcmp(end, "%") == 0;
    bool good = strspn(value, "0123456789.%") == strlen(value) && *value >= '0' && *value <= '9' &&
                (percent || *end == '\0') && number < 9e15 &&
                (percent ? number <= 100 : number == (double)(uint64_t)number);
    if (!good)
        return err_make(ERR_CONFIG, "`%s` is neither a number nor a percentage for `%s`", value,
                        called);
    *limit = (struct reject_limit){(uint64_t)(percent ? number * 1e4 : number), percent};
    return ERR_OK;
}

static struct err check_listen(const char *called, const char *value)
{
    struct endpoint e;
    if (strcmp(value, CONFIG_LISTEN_OFF) == 0 || endpoint_parse(value, &e))
        return ERR_OK;
    return err_make(ERR_CONFIG,
                    "`%s` is not an address and a port for `%s`; write it like `127.0.0.1:9647` or "
                    "`[::1]:9647`, or `off`",
                    value, called);
}

static struct err store(const struct config_key *key, const char *called, void *base,
                        const char *value)
{
    void *field = (char *)base + key->offset;
    uint64_t number = 0;
    if (key->type == CONFIG_LISTEN)
        TRY(check_listen(called, value));
    if (config_is_string(key)) {
        char **string = field;
        free(*string);
        *string = mem_strdup(value);
        return ERR_OK;
    }
    if (key->type == CONFIG_REJECTS)
        return parse_rejects(called, value, field);
    TRY(key->type == CONFIG_ENUM ? parse_enum(key, called, value, &number)
                                 : parse_number(key, called, value, &number));
    memcpy(field, &number, sizeof number);
    return ERR_OK;
}

/* "gates.fast.open.count" splits into the gate and "open.count". NULL where the path isn't a
 * gate's. */
static const char *split_gate(const char *path, char gate[SPOOL_GATE])
{
    size_t prefix = strlen(GATE_PREFIX);
    if (strncmp(path, GATE_PREFIX, prefix) != 0)
        return NULL;
    size_t n = strcspn(path + prefix, ".");
    if (path[prefix + n] != '.' || n >= SPOOL_GATE)
        return NULL;
    memcpy(gate, path + prefix, n);
    gate[n] = '\0';
    return path + prefix + n + 1;
}

const char *config_gate_key(const struct config_key *key)
{
    size_t prefix = strlen(GATE_PATH);
    return strncmp(key->path, GATE_PATH, prefix) == 0 ? key->path + prefix : NULL;
}

static bool is_gate_key(const struct config_key *key)
{
    return config_gate_key(key) != NULL;
}

static void set_default(const struct config_key *key, void *base)
{
    struct err e = store(key, key->path, base, key->fallback);
    if (err_is(&e)) { /* the table above is wrong */
        (void)fprintf(stderr, "spoolgate: default of %s: %s\n", key->path, e.text);
        abort();
    }
}

void config_gate_init(struct gate_settings *settings)
{
    for (const struct config_key *k = config_keys; k->path; k++)
        if (is_gate_key(k))
            set_default(k, settings);
}

struct err config_gate_set(struct gate_settings *settings, const struct config_key *key,
                           const char *value)
{
    return store(key, config_gate_key(key), settings, value);
}

static struct gate_settings *gate_of(struct config *c, const char *name)
{
    if (strcmp(name, SPOOL_DEFAULT_GATE) == 0)
        return &c->default_gate;
    for (size_t i = 0; i < c->gate_count; i++)
        if (strcmp(c->gates[i].name, name) == 0)
            return &c->gates[i].settings;
    struct config_gate *gate = MEM_PUSH(c->gates, c->gate_count, c->gate_cap);
    (void)snprintf(gate->name, sizeof gate->name, "%s", name);
    config_gate_init(&gate->settings);
    return &gate->settings;
}

static struct err unknown_key(const char *path)
{
    char gate[SPOOL_GATE];
    const char *rest = split_gate(path, gate);
    const char *best = NULL;
    unsigned distance = 4; /* further away is no typing error */
    for (const struct config_key *k = config_keys; k->path; k++) {
        if (is_gate_key(k) != (rest != NULL))
            continue;
        const char *candidate = rest ? config_gate_key(k) : k->path;
        unsigned d = str_distance(rest ? rest : path, candidate);
        if (d < distance) {
            distance = d;
            best = candidate;
        }
    }
    if (best)
        return err_make(ERR_CONFIG, "unknown key `%s`; did you mean `%s`?", path, best);
    return err_make(ERR_CONFIG, "unknown key `%s`; `spoolgate help config` lists them all", path);
}

struct err config_set(struct config *c, const char *path, const char *value)
{
    char gate[SPOOL_GATE];
    const char *rest = split_gate(path, gate);
    if (rest && !name_is_gate(gate))
        return err_make(ERR_CONFIG, "`%s` can't be a gate's name: a-z, 0-9, _ and -, at most 63",
                        gate);
    for (const struct config_key *k = config_keys; k->path; k++) {
        if (is_gate_key(k) && rest && strcmp(rest, config_gate_key(k)) == 0)
            return store(k, k->path, gate_of(c, gate), value);
        if (!is_gate_key(k) && !rest && strcmp(path, k->path) == 0)
            return store(k, k->path, c, value);
    }
    return unknown_key(path);
}

struct err config_override(struct config *c, const char *path, const char *value)
{
    if (*value && strcmp(path, "manifests") == 0)
        TRY(config_set(c, "manifests.repo", ""));
    return config_set(c, path, value);
}

void config_init(struct config *c)
{
    *c = (struct config){0};
    config_gate_init(&c->default_gate);
    for (const struct config_key *k = config_keys; k->path; k++)
        if (!is_gate_key(k))
            set_default(k, c);
}

void config_free(struct config *c)
{
    free(c->spool);
    free(c->database);
    free(c->schema);
    free(c->manifests.dir);
    free(c->manifests.repo);
    free(c->manifests.rev);
    free(c->manifests.path);
    free(c->knowledge.roots);
    free(c->http.listen);
    free(c->http.socket);
    free(c->http.hosts);
    free(c->gates);
    *c = (struct config){0};
}

const struct gate_settings *config_gate(const struct config *c, const char *gate)
{
    for (size_t i = 0; i < c->gate_count; i++)
        if (strcmp(c->gates[i].name, gate) == 0)
            return &c->gates[i].settings;
    return &c->default_gate;
}
