/* SPDX-License-Identifier: MIT */
/*
 * current: the manifests in force. A reload puts a new set in their place, if it is without errors;
 * a batch goes on by the set that it began with.
 *
 *     struct manifest_current c;
 *     struct yaml_diag diag = {0};
 *     TRY(manifest_current_open(&c, &config, &diag));
 *     struct manifest *m = manifest_current_get(&c);       // held: manifest_release(m)
 *     struct gate_terms t = manifest_gate_terms(m, &config, "default");
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
    const struct config *config;

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

/* Reads the manifests anew. `words` gets the changes, a line each, or what is wrong, a line each;
 * after a failure (ERR_CONFIG) the old set stays. */
struct err manifest_current_reload(struct manifest_current *c, struct buf *words);

/* {"rev", "source", "loaded_at", "refused", "streams", "gates", "sinks", "embedders"} */
void manifest_current_status(struct manifest_current *c, struct buf *json);

/* What a gate's batches are cut and loaded by, declared or not. Pointers live as long as the set
 * and the configuration. */
struct gate_terms {
    struct gate_policy policy;
    const struct load_rules *rules;
    const bool *allowed; /* by stream; NULL: all */
    bool takes_handled;  /* replay/handler.h */
};
struct gate_terms manifest_gate_terms(const struct manifest *m, const struct config *config,
                                      const char *gate);

struct spool_names manifest_current_names(struct manifest_current *c);
struct load_terms_source manifest_current_terms(struct manifest_current *c);

#endif
