/* SPDX-License-Identifier: MIT */
/*
 * current: the manifests in force, and the configuration that goes with them. A reload puts a new
 * set in their place, if both are without errors; who works by a set holds it, and finds the
 * configuration in it (m->config), so a batch goes on by what it began with.
 *
 *     struct manifest_current c;
 *     struct yaml_diag diag = {0};
 *     TRY(manifest_current_open(&c, &config, &diag));
 *     struct manifest *m = manifest_current_get(&c);       // held: manifest_release(m)
 *     struct gate_terms t = manifest_gate_terms(m, "default");
 *     spool.names = manifest_current_names(&c);
 *     struct preparer preparer = {.terms = manifest_current_terms(&c), ...};
 *     manifest_current_close(&c);
 *
 * All but open and close may be called from any thread.
 */
#ifndef SPOOLGATE_MANIFEST_CURRENT_H
#define SPOOLGATE_MANIFEST_CURRENT_H

#include <pthread.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "manifest/manifest.h"
#include "replay/prepare.h"
#include "spool/spool.h"
#include "yaml/diag.h"

struct manifest_current {
    /* Reads file, environment and flags anew, for a reload; NULL: the configuration stays. What it
     * has filled is freed by the caller, also after a failure. */
    struct err (*read_config)(void *context, struct config *config);
    void *context;

    /* private */
    pthread_mutex_t lock;
    struct manifest *set;
    int64_t loaded_us; /* wall clock */
    char refused[400]; /* why the last reload changed nothing; "" when it was accepted */
};

/* Reads and checks what the configuration names. ERR_CONFIG: it can't be read, or `diag` has
 * errors. */
struct err manifest_load(const struct config *config, struct yaml_diag *diag, struct manifest **m);

struct err manifest_current_open(struct manifest_current *c, const struct config *config,
                                 struct yaml_diag *diag);
void manifest_current_close(struct manifest_current *c);

struct manifest *manifest_current_get(struct manifest_current *c);

/* Reads configuration and manifests anew; one call at a time. After a failure (ERR_CONFIG) the old
 * ones stay. */
struct manifest_reload {
    struct buf words; /* the changes, or what is wrong, a line each */
    struct buf
        at_start; /* keys whose change waits for the next start of the process, a line each */
};
struct err manifest_current_reload(struct manifest_current *c, struct manifest_reload *r);
/* Says in the log how it went; after a success logging goes by the new configuration. */
void manifest_current_log(struct manifest_current *c, struct manifest_reload *r,
                          const struct err *e);
void manifest_reload_clear(struct manifest_reload *r); /* empty, for the next one */
void manifest_reload_free(struct manifest_reload *r);

bool manifest_current_is_refused(struct manifest_current *c); /* the last reload, by us */

/* {"rev", "source", "loaded_at", "refused", "streams", "gates", "sinks", "embedders"} */
void manifest_current_status(struct manifest_current *c, struct buf *json);

/* What a gate's batches are cut and loaded by, declared or not. Pointers live as long as the set.
 */
struct gate_terms {
    struct gate_policy policy;
    const struct load_rules *rules;
    const bool *allowed; /* by stream; NULL: all */
    bool takes_handled;  /* replay/handler.h */
};
struct gate_terms manifest_gate_terms(const struct manifest *m, const char *gate);

struct spool_names manifest_current_names(struct manifest_current *c);
struct load_terms_source manifest_current_terms(struct manifest_current *c);

#endif
