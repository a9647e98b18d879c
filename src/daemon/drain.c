/* SPDX-License-Identifier: MIT */
#include "daemon/drain.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "daemon/ahead.h"
#include "daemon/backlog.h"
#include "daemon/fit.h"
#include "daemon/loader.h"
#include "daemon/maintain.h"
#include "daemon/oddities.h"
#include "daemon/summaries.h"
#include "embed/worker.h"
#include "io/thread.h"
#include "outbox/courier.h"
#include "schema/migrate.h"

struct drain_gate {
    char name[SPOOL_GATE];
    struct load_weight weight;
    bool is_listed;   /* backlog is a scan's */
    bool is_done;     /* nothing more is due, or something went wrong */
    unsigned in_hand; /* batches that are claimed and not settled */
    struct backlog backlog;
};

/* What the loaders share. The lock is held while a claim is made, so that batches are cut one after
 * the other; inspecting and loading run beside each other. */
struct drain {
    const struct config *config;
    struct manifest_current *current;
    struct manifest *set; /* one and the same for the whole pass */
    const struct spool *spool;
    bool force;
    unsigned loaders;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct drain_gate *gates;
    size_t gate_count, gate_cap;
    bool is_blind; /* a batch in processing/ has a gate that can't be read */
    unsigned idle; /* loaders that are about to look for a batch: their second threads wait */
    struct fit fit;
    struct kb_context kb;
    struct summaries summaries;
    struct oddities oddities;
    struct courier *courier;
    struct embed_worker *embed; /* NULL: chunks are left to others */
    const struct drain_watch *watch;
    struct drain_result *result;
    struct err first; /* failure */
};

struct drain_loader {
    struct drain *drain;
    struct loader loader;
    struct ahead ahead;
    pthread_t thread;
};

static void lock(struct drain *d)
{
    (void)pthread_mutex_lock(&d->lock);
}

static void unlock(struct drain *d)
{
    (void)pthread_mutex_unlock(&d->lock);
}

static void keep_first(struct drain *d, const struct err *e)
{
    if (err_is(e) && !err_is(&d->first))
        d->first = *e;
}

static void report_odd(void *context, const char *where, const char *reason)
{
    struct drain *d = context;
    oddities_report(&d->oddities, "file", where, reason);
}

static void add_outcome(struct drain *d, const struct load_outcome *o)
{
    struct drain_result *r = d->result;
    r->batches += o->settled;
    if (!o->is_recalled) {
        r->segments += o->segments;
        r->segments_failed += o->segments_failed;
        r->rows += o->rows;
        r->rejected += o->rejected;
        r->skipped += o->skipped;
    }
    if (d->watch)
        d->watch->settled(d->watch->context, r);
}

static struct drain_gate *find_gate(struct drain *d, const char *name)
{
    for (size_t i = 0; i < d->gate_count; i++)
        if (strcmp(d->gates[i].name, name) == 0)
            return &d->gates[i];
    struct drain_gate *g = MEM_PUSH(d->gates, d->gate_count, d->gate_cap);
    *g = (struct drain_gate){0};
    (void)snprintf(g->name, sizeof g->name, "%s", name);
    return g;
}

/* ---- claiming: under the lock ---- */

