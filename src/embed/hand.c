/* SPDX-License-Identifier: MIT */
#include "embed/hand.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/meter.h"
#include "base/pulse.h"
#include "base/time.h"
#include "db/queries.h"
#include "embed/ask.h"
#include "io/newer.h"

/* What nobody tells: chunks that another process gave back, a lease that lapsed, an embedder that
 * is well again. Look this often. */
#define LOOK_US (5 * TIME_US_PER_S)
/* Due, and yet not to be had: another worker has its row in hand just now. */
#define LOOK_AGAIN_US (TIME_US_PER_S / 4)
/* A pause that one who is about to finish waits out, unless there were many. */
#define SHORT_PAUSE_US (5 * TIME_US_PER_S)
enum { PATIENCE = 5 };

static int ending(const struct embed_hand *h)
{
    return atomic_load(&h->house->end);
}

/* ---- what others see ---- */

static void set_database_error(struct embed_hand *h, const struct err *e)
{
    struct embed_house *house = h->house;
    (void)pthread_mutex_lock(&house->lock);
    bool is_news = strcmp(house->database_error, e->text) != 0;
    (void)snprintf(house->database_error, sizeof house->database_error, "%s", e->text);
    house->result.failure = *e;
    (void)pthread_mutex_unlock(&house->lock);
    if (is_news && err_is(e) && ending(h) <= EMBED_FINISH)
        LOG_WARN("chunks wait: the database can't be used", LOG_STR("error", e->text));
    else if (is_news && !err_is(e))
        LOG_INFO("chunks are embedded again");
}

/* "": it can. */
static void set_error(struct embed_hand *h, const char *text)
{
    struct embed_shared *s = h->shared;
    (void)pthread_mutex_lock(&s->lock);
    bool is_news = strcmp(s->error, text) != 0;
    (void)snprintf(s->error, sizeof s->error, "%s", text);
    (void)pthread_mutex_unlock(&s->lock);
    if (is_news && *text)
        LOG_WARN("chunks wait for an embedder", LOG_STR("embedder", s->name),
                 LOG_STR("error", text));
    else if (is_news)
        LOG_INFO("an embedder is well again", LOG_STR("embedder", s->name));
}

static void add_in_flight(struct embed_hand *h, int change)
{
    (void)pthread_mutex_lock(&h->shared->lock);
    h->shared->in_flight += (unsigned)change;
    (void)pthread_mutex_unlock(&h->shared->lock);
}

/* ---- manifests ---- */

/* False: this hand has nothing to do any more. */
static bool follow_manifests(struct embed_hand *h)
{
    struct manifest *set = manifest_current_get(h->house->current);
    if (set == h->set) {
        manifest_release(set);
        return h->declared != NULL;
    }
    const struct manifest_embedder *declared = manifest_embedder(set, h->shared->name);
    manifest_release(h->set);
    h->set = set;
    h->declared = declared && h->index < declared->concurrency ? declared : NULL;
    if (!h->declared)
        return false;
    embedder_close(&h->embedder);
    embedder_open(&h->embedder, declared, &h->house->stop);
    h->most = h->most_now = declared->batch_count;
    (void)pthread_mutex_lock(&h->shared->lock);
    embed_limits_set(&h->shared->limits, declared->requests_per_minute,
                     declared->tokens_per_minute);
    (void)snprintf(h->shared->model, sizeof h->shared->model, "%s", declared->model);
    (void)pthread_mutex_unlock(&h->shared->lock);
    return true;
}

/* ---- the database ---- */

static struct err connect(struct embed_hand *h)
{
    struct pg_target target = {h->house->config->database, h->house->config->schema};
    if (pg_is_open(&h->pg))
        return ERR_OK;
    TRY(pg_open(&h->pg, &target));
    TRY(kb_shape_read(&h->pg, &h->shape));
    TRY(pg_exec(&h->pg, sql_embed_listen));
    return pg_query(&h->pg, sql_embed_known, PG_PARAMS(h->shared->name), NULL);
}

