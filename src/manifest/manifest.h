/* SPDX-License-Identifier: MIT */
/*
 * manifest: the declared streams, gates, sinks and embedders, with the sinks' templates, checked.
 * Pure.
 *
 *     struct yaml_diag diag = {0};
 *     struct manifest *m = manifest_build(&files, &diag);      // NULL: diag says why
 *     if (m) {
 *         ... m->streams, m->gates, m->sinks ...
 *         manifest_release(m);
 *     }
 *     yaml_diag_free(&diag);
 *
 * A set never changes once it is built, and is shared by counting: whoever keeps it for longer than
 * a call holds it, from any thread, and releases it. It owns all that its structs point to.
 */
#ifndef SPOOLGATE_MANIFEST_MANIFEST_H
#define SPOOLGATE_MANIFEST_MANIFEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "config/config.h"
#include "event/body.h"
#include "event/event.h"
#include "manifest/files.h"
#include "stream/stream.h"
#include "yaml/diag.h"

struct manifest_gate {
    const char *name;
    const char *file;     /* the manifest that declares it */
    const char *incoming; /* folder under incoming/; "." is incoming/ itself */
    struct gate_settings settings;
    const bool *streams; /* by index in the set: does the gate take it? NULL: it takes all */
    bool takes_handled;  /* does it take `knowledge` (replay/handler.h)? */
    bool is_ordered;     /* it takes a stream in which the order of batches matters */
};

/* Where a value is that may have to stay secret. It is read when it is needed, never here. */
enum manifest_secret_from {
    SECRET_NONE,
    SECRET_INLINE,     /* value is the value itself: of URLs alone */
    SECRET_ENV,        /* a variable's name */
    SECRET_FILE,       /* a path */
    SECRET_CREDENTIAL, /* a name under $CREDENTIALS_DIRECTORY (systemd) */
};
struct manifest_secret {
    enum manifest_secret_from from;
    const char *value;
};

struct manifest_header {
    const char *name;
    struct manifest_secret value;
};

struct manifest_sink {
    const char *name;
    struct manifest_secret url; /* may be inline */
    bool events[EVENT_COUNT];
    const char *const *gates; /* names of gates whose events it wants */
    size_t gate_count;        /* 0: of all */
    enum body_format format;
    const char *template;                  /* BODY_TEMPLATE: a file in templates/ */
    const struct template *compiled;       /* of it */
    const struct manifest_secret *secrets; /* that sign; several while one is being replaced */
    size_t secret_count;
    struct manifest_secret bearer;
    const struct manifest_header *headers;
    size_t header_count;
    int64_t timeout_us;      /* of one attempt */
    const int64_t *retry_us; /* waits before each attempt, the first included */
    size_t retry_count;
    uint64_t concurrency; /* attempts at once */
    bool allow_private;   /* may its address be private, link-local or this machine? */
    const char *ca_file;  /* PEM: trusted instead of the system's authorities; NULL: those */
};

/* Who makes vectors of chunks. */
enum embedder_provider {
    EMBEDDER_BUILTIN, /* embed/lexical.h: no network, no model */
    EMBEDDER_OPENAI,  /* POST URL, the body that OpenAI's /v1/embeddings takes */
};
enum embedder_encoding { EMBEDDER_AUTO, EMBEDDER_FLOAT, EMBEDDER_BASE64 };

#define MANIFEST_BUILTIN_MODEL "spoolgate-lexical-1" /* as embed/lexical.h has it */

struct manifest_embedder {
    const char *name;
    const char *file; /* the manifest that declares it; NULL: it is shipped */
    enum embedder_provider provider;
    const char *model;          /* as it is sent, and as pmoves_kb.embedding has it */
    uint64_t dimensions;        /* of its vectors */
    bool sends_dimensions;      /* ask for that many: models that can be cut short */
    struct manifest_secret url; /* may be inline: http://127.0.0.1:11434/v1/embeddings */
    struct manifest_secret key; /* sent as a bearer token */
    const struct manifest_header *headers;
    size_t header_count;
    enum embedder_encoding encoding;    /* of the numbers in an answer */
    const char *prefix, *query_prefix;  /* put before a chunk's text, and a question's; "" */
    uint64_t batch_count, batch_tokens; /* most texts, and estimated tokens, of one request */
    uint64_t max_tokens;  /* of one text: a longer one is failed unasked; 0: the provider judges */
    uint64_t concurrency; /* requests at once, of one process */
    uint64_t requests_per_minute, tokens_per_minute; /* of one process; 0: no limit */
    int64_t timeout_us;                              /* of one request */
    bool allow_private; /* may its address be private, or this machine's? */
    const char *ca_file;
};