static void wait_until(int64_t wall_us)
{
    int64_t left = wall_us - time_now();
    if (left <= 0)
        return;
    struct timespec ts = {.tv_sec = left / TIME_US_PER_S, .tv_nsec = left % TIME_US_PER_S * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static struct gate_policy policy_of(const struct drain *d, const char *gate)
{
    return manifest_gate_terms(d->set, gate).policy;
}

static struct gate_decision decide(const struct drain *d, const struct drain_gate *g)
{
    struct gate_backlog waiting = backlog_waiting(&g->backlog);
    struct gate_policy policy = policy_of(d, g->name);
    return gate_decide(&policy, &waiting, time_now(), d->force);
}

/* Lists the gate until a batch is due (*decision says why) or nothing is (is_done). */
static struct err look(struct drain *d, struct drain_gate *g, struct gate_decision *decision)
{
    struct gate_policy policy = policy_of(d, g->name);
    bool held = spool_is_held(d->spool, g->name);
    for (;;) {
        struct scan_rules rules = {.odd = report_odd, .context = d};
        *decision = decide(d, g);
        if (g->is_listed && decision->action == GATE_OPEN && !held)
            return ERR_OK;
        bool was_complete = g->is_listed && !g->backlog.found.more;
        if (was_complete && d->force && !held && g->backlog.found.unsettled > 0)
            wait_until(g->backlog.found.settles_at_us);
        else if (was_complete)
            break;
        g->is_listed = true;
        rules.now_us = time_now(); /* after the wait */
        TRY(backlog_scan(&g->backlog, d->spool, g->name, &policy, &rules));
    }
    g->is_done = true;
    d->result->left += backlog_waiting(&g->backlog).count + g->backlog.found.unsettled;
    return ERR_OK;
}

static const bool *allowed_of(const struct drain *d, const char *gate)
{
    return manifest_gate_terms(d->set, gate).allowed;
}

static struct err claim_from(struct drain *d, struct drain_gate *g, struct claim *c)
{
    struct gate_decision decision;
    struct scan_file *files = NULL;
    char why[FIT_WHY];
    TRY(look(d, g, &decision));
    if (g->is_done)
        return ERR_OK;
    if (!fit_of_gate(&d->fit, d->set, allowed_of(d, g->name), why)) {
        g->is_done = true;
        d->result->left += backlog_waiting(&g->backlog).count + g->backlog.found.unsettled;
        return err_make(ERR_CONFIG, "gate %s stays shut: %s", g->name, why);
    }
    struct uuid id = uuid_new();
    struct gate_policy policy = policy_of(d, g->name);
    size_t count = backlog_cut(&g->backlog, &policy, d->loaders, &g->weight, &files);
    bool in_order = policy.is_ordered;
    struct err e = (in_order ? claim_make_in_order : claim_make)(d->spool, &id, g->name,
                                                                 decision.reason, files, count, c);
    if (in_order && c->count < count) /* what is left comes first, next time */
        g->is_listed = false;
    for (size_t i = 0; i < count; i++)
        free(files[i].name);
    free(files);
    if (backlog_waiting(&g->backlog).count == 0 && !g->backlog.found.more)
        g->is_listed = false; /* look once more: something may have come */
    return e;
}

static bool is_ordered(const struct drain *d, const char *gate)
{
    return policy_of(d, gate).is_ordered;
}

/* False: nothing is due any more, or, of ordered gates, not before a batch in hand is settled. */
static bool claim_next(struct drain *d, struct claim *c)
{
    for (size_t i = 0; i < d->gate_count; i++) {
        struct drain_gate *g = &d->gates[i];
        while (!g->is_done && !((g->in_hand > 0 || d->is_blind) && is_ordered(d, g->name))) {
            struct err e = claim_from(d, g, c);
            keep_first(d, &e);
            g->is_done = g->is_done || err_is(&e);
            if (!err_is(&e) && c->count > 0) {
                g->in_hand++;
                return true;
            }
        }
    }
    return false;
}

/* ---- the loaders' second threads ---- */

/* Loaders that have nothing yet come first. */
static bool prepare_next(void *loader, const atomic_bool *wanted, struct preparer *preparer,
                         struct ahead_batch *b)
{
    struct drain_loader *l = loader;
    struct drain *d = l->drain;
    lock(d);
    while (d->idle > 0 && atomic_load(wanted))
        (void)pthread_cond_wait(&d->changed, &d->lock);
    bool found = atomic_load(wanted) && claim_next(d, &b->prepared.claim);
    unlock(d);
    if (!found)
        return false;
    /* A failure is met again, and told, when the batch is loaded. */
    struct err ignored = prepare_batch(preparer, &b->prepared);
    (void)ignored;
    return true;
}

static void retire(void *loader, struct ahead_batch *b)
{
    struct drain_loader *l = loader;
    struct err e = load_retire(l->drain->spool, &b->prepared.claim, &b->outcome.times);
    lock(l->drain);
    keep_first(l->drain, &e);
    unlock(l->drain);
}

static void wake_second_thread(void *loader)
{
    struct drain_loader *l = loader;
    lock(l->drain);
    (void)pthread_cond_broadcast(&l->drain->changed);
    unlock(l->drain);
}

/* ---- the loaders ---- */

static struct err connect(struct loader *l)
{
    return pg_is_open(&l->pg) ? ERR_OK : pg_open(&l->pg, &l->target);
}

static void load(struct drain_loader *l, struct ahead_batch *b)
{
    struct drain *d = l->drain;
    struct prepared *p = &b->prepared;
    struct err e = load_claim(&l->loader, p, &b->outcome);
    b->is_loaded = !err_is(&e);
    if (b->is_loaded)
        summaries_note(&d->summaries, p->terms.streams, &p->batch.partitions);
    lock(d);
    struct drain_gate *g = find_gate(d, p->claim.gate);
    if (err_is(&e))
        g->is_done = true; /* the others go on */
    else
        add_outcome(d, &b->outcome);
    g->in_hand -= b->is_loaded;
    keep_first(d, &e);
    prepared_weigh(p, &g->weight);
    unlock(d);
}

/* The batch that is prepared, or a claim of our own. A claim begins only while the connection
 * answers; loaders that find nothing to do never connect. */
static struct ahead_batch *next_batch(struct drain_loader *l)
{
    struct drain *d = l->drain;
    struct ahead_batch *b = ahead_finish(&l->ahead);
    struct err e = ERR_OK;
    bool found = b != NULL;
    if (!found) {
        b = ahead_spare(&l->ahead);
        if (pg_is_open(&l->loader.pg))
            e = pg_ping(&l->loader.pg);
        lock(d);
        found = !err_is(&e) && claim_next(d, &b->prepared.claim);
        unlock(d);
    }
    if (found)
        e = connect(&l->loader);
    lock(d);
    keep_first(d, &e);
    unlock(d);
    return found && !err_is(&e) ? b : NULL;
}

/* The second thread is only worth its wake-up where a batch is known to wait. */
static bool has_more(struct drain *d)
{
    bool more = false;
    lock(d);
    for (size_t i = 0; i < d->gate_count; i++) {
        const struct drain_gate *g = &d->gates[i];
        more = more || (!g->is_done && g->is_listed);
    }
    unlock(d);
    return more;
}

static void set_idle(struct drain *d, int change)
{
    lock(d);
    d->idle += (unsigned)change;
    (void)pthread_cond_broadcast(&d->changed);
    unlock(d);
}

/* Counted as idle on entry. */
static void *loader_main(void *loader)
{
    struct drain_loader *l = loader;
    struct ahead_batch *b;
    l->ahead.next = prepare_next;
    l->ahead.wake = wake_second_thread;
    l->ahead.retire = retire;
    l->ahead.context = l;
    struct err e = ahead_open(&l->ahead, &l->loader.preparer);
    if (err_is(&e))
        LOG_WARN("batches are not prepared ahead", LOG_STR("error", e.text));
    for (b = next_batch(l); b; b = next_batch(l)) {
        set_idle(l->drain, -1);
        if (has_more(l->drain))
            ahead_start(&l->ahead);
        load(l, b);
        set_idle(l->drain, 1);
    }
    set_idle(l->drain, -1);
    ahead_close(&l->ahead);
    return NULL;
}

/* This thread is the first loader. */
static void run_loaders(struct drain *d, struct drain_loader *loaders, unsigned count)
{
    unsigned started = 1;
    d->idle = count;
    for (; started < count; started++) {
        struct err e = thread_start(&loaders[started].thread, loader_main, &loaders[started]);
        if (!err_is(&e))
            continue;
        keep_first(d, &e);
        set_idle(d, (int)started - (int)count);
        break;
    }
    (void)loader_main(&loaders[0]);
    for (unsigned i = 1; i < started; i++)
        (void)pthread_join(loaders[i].thread, NULL);
}

/* ---- the pass ---- */

/* One that can't be settled keeps the later ones of an ordered gate from overtaking it. */
static struct err resume(struct drain *d, struct loader *l, const struct uuid *id)
{
    char batch[UUID_TEXT];
    char gate[SPOOL_GATE];
    struct load_outcome outcome;
    struct err known = claim_gate_of(d->spool->processing, uuid_format(id, batch), gate);
    if (err_is(&known)) { /* it may be anybody's: nothing that has an order may overtake it */
        d->is_blind = true;
        return known;
    }
    struct drain_gate *g = find_gate(d, gate);
    if (g->is_done)
        return ERR_OK;
    struct err e = connect(l);
    if (!err_is(&e)) {
        e = fit_require(&d->fit, &l->pg, d->set, allowed_of(d, gate));
        if (err_is(&e))
            load_note_stall(l, batch, &e);
    }
    if (!err_is(&e))
        e = load_resume(l, id, &outcome);
    if (!err_is(&e))
        add_outcome(d, &outcome);
    else if (is_ordered(d, gate))
        g->is_done = true;
    return e;
}

static struct err resume_all(struct drain *d, struct loader *l)
{
    struct uuid *ids;
    size_t count;
    TRY(scan_batches(d->spool->processing, &ids, &count));
    for (size_t i = 0; i < count; i++) {
        struct err e = resume(d, l, &ids[i]);
        keep_first(d, &e);
    }
    free(ids);
    return ERR_OK;
}

static struct err list_gates(struct drain *d)
{
    struct scan_rules rules = {.now_us = time_now(), .odd = report_odd, .context = d};
    char **folders = NULL;
    size_t count = 0;
    (void)find_gate(d, SPOOL_DEFAULT_GATE);
    struct err e = scan_gate_folders(d->spool, &rules, &folders, &count);
    for (size_t i = 0; i < count; i++) {
        (void)find_gate(d, folders[i]);
        free(folders[i]);
    }
    free(folders);
    return e;
}

/* What upkeep couldn't do is in the log and the next pass's; the pass went well all the same. */
static struct err maintain(struct drain *d, struct loader *l)
{
    struct maintain m = {.spool = d->spool};
    struct maintain_result done;
    struct err e = maintain_run(&m, d->set, &l->pg, &done);
    maintain_close(&m);
    return e;
}

static struct err drain_spool(struct drain *d, struct drain_loader *loaders, unsigned count)
{
    struct loader *l = &loaders[0].loader;
    TRY(pg_open(&l->pg, &l->target));
    struct stream_set shipped = manifest_shipped_streams(d->set);
    TRY(migrate_require(&l->pg, &shipped, d->config->knowledge.is_on));
    TRY(kb_context_refresh(&d->kb, &l->pg));
    TRY(courier_start(&d->courier, d->config, d->current, NULL, NULL));
    if (d->config->knowledge.is_on && d->config->knowledge.is_embed)
        TRY(embed_start(&d->embed, d->config, d->current, NULL, NULL));
    TRY(fit_ask(&d->fit, &l->pg, d->set));
    struct err e = resume_all(d, l);
    keep_first(d, &e);
    e = list_gates(d);
    keep_first(d, &e);
    summaries_start(&d->summaries, &l->target);
    run_loaders(d, loaders, count);
    summaries_stop(&d->summaries, true);
    if (err_is(&d->first) && d->first.cls != ERR_CONFIG) /* a gate that stays shut is no reason */
        return d->first;
    TRY(connect(l));
    e = maintain(d, l);
    return err_is(&d->first) ? d->first : e;
}

static void tell_embedded(struct drain *d, const struct embed_result *made)
{
    d->result->embedded = made->embedded;
    d->result->unembedded = made->failed;
    d->result->documents = made->documents;
    if (d->watch)
        d->watch->settled(d->watch->context, d->result);
}

/* What the pass brought is embedded before it ends, as far as somebody can. */
static void finish_embedding(struct drain *d)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    struct embed_result made = {0};
    embed_end(d->embed, EMBED_FINISH);
    while (d->watch && !embed_is_over(d->embed)) { /* somebody looks on */
        embed_count(d->embed, &made);
        tell_embedded(d, &made);
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    embed_stop(d->embed, EMBED_FINISH, &made);
    tell_embedded(d, &made);
    keep_first(d, &made.failure);
}

static struct err drain_locked(struct drain *d)
{
    unsigned count = d->loaders;
    struct drain_loader *loaders = mem_calloc(count, sizeof *loaders);
    for (unsigned i = 0; i < count; i++) {
        loaders[i].drain = d;
        loader_init(&loaders[i].loader, d->config, d->current, &d->kb, d->spool, NULL);
        loaders[i].loader.check_table = fit_check_table;
        loaders[i].loader.check_context = &d->fit;
    }
    struct err e = drain_spool(d, loaders, count);
    finish_embedding(d); /* its events, too, are delivered */
    if (!err_is(&e))
        e = d->first;
    struct courier_result sent = {0};
    courier_stop(d->courier, COURIER_FINISH, &sent); /* the events of a pass that failed, too */
    d->result->delivered = sent.delivered;
    d->result->undelivered = sent.failed;
    for (unsigned i = 0; i < count; i++)
        loader_close(&loaders[i].loader);
    free(loaders);
    return e;
}

struct err drain_run(const struct config *config, struct manifest_current *current, bool force,
                     const struct drain_watch *watch, struct drain_result *result)
{
    struct spool spool;
    *result = (struct drain_result){0};
    TRY(spool_open(&spool, config->spool, true));
    spool.names = manifest_current_names(current);
    struct drain d = {.config = config,
                      .current = current,
                      .set = manifest_current_get(current),
                      .spool = &spool,
                      .force = force,
                      .loaders = config_loaders(config),
                      .watch = watch,
                      .result = result,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    fit_open(&d.fit);
    kb_context_open(&d.kb, config);
    struct err e = spool_lock(&spool);
    if (!err_is(&e))
        e = drain_locked(&d);
    fit_close(&d.fit);
    kb_context_close(&d.kb);
    for (size_t i = 0; i < d.gate_count; i++)
        backlog_free(&d.gates[i].backlog);
    free(d.gates);
    oddities_free(&d.oddities);
    manifest_release(d.set);
    spool_close(&spool);
    return e;
}