struct look {
    bool is_stopped;
    int64_t pause_us;
    unsigned failures;
    int64_t due_us; /* INT64_MAX: nothing waits */
    char model[KB_MODEL];
    uint64_t dimensions;
};

static struct err look(struct embed_hand *h, struct look *look)
{
    PGresult *rows;
    TRY(pg_query_prepared(&h->pg, sql_embed_look, PG_PARAMS(h->shared->name), &rows));
    if (PQntuples(rows) != 1) {
        PQclear(rows);
        return err_make(ERR_DATABASE, "pmoves_kb.embedding or pmoves_kb.embedder has lost its row; "
                                      "run `spoolgate migrate`");
    }
    *look = (struct look){
        .is_stopped = *PQgetvalue(rows, 0, 0) == 't',
        .pause_us = strtoll(PQgetvalue(rows, 0, 1), NULL, 10),
        .failures = (unsigned)strtoul(PQgetvalue(rows, 0, 2), NULL, 10),
        .dimensions = strtoull(PQgetvalue(rows, 0, 4), NULL, 10),
        .due_us = PQgetisnull(rows, 0, 5) ? INT64_MAX : strtoll(PQgetvalue(rows, 0, 5), NULL, 10),
    };
    (void)snprintf(look->model, sizeof look->model, "%s", PQgetvalue(rows, 0, 3));
    PQclear(rows);
    return ERR_OK;
}

/* False: its vectors aren't this database's. */
static bool fits(struct embed_hand *h, const struct look *look)
{
    char problem[EMBEDDER_PROBLEM];
    if (embedder_fits(h->declared, look->model, look->dimensions, problem))
        return true;
    set_error(h, problem);
    return false;
}

static struct err adopt_model(struct embed_hand *h)
{
    char dimensions[24];
    (void)snprintf(dimensions, sizeof dimensions, "%" PRIu64, h->declared->dimensions);
    return pg_query(&h->pg, sql_embed_model, PG_PARAMS(h->declared->model, dimensions), NULL);
}

/* ---- a claim ---- */

static int64_t limit_wait(struct embed_hand *h)
{
    (void)pthread_mutex_lock(&h->shared->lock);
    int64_t wait_us = embed_limits_wait(&h->shared->limits, time_monotonic());
    (void)pthread_mutex_unlock(&h->shared->lock);
    return wait_us;
}

/* Takes the turn, where it has come. */
static int64_t take_turn(struct embed_hand *h, uint64_t tokens)
{
    struct embed_shared *s = h->shared;
    int64_t now_us = time_monotonic();
    (void)pthread_mutex_lock(&s->lock);
    int64_t wait_us = embed_limits_wait(&s->limits, now_us);
    if (wait_us == 0)
        embed_limits_spend(&s->limits, now_us, tokens);
    (void)pthread_mutex_unlock(&s->lock);
    return wait_us;
}

static void sleep_us(struct embed_hand *h, int64_t us)
{
    struct pollfd fd = {.fd = h->wake, .events = POLLIN};
    eventfd_t calls;
    pulse_wait();
    (void)poll(&fd, 1, (int)((us + TIME_US_PER_MS - 1) / TIME_US_PER_MS));
    pulse_go_on();
    (void)eventfd_read(h->wake, &calls);
}

/* While it waits for its turn, its chunks stay its own. */
static bool may_ask(void *hand, uint64_t tokens)
{
    struct embed_hand *h = hand;
    for (;;) {
        if (ending(h) >= EMBED_SOON || atomic_load(&h->house->stop))
            return false;
        h->failure = embed_claim_renew(&h->claim, &h->pg);
        if (err_is(&h->failure))
            return false;
        int64_t wait_us = take_turn(h, tokens);
        if (wait_us == 0)
            return true;
        sleep_us(h, wait_us < LOOK_US ? wait_us : LOOK_US);
    }
}

