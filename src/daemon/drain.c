/* SPDX-License-Identifier: MIT */
#include "daemon/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "daemon/backlog.h"
#include "daemon/maintain.h"
#include "daemon/oddities.h"
#include "replay/load.h"
#include "schema/migrate.h"

struct drain {
    const struct config *config;
    const struct spool *spool;
    bool force;
    struct loader loader;
    struct oddities oddities;
    struct drain_result *result;
};

static void report_odd(void *context, const char *where, const char *reason)
{
    struct drain *d = context;
    oddities_report(&d->oddities, where, reason);
}

static void add_outcome(struct drain_result *r, const struct load_outcome *o)
{
    r->batches += o->settled;
    r->segments += o->segments;
    r->segments_failed += o->segments_failed;
    r->rows += o->rows;
    r->rejected += o->rejected;
    r->skipped += o->skipped;
}

static struct err reconnect(struct drain *d)
{
    return pg_is_open(&d->loader.pg) ? ERR_OK : pg_open(&d->loader.pg, &d->loader.target);
}

static struct err resume_all(struct drain *d)
{
    struct uuid *ids;
    size_t count;
    struct err first = ERR_OK;
    struct err e = scan_batches(d->spool->processing, &ids, &count);
    if (err_is(&e))
        return e;
    for (size_t i = 0; i < count; i++) {
        struct load_outcome outcome;
        e = reconnect(d);
        if (!err_is(&e))
            e = load_resume(&d->loader, &ids[i], &outcome);
        if (!err_is(&e))
            add_outcome(d->result, &outcome);
        else if (!err_is(&first))
            first = e;
    }
    free(ids);
    return first;
}

/* Claims and loads one batch of the files found. */
static struct err load_some(struct drain *d, const char *gate, const struct gate_policy *policy,
                            const char *reason, const struct scan_result *found)
{
    struct claim c;
    struct load_outcome outcome = {0};
    struct uuid id = uuid_new();
    TRY(reconnect(d));
    TRY(pg_ping(&d->loader.pg));
    TRY(claim_make(d->spool, &id, gate, reason, found->files, backlog_batch(policy, found), &c));
    struct err e = c.count > 0 ? load_claim(&d->loader, &c, &outcome) : ERR_OK;
    claim_free(&c);
    if (!err_is(&e))
        add_outcome(d->result, &outcome);
    return e;
}

static void wait_until(int64_t wall_us)
{
    int64_t left = wall_us - time_now();
    if (left <= 0)
        return;
    struct timespec ts = {.tv_sec = left / TIME_US_PER_S, .tv_nsec = left % TIME_US_PER_S * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* One look at one gate. *more: look again, something was loaded or will settle. */
static struct err look(struct drain *d, const char *gate, bool *more)
{
    const struct gate_policy *policy = &config_gate(d->config, gate)->policy;
    struct scan_rules rules = {.now_us = time_now(), .odd = report_odd, .context = d};
    struct scan_result found;
    *more = false;
    TRY(scan_gate(d->spool, gate, &rules, &found));
    struct gate_backlog backlog = backlog_of(&found);
    struct err e = ERR_OK;
    bool held = spool_is_held(d->spool, gate);
    struct gate_decision decision = gate_decide(policy, &backlog, time_now(), d->force);
    if (decision.action == GATE_OPEN && !held) {
        e = load_some(d, gate, policy, decision.reason, &found);
        *more = true;
    } else if (d->force && !held && found.unsettled > 0) {
        wait_until(found.settles_at_us);
        *more = true;
    } else {
        d->result->left += found.count + found.unsettled;
    }
    scan_free(&found);
    return e;
}

static struct err drain_gate(struct drain *d, const char *gate)
{
    bool more = true;
    while (more)
        TRY(look(d, gate, &more));
    return ERR_OK;
}

static struct err drain_gates(struct drain *d)
{
    struct scan_rules rules = {.now_us = time_now(), .odd = report_odd, .context = d};
    char **folders = NULL;
    size_t count = 0;
    struct err first = drain_gate(d, SPOOL_DEFAULT_GATE);
    struct err e = scan_gate_folders(d->spool, &rules, &folders, &count);
    if (err_is(&e) && !err_is(&first))
        first = e;
    for (size_t i = 0; i < count; i++) {
        e = drain_gate(d, folders[i]);
        if (err_is(&e) && !err_is(&first))
            first = e;
        free(folders[i]);
    }
    free(folders);
    return first;
}

static struct err drain_spool(struct drain *d)
{
    struct loader *l = &d->loader;
    TRY(pg_open(&l->pg, &l->target));
    TRY(migrate_require(&l->pg, l->streams));
    struct err first = resume_all(d);
    struct err e = drain_gates(d);
    struct maintain m = {.spool = d->spool, .keep = &d->config->keep};
    if (!err_is(&first))
        first = e;
    if (!err_is(&first))
        first = maintain_run(&m, &l->pg);
    return first;
}

struct err drain_run(const struct config *config, bool force, struct drain_result *result)
{
    struct spool spool;
    *result = (struct drain_result){0};
    TRY(spool_open(&spool, config->spool, true));
    struct drain d = {.config = config,
                      .spool = &spool,
                      .force = force,
                      .result = result,
                      .loader = {.spool = &spool,
                                 .streams = &stream_builtin,
                                 .limits = &config->limits,
                                 .rules_of = config_rules,
                                 .rules_context = config,
                                 .target = {config->database, config->schema}}};
    pg_init(&d.loader.pg);
    struct err e = spool_lock(&spool);
    if (!err_is(&e))
        e = drain_spool(&d);
    pg_close(&d.loader.pg);
    oddities_free(&d.oddities);
    spool_close(&spool);
    return e;
}