/* A file of templates/, declared or shipped: a sink's body, or a partial of one. */
struct manifest_template {
    const char *name; /* "gate_done.json.tmpl" */
    const char *text;
    size_t len;
    struct template *compiled;
};

#define MANIFEST_REV 80 /* 40 hex digits and "+dirty", or "sha256:" and 64 */

struct manifest {
    struct stream_set streams; /* the shipped ones first, then as the files are sorted */
    const struct manifest_gate *gates;
    size_t gate_count;
    const struct manifest_sink *sinks;
    size_t sink_count;
    /* Several share the work: they have one model and one number of dimensions. None declared: the
     * shipped one, which is built in. */
    const struct manifest_embedder *embedders;
    size_t embedder_count;
    const struct manifest_template *templates; /* by name; a declared one hides a shipped one */
    size_t template_count;
    struct manifest_files files; /* as given, sorted; without the shipped ones */
    char sha256[HASH_HEX];       /* of files */

    /* Set by whoever read the files, before the set is shared. */
    char rev[MANIFEST_REV];
    char *source; /* for people: "/etc/spoolgate/manifests", "/srv/repo.git at main"; or NULL */
    struct config *config; /* that they are in force with; a copy of its own, or NULL */

    /* private */
    atomic_uint refs;
    struct arena arena;
};

/* Checks all files and builds the set, held once for the caller; NULL where diag has errors, be
 * they of those who read the files: then what such a file declares isn't known, and nobody is told
 * that it isn't there. files stay the caller's. A shipped stream is in the set unless a declared
 * one has its name. */
struct manifest *manifest_build(const struct manifest_files *files, struct yaml_diag *diag);
/* The shipped streams alone. */
struct manifest *manifest_default(void);

struct manifest *manifest_hold(struct manifest *m); /* returns m */
void manifest_release(struct manifest *m);          /* the last one frees; NULL is fine */

/* Takes a copy. */
void manifest_set_config(struct manifest *m, const struct config *config);
void manifest_set_source(struct manifest *m, const char *rev, const char *source);

/* Those of the shipped streams that no declared one replaces. */
struct stream_set manifest_shipped_streams(const struct manifest *m);

/* NULL where it has none of that name. */
const struct stream *manifest_stream(const struct manifest *m, const char *name);
const struct manifest_gate *manifest_gate(const struct manifest *m, const char *name);
const struct manifest_sink *manifest_sink(const struct manifest *m, const char *name);
const struct manifest_embedder *manifest_embedder(const struct manifest *m, const char *name);

/* Does the sink want this event? gate: its gate, NULL where it is no gate's. */
bool manifest_sink_wants(const struct manifest_sink *sink, enum event_type type, const char *gate);
/* How the sink's bodies are made; lives as long as the set. */
struct body_form manifest_sink_form(const struct manifest *m, const struct manifest_sink *sink);
/* Of a sink with a template: what that says, with all that it includes. */
void manifest_template_hash(const struct manifest *m, const struct manifest_sink *sink,
                            char hex[HASH_HEX]);

enum manifest_kind {
    MANIFEST_STREAM,
    MANIFEST_GATE,
    MANIFEST_SINK,
    MANIFEST_EMBEDDER,
    MANIFEST_KINDS
};
extern const char *const manifest_kind_names[]; /* "stream", ...; ends with NULL */

/* The JSON Schema (draft 2020-12) of one kind of file: what the linter wants of its structure. */
void manifest_schema(enum manifest_kind kind, struct buf *out);
/* What such a file may hold (manifest/shape.h). */
struct shape;
const struct shape *manifest_shape(enum manifest_kind kind);

#endif