static struct embed_report report_of(const struct embed_hand *h, const struct embed_ask *ask)
{
    bool is_news = ask->how != EMBED_DONE && *ask->said.error && !atomic_load(&h->house->stop);
    struct embed_report report = {.declared = h->declared,
                                  .shape = &h->shape,
                                  .requests = ask->requests,
                                  .error = is_news ? ask->said.error : NULL};
    if (ask->how == EMBED_STOPPED)
        report.health = EMBED_HALTED;
    else if (ask->how == EMBED_LATER && is_news)
        report.health = EMBED_FAILING;
    else if (ask->how == EMBED_DONE)
        report.health = EMBED_WELL;
    report.pause_us = ask->said.retry_after_us;
    return report;
}

/* Vectors have cost time, and perhaps money: as long as the claim holds, the database may come
 * back. */
static struct err settle(struct embed_hand *h, const struct embed_report *report)
{
    struct embed_settled settled;
    struct err e = ERR_OK;
    for (unsigned tries = 1;; tries++) {
        e = connect(h);
        if (!err_is(&e))
            e = embed_claim_settle(&h->claim, &h->pg, report, &settled);
        if (!err_is(&e))
            break;
        pg_close(&h->pg);
        if (!embed_claim_holds(&h->claim) || ending(h) >= EMBED_SOON)
            return e;
        set_database_error(h, &e);
        sleep_us(h, backoff_us(tries, (uint32_t)time_monotonic()));
    }
    (void)pthread_mutex_lock(&h->house->lock);
    h->house->result.embedded += settled.embedded;
    h->house->result.failed += settled.failed;
    h->house->result.documents += settled.documents;
    (void)pthread_mutex_unlock(&h->house->lock);
    meter_add(METER_EMBED_TEXTS, METER_LABELS(h->shared->name, "embedded"), settled.embedded);
    meter_add(METER_EMBED_TEXTS, METER_LABELS(h->shared->name, "failed"), settled.failed);
    LOG_DEBUG("chunks embedded", LOG_STR("embedder", h->shared->name),
              LOG_INT("chunks", settled.embedded), LOG_INT("failed", settled.failed),
              LOG_INT("documents", settled.documents));
    return ERR_OK;
}

/* A server that took only parts of a request is asked for no more than that from now on. */
static void learn(struct embed_hand *h, const struct embed_ask *ask)
{
    bool is_told = ask->was_halved && ask->how == EMBED_DONE;
    for (size_t i = 0; i < h->claim.count && is_told; i++)
        is_told = h->claim.pieces[i].fate == PIECE_DONE; /* else it was that text's fault */
    if (is_told)
        h->most = ask->largest;
}

/* A server that fails may be overburdened: half as many are claimed, until something goes well. */
static void adapt(struct embed_hand *h, enum embed_health health)
{
    if (health == EMBED_FAILING)
        h->most_now = h->claim.count > 1 ? h->claim.count / 2 : 1;
    else if (health == EMBED_WELL && h->most_now < h->most)
        h->most_now *= 2;
}

static struct err work(struct embed_hand *h)
{
    struct embed_ask ask = {.claim = &h->claim,
                            .embedder = &h->embedder,
                            .may_ask = may_ask,
                            .context = h,
                            .suspects = h->suspects};
    h->failure = ERR_OK;
    add_in_flight(h, 1);
    embed_ask_all(&ask);
    learn(h, &ask);
    struct embed_report report = report_of(h, &ask);
    adapt(h, report.health);
    if (err_is(&h->failure))
        pg_close(&h->pg);
    struct err e = settle(h, &report);
    add_in_flight(h, -1);
    if (!err_is(&e) && report.health >= EMBED_FAILING)
        set_error(h, report.error ? report.error : "");
    else if (!err_is(&e) && report.health == EMBED_WELL)
        set_error(h, "");
    return e;
}

/* ---- one turn ---- */

