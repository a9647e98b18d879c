/* SPDX-License-Identifier: MIT */
/*
 * fit: do the tables fit the declared streams? A gate that takes a stream whose table doesn't stays
 * shut, with the reason, instead of failing its segments.
 *
 *     struct fit f;
 *     fit_open(&f);
 *     if (fit_is_due(&f, set))                      // scanner: a job for a loader
 *         ...
 *     TRY(fit_ask(&f, &pg, set));                   // loader
 *     if (fit_of_gate(&f, set, allowed, why))       // scanner: known, and all is well
 *         ...
 *     fit_close(&f);
 *
 * Asked when the daemon starts, after a reload, every FIT_AGAIN_US while something doesn't fit, and
 * when a batch finds a table changed.
 */
#ifndef SPOOLGATE_DAEMON_FIT_H
#define SPOOLGATE_DAEMON_FIT_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "io/pg.h"
#include "manifest/manifest.h"
#include "replay/terms.h"

#define FIT_AGAIN_US INT64_C(5000000)
#define FIT_WHY      ERR_TEXT

struct fit {
    /* private */
    pthread_mutex_t lock;
    struct manifest *set; /* the one that was asked about; NULL: none yet */
    char **why;           /* by stream; NULL: it fits */
    char **prints;        /* by stream: what its table's columns were (table_print.sql) */
    bool is_stale;        /* a table was found to be another one since */
    bool any;             /* doesn't fit */
    int64_t asked_us;     /* monotonic */
};

void fit_open(struct fit *f);
void fit_close(struct fit *f);

bool fit_is_due(struct fit *f, const struct manifest *set);
bool fit_all(struct fit *f); /* nothing is known not to fit */
struct err fit_ask(struct fit *f, struct pg *pg, struct manifest *set);

/* A loader's check_table; the context is the fit. ERR_CONFIG: not what was asked about; it will be
 * asked again. */
struct err fit_check_table(void *fit, const struct load_terms *terms, size_t stream,
                           const char *print);

/* For whoever has a connection at hand: ERR_CONFIG while a stream that the gate takes doesn't fit.
 */
struct err fit_require(struct fit *f, struct pg *pg, struct manifest *set, const bool *allowed);

/* False: not known yet (why is ""), or why the gate stays shut. allowed: as load_terms has it. */
bool fit_of_gate(struct fit *f, const struct manifest *set, const bool *allowed, char why[FIT_WHY]);

#endif
