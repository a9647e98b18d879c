/* SPDX-License-Identifier: MIT */
/*
 * config: spoolgate.yaml, the environment and the command line, as one struct.
 *
 *     struct config c;
 *     config_init(&c);                                      // the defaults
 *     TRY(config_load_file(&c, "spoolgate.yaml"));          // over them
 *     TRY(config_load_environment(&c));                     // SPOOLGATE_SPOOL, ..., DATABASE_URL
 *     TRY(config_override(&c, "spool", value));             // a flag
 *     config_free(&c);
 *
 * Later ones win; what comes after a mistake is read all the same, and the first mistake told. The
 * keys are a table (config_keys): the same one that --help and the check of
 * spoolgate.example.yaml read. Every failure is ERR_CONFIG, with file:line:col for a file.
 */
#ifndef SPOOLGATE_CONFIG_CONFIG_H
#define SPOOLGATE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "frame/limits.h"
#include "gate/gate.h"
#include "replay/rules.h"
#include "spool/spool.h"

struct gate_settings {
    struct gate_policy policy; /* when it opens */
    struct load_rules rules;   /* what is done with its segments */
};

struct config_gate {
    char name[SPOOL_GATE];
    struct gate_settings settings;
};

/* How long what is settled stays; 0 is for ever. Only retired batches are ever pruned. */
struct keep_rules {
    int64_t archive_us, failed_us; /* since the claim */
    uint64_t archive_bytes, failed_bytes;
    int64_t receipts_us, rejects_us; /* since the batch's end */
    int64_t events_us;               /* since they were written */
};

/* Where the manifests are: in a folder, in a repository, or, with both empty, nowhere. A file that
 * names both is refused. */
#define CONFIG_MANIFESTS_REV  "HEAD"
#define CONFIG_MANIFESTS_PATH "manifests"
struct config_manifests {
    char *dir;
    char *repo, *rev, *path; /* a git repository, the revision, the folder in it */
};

/* The knowledge base: pmoves_core and pmoves_kb. */
struct knowledge_rules {
    uint64_t is_on;    /* 0: no table of it is made, and its frames are rejected */
    uint64_t is_embed; /* do `run` and `drain` make vectors? */
    char *roots;       /* folders whose files an asset's uri may name, ":" between them; "": none */
    uint64_t chunk_tokens, chunk_overlap; /* kb/split.h */
};

/* The status server (web/web.h). */
#define CONFIG_LISTEN_OFF "off"
struct http_rules {
    char *listen; /* HOST:PORT (base/endpoint.h), or CONFIG_LISTEN_OFF */
    char *socket; /* path of a unix socket; "": none */
    char *hosts;  /* further names that a request's Host may have, " " between them */
};

struct config {
    char *spool;    /* folder */
    char *database; /* conninfo; "" is libpq's own default */
    char *schema;
    struct config_manifests manifests;
    int64_t rescan_us;
    uint64_t loaders;    /* 0 (auto): as many as there are cores, at most CONFIG_LOADERS_MAX */
    uint64_t deliveries; /* of events, at once, all sinks together */
    uint64_t log_format; /* enum log_format */
    uint64_t log_level;  /* enum log_level */
    struct frame_limits limits;
    struct keep_rules keep;
    struct knowledge_rules knowledge;
    struct http_rules http;
    uint64_t room_warn, room_hold;     /* percent of the spool's file system in use; 100 is off */
    struct gate_settings default_gate; /* also of folders that no key names */
    struct config_gate *gates;
    size_t gate_count, gate_cap;
};

#define CONFIG_LOADERS_MAX 8

enum config_type {
    CONFIG_STRING,
    CONFIG_LISTEN, /* a string, too: "127.0.0.1:9647" or "off" */
    CONFIG_COUNT,
    CONFIG_SIZE,
    CONFIG_DURATION,
    CONFIG_ENUM,
    CONFIG_REJECTS, /* "100" or "1%" */
};

struct config_key {
    const char *path; /* "log.format"; "gates.*.open.count" stands for every gate */
    enum config_type type;
    bool at_start;            /* a reload doesn't change it, the next start does */
    size_t offset;            /* in struct config, or in struct gate_settings for a gate's */
    const char *fallback;     /* the default, as one would write it */
    uint64_t min, max;        /* counts, sizes and durations (microseconds) */
    const char *const *names; /* CONFIG_ENUM: value i is names[i]; ends with NULL */
    const char *environment;  /* variable, or NULL */
    const char *help;
};
extern const struct config_key config_keys[]; /* ends with a NULL path */

/* Does the struct hold a char * for it? */
static inline bool config_is_string(const struct config_key *key)
{
    return key->type == CONFIG_STRING || key->type == CONFIG_LISTEN;
}

void config_init(struct config *c);
void config_free(struct config *c);

struct err config_load_file(struct config *c, const char *path);
/* The same from memory; `name` stands in the messages. */
struct err config_load_text(struct config *c, const char *name, const char *text, size_t len);
struct err config_load_environment(struct config *c);

/* One key by its path, "gates.fast.open.count" included. */
struct err config_set(struct config *c, const char *path, const char *value);

/* The same for what wins over the file: a folder of manifests then stands instead of a repository.
 */
struct err config_override(struct config *c, const char *path, const char *value);

/* The settings of a gate, where it has a file of its own (manifest/gate.c). The key's name there:
 * "open.count"; NULL where it is no gate's. */
const char *config_gate_key(const struct config_key *key);
void config_gate_init(struct gate_settings *settings); /* the defaults */
struct err config_gate_set(struct gate_settings *settings, const struct config_key *key,
                           const char *value);

/* The settings of a gate, named in the file or not. */
const struct gate_settings *config_gate(const struct config *c, const char *gate);

unsigned config_loaders(const struct config *c);

/* ---- two configurations (change.c) ---- */

/* A copy of its own; config_delete(). */
struct config *config_copy(const struct config *c);
void config_delete(struct config *c);

/* The key's value, as one would write it. base: the configuration, or a gate's settings. */
void config_value(const struct config_key *key, const void *base, struct buf *out);

/* Tells each key whose value differs, in the order of the table, and then each gate's that is in
 * either: those that go for its segments. Returns how many there are; tell may be NULL. */
struct config_change {
    const char *path;
    const struct config_key *key;
    const char *from, *to;
};
typedef void config_tell_fn(void *context, const struct config_change *change);
size_t config_compare(const struct config *from, const struct config *to, config_tell_fn *tell,
                      void *context);

/* What a reload doesn't change becomes as it is in `running`. */
void config_keep_running(struct config *c, const struct config *running);

#endif