/* Is there something that this hand may do now? If not, *wait_us says when to look again, and
 * *is_idle that nothing will come of it before long. */
static bool is_ready(struct embed_hand *h, const struct look *look, int64_t *wait_us, bool *is_idle)
{
    *wait_us = LOOK_US;
    *is_idle = true;
    if (look->due_us > 0) {
        *wait_us = look->due_us;
        return false;
    }
    if (!fits(h, look) || look->is_stopped)
        return false;
    *is_idle = look->pause_us > SHORT_PAUSE_US || look->failures >= PATIENCE;
    *wait_us = look->pause_us > 0 ? look->pause_us : limit_wait(h);
    return *wait_us == 0;
}

static struct err use_database(struct embed_hand *h, int64_t *wait_us, bool *is_idle)
{
    struct look now = {0};
    bool heard; /* what was said until now is what we look at */
    TRY(connect(h));
    TRY(pg_heard(&h->pg, &heard));
    TRY(newer_check_both(&h->pg));
    TRY(look(h, &now));
    if (!is_ready(h, &now, wait_us, is_idle)) {
        *wait_us = *wait_us < LOOK_US ? *wait_us : LOOK_US;
        return ERR_OK;
    }
    if (!*now.model)
        TRY(adopt_model(h));
    h->suspects = now.failures > 0 || h->most_now < h->most;
    struct err e = embed_claim_take(&h->claim, &h->pg, h->declared,
                                    h->most_now < h->most ? h->most_now : h->most);
    *is_idle = false;
    *wait_us = h->claim.count > 0 ? 0 : LOOK_AGAIN_US;
    if (!err_is(&e) && h->claim.count > 0)
        e = work(h);
    embed_claim_free(&h->claim);
    return e;
}

bool embed_hand_turn(struct embed_hand *h, int64_t *wait_us)
{
    bool is_idle = false;
    int64_t left = h->retry_us - time_monotonic();
    if (!follow_manifests(h) || ending(h) >= EMBED_SOON)
        return false;
    if (!pg_is_open(&h->pg) && left > 0) {
        *wait_us = left;
        return true;
    }
    struct err e = use_database(h, wait_us, &is_idle);
    if (err_is(&e)) {
        pg_close(&h->pg);
        h->failures++;
        *wait_us = backoff_us(h->failures, (uint32_t)time_monotonic());
        h->retry_us = time_monotonic() + *wait_us;
        is_idle = true;
    } else {
        h->failures = 0;
    }
    set_database_error(h, &e);
    return ending(h) == EMBED_NOT_ENDING || (ending(h) == EMBED_FINISH && !is_idle);
}

void embed_hand_wait(struct embed_hand *h, int64_t wait_us)
{
    eventfd_t calls;
    bool is_news = wait_us <= 0;
    if (pg_is_open(&h->pg) && !is_news) {
        struct err e = pg_heard(&h->pg, &is_news);
        is_news = is_news || err_is(&e); /* the next turn meets it again */
    }
    struct pollfd fds[] = {{.fd = h->wake, .events = POLLIN},
                           {.fd = pg_is_open(&h->pg) ? pg_socket(&h->pg) : -1, .events = POLLIN}};
    int wait_ms = (int)((wait_us + TIME_US_PER_MS - 1) / TIME_US_PER_MS);
    pulse_wait();
    (void)poll(fds, 2, is_news ? 0 : wait_ms);
    pulse_go_on();
    (void)eventfd_read(h->wake, &calls);
}

void embed_hand_open(struct embed_hand *h, struct embed_house *house, struct embed_shared *shared,
                     uint64_t index, int wake)
{
    *h = (struct embed_hand){.house = house, .shared = shared, .index = index, .wake = wake};
    pg_init(&h->pg);
    h->pg.who = "embed";
}

void embed_hand_close(struct embed_hand *h)
{
    pg_close(&h->pg);
    embedder_close(&h->embedder);
    manifest_release(h->set);
    h->set = NULL;
}
