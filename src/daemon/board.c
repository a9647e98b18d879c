/* SPDX-License-Identifier: MIT */
#include "daemon/board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "base/meter.h"
#include "base/pulse.h"
#include "base/time.h"
#include "daemon/view.h"

struct err board_open(struct board *b)
{
    pthread_condattr_t attr;
    *b = (struct board){.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .started_us = time_now()};
    if (b->wake < 0)
        return err_system(ERR_SPOOL, errno, "can't create an eventfd");
    for (int stall = VIEW_NOT_STALLED + 1; stall < VIEW_STALL_COUNT; stall++)
        meter_add(METER_STALLS, METER_LABELS(view_stall_names[stall]), 0);
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&b->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)snprintf(b->database_error, sizeof b->database_error, "not connected yet");
    return ERR_OK;
}

static void free_job(struct job *job)
{
    for (size_t i = 0; i < job->count; i++)
        free(job->files[i].name);
    free(job->files);
    free(job);
}

void board_close(struct board *b)
{
    while (b->jobs) {
        struct job *job = b->jobs;
        b->jobs = job->next;
        free_job(job);
    }
    free(b->gates);
    (void)pthread_cond_destroy(&b->changed);
    (void)pthread_mutex_destroy(&b->lock);
    (void)close(b->wake);
}

static void lock(struct board *b)
{
    (void)pthread_mutex_lock(&b->lock);
}

static void unlock(struct board *b)
{
    (void)pthread_mutex_unlock(&b->lock);
}

static void wait_changed(struct board *b, int64_t until_us)
{
    struct timespec ts = {.tv_sec = until_us / TIME_US_PER_S,
                          .tv_nsec = until_us % TIME_US_PER_S * 1000};
    pulse_wait();
    if (until_us == INT64_MAX)
        (void)pthread_cond_wait(&b->changed, &b->lock);
    else
        (void)pthread_cond_timedwait(&b->changed, &b->lock, &ts);
    pulse_go_on();
}

void board_wake_scanner(struct board *b)
{
    uint64_t one = 1;
    if (write(b->wake, &one, sizeof one) != sizeof one)
        return; /* the counter is full: it is awake */
}

/* Under the lock, in one hold with what changed: the scanner looks at what it may claim after it
 * told what waits, so either it sees the change, or we see what waits. */
static void wake_if_waiting(struct board *b)
{
    for (size_t i = 0; i < b->gate_count; i++)
        if (b->gates[i].waiting > 0 || b->gates[i].more) {
            board_wake_scanner(b);
            return;
        }
}

static struct board_gate *find_gate(struct board *b, const char *name)
{
    for (size_t i = 0; i < b->gate_count; i++)
        if (strcmp(b->gates[i].name, name) == 0)
            return &b->gates[i];
    return NULL;
}

static struct board_gate *make_gate(struct board *b, const char *name)
{
    struct board_gate *g = find_gate(b, name);
    if (g)
        return g;
    g = MEM_PUSH(b->gates, b->gate_count, b->gate_cap);
    *g = (struct board_gate){.scan = b->scan};
    (void)snprintf(g->name, sizeof g->name, "%s", name);
    return g;
}

static void add_job(struct board *b, struct job *job)
{
    struct job **end = &b->jobs;
    while (*end)
        end = &(*end)->next;
    *end = job;
    job->due_us = time_now();
    (void)pthread_cond_broadcast(&b->changed);
}

static void remove_job(struct board *b, struct job *job)
{
    struct job **at = &b->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    free_job(job);
}

static bool has_job(const struct board *b, const char *gate)
{
    for (const struct job *job = b->jobs; job; job = job->next)
        if (strcmp(job->gate, gate) == 0)
            return true;
    return false;
}

bool board_is_stopping(struct board *b)
{
    lock(b);
    bool stopping = b->stopping;
    unlock(b);
    return stopping;
}

/* ---- scanner ---- */

void board_scan_begin(struct board *b)
{
    lock(b);
    b->scan++;
    unlock(b);
}

void board_scanned(struct board *b, const char *gate, const struct gate_policy *policy,
                   const struct backlog *backlog, bool held, const char *misfit)
{
    struct gate_backlog waiting = backlog_waiting(backlog);
    lock(b);
    struct board_gate *g = make_gate(b, gate);
    g->waiting = waiting.count;
    g->bytes = waiting.bytes;
    g->more = backlog->found.more;
    g->unsettled = backlog->found.unsettled;
    g->unclaimable = backlog->found.unclaimable;
    g->oldest_us = waiting.count > 0 ? waiting.oldest_us : 0;
    g->held = held;
    g->policy = *policy;
    (void)snprintf(g->misfit, sizeof g->misfit, "%s", misfit);
    g->scan = b->scan;
    unlock(b);
}

void board_scan_end(struct board *b, const struct err *e)
{
    size_t kept = 0;
    lock(b);
    for (size_t i = 0; i < b->gate_count; i++)
        if (err_is(e) || b->gates[i].scan == b->scan || b->gates[i].claiming)
            b->gates[kept++] = b->gates[i];
    b->gate_count = kept;
    (void)snprintf(b->spool_error, sizeof b->spool_error, "%s", e->text);
    b->scanned_us = time_now();
    board_count_stalls(b);
    unlock(b);
}

struct load_weight board_weight(struct board *b, const char *gate)
{
    lock(b);
    const struct board_gate *g = find_gate(b, gate);
    struct load_weight weight = g ? g->weight : (struct load_weight){0};
    unlock(b);
    return weight;
}

/* Second threads take claims alone; what else is queued is for idle loaders. Under the lock. */
static bool has_hand_free(const struct board *b)
{
    unsigned claims = 0;
    unsigned others = 0;
    for (const struct job *job = b->jobs; job; job = job->next)
        if (!job->running && job->failures == 0)
            *(job->kind == JOB_CLAIM ? &claims : &others) += 1;
    unsigned idle = b->idle_loaders > others ? b->idle_loaders - others : 0;
    return idle + b->looking_ahead > claims;
}

bool board_may_claim(struct board *b, const char *gate)
{
    lock(b);
    const struct board_gate *g = find_gate(b, gate);
    bool may = !b->stopping && g && !g->claiming && !*g->misfit && !board_stalled_job(b, gate) &&
               time_monotonic() >= g->claim_not_before_us && !*b->room_error && has_hand_free(b);
    if (may && g->policy.is_ordered)
        may = !g->relist && !has_job(b, gate);
    unlock(b);
    return may;
}

bool board_relist(struct board *b, const char *gate)
{
    lock(b);
    struct board_gate *g = find_gate(b, gate);
    bool relist = g && g->relist;
    if (g)
        g->relist = false;
    unlock(b);
    return relist;
}

int64_t board_claim_wait(struct board *b, const char *gate)
{
    lock(b);
    const struct board_gate *g = find_gate(b, gate);
    int64_t wait = g && g->claim_failures > 0 ? g->claim_not_before_us - time_monotonic() : 0;
    unlock(b);
    return wait > 0 ? wait : 0;
}

void board_room(struct board *b, const char *error)
{
    lock(b);
    (void)snprintf(b->room_error, sizeof b->room_error, "%s", error ? error : "");
    unlock(b);
}

bool board_is_forced(struct board *b, const char *gate)
{
    lock(b);
    const struct board_gate *g = find_gate(b, gate);
    bool forced = g && g->forced;
    unlock(b);
    return forced;
}

void board_unforce(struct board *b, const char *gate)
{
    lock(b);
    struct board_gate *g = find_gate(b, gate);
    if (g)
        g->forced = false;
    unlock(b);
}

void board_post_claim(struct board *b, const char *gate, const char *reason,
                      struct scan_file *files, size_t count)
{
    struct job *job = mem_calloc(1, sizeof *job);
    job->kind = JOB_CLAIM;
    job->id = uuid_new();
    job->files = files;
    job->count = count;
    (void)snprintf(job->gate, sizeof job->gate, "%s", gate);
    (void)snprintf(job->reason, sizeof job->reason, "%s", reason);
    lock(b);
    struct board_gate *g = find_gate(b, gate);
    if (g) {
        g->claiming = true;
        job->is_ordered = g->policy.is_ordered;
        g->forced = false;
        g->waiting = g->waiting > count ? g->waiting - count : 0;
    }
    add_job(b, job);
    unlock(b);
}

struct uuid *board_known(struct board *b, size_t *count)
{
    struct uuid *ids = NULL;
    size_t cap = 0;
    *count = 0;
    lock(b);
    for (const struct job *job = b->jobs; job; job = job->next)
        *MEM_PUSH(ids, *count, cap) = job->id;
    unlock(b);
    return ids;
}

void board_post_resume(struct board *b, const struct uuid *id, const char *gate, bool is_ordered)
{
    struct job *job = mem_calloc(1, sizeof *job);
    job->kind = JOB_RESUME;
    job->id = *id;
    job->is_ordered = is_ordered;
    job->is_found = true;
    (void)snprintf(job->gate, sizeof job->gate, "%s", gate);
    lock(b);
    (void)make_gate(b, gate); /* board_end notes there that the files may be back */
    add_job(b, job);
    unlock(b);
}

void board_post_upkeep(struct board *b, enum job_kind kind)
{
    bool under_way = false;
    lock(b);
    for (const struct job *job = b->jobs; job; job = job->next)
        under_way = under_way || job->kind == kind;
    if (!under_way) {
        struct job *job = mem_calloc(1, sizeof *job);
        job->kind = kind;
        add_job(b, job);
    }
    unlock(b);
}

/* ---- loaders ---- */

void board_loader_started(struct board *b)
{
    lock(b);
    b->loaders++;
    unlock(b);
}

void board_loader_ended(struct board *b)
{
    lock(b);
    b->loaders--;
    unlock(b);
}

/* A reload may have made the gate an ordered one since the job was posted. */
static bool is_in_order(struct board *b, const struct job *job)
{
    const struct board_gate *g = find_gate(b, job->gate);
    return job->is_ordered || (g && g->policy.is_ordered);
}

/* Jobs stand in the order in which they were posted. */
static bool waits_its_turn(struct board *b, const struct job *job)
{
    if (!is_in_order(b, job))
        return false;
    for (const struct job *other = b->jobs; other != job; other = other->next)
        if (strcmp(other->gate, job->gate) == 0)
            return true;
    return false;
}

static struct job *due_job(struct board *b, int64_t now_us, int64_t *next_us)
{
    *next_us = INT64_MAX;
    for (struct job *job = b->jobs; job; job = job->next) {
        if (job->running || waits_its_turn(b, job))
            continue;
        if (job->not_before_us <= now_us)
            return job;
        if (job->not_before_us < *next_us)
            *next_us = job->not_before_us;
    }
    return NULL;
}

struct job *board_take(struct board *b)
{
    struct job *job = NULL;
    int64_t next_us;
    lock(b);
    b->idle_loaders++;
    wake_if_waiting(b);
    while (!b->stopping && !(job = due_job(b, time_monotonic(), &next_us)))
        wait_changed(b, next_us);
    b->idle_loaders--;
    if (b->looking_ahead > 0) /* what is left is theirs, once no loader is idle */
        (void)pthread_cond_broadcast(&b->changed);
    if (b->stopping)
        job = NULL;
    if (job) {
        job->running = true;
        job->since_us = time_now();
    }
    unlock(b);
    return job;
}

static struct job *waiting_claim(struct board *b)
{
    for (struct job *job = b->jobs; job; job = job->next)
        if (!job->running && job->kind == JOB_CLAIM && !waits_its_turn(b, job))
            return job;
    return NULL;
}

struct job *board_take_ahead(struct board *b, const atomic_bool *wanted)
{
    struct job *job = NULL;
    lock(b);
    b->looking_ahead++;
    wake_if_waiting(b);
    while (!b->stopping && atomic_load(wanted) &&
           (b->idle_loaders > 0 || !(job = waiting_claim(b))))
        wait_changed(b, INT64_MAX);
    b->looking_ahead--;
    if (job) {
        job->running = true;
        job->since_us = time_now();
    }
    unlock(b);
    return job;
}

void board_wake_loaders(struct board *b)
{
    lock(b);
    (void)pthread_cond_broadcast(&b->changed);
    unlock(b);
}

void board_weigh(struct board *b, const struct prepared *p)
{
    lock(b);
    struct board_gate *g = find_gate(b, p->claim.gate);
    if (g)
        prepared_weigh(p, &g->weight);
    unlock(b);
}

static void stop_claiming(struct board *b, const char *gate)
{
    struct board_gate *g = find_gate(b, gate);
    if (g)
        g->claiming = false;
}

static uint32_t random32(void)
{
    uint32_t r = 0;
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
        r = (uint32_t)time_monotonic();
    return r;
}

void board_claimed(struct board *b, struct job *job, const struct err *e, bool left_some)
{
    lock(b);
    struct board_gate *g = find_gate(b, job->gate);
    stop_claiming(b, job->gate);
    if (g) {
        g->relist = g->relist || err_is(e) || left_some;
        g->claim_failures = err_is(e) ? g->claim_failures + 1 : 0;
        g->claim_not_before_us =
            err_is(e) ? time_monotonic() + backoff_us(g->claim_failures, random32()) : 0;
        (void)snprintf(g->claim_error, sizeof g->claim_error, "%s", e->text);
    }
    job->kind = JOB_RESUME; /* another try starts from what is on disk */
    board_count_stalls(b);
    if (err_is(e))
        board_wake_scanner(b);
    else
        wake_if_waiting(b);
    unlock(b);
}

void board_end(struct board *b, struct job *job, const struct err *e, bool claim_began)
{
    lock(b);
    struct board_gate *g = find_gate(b, job->gate);
    if (g && (err_is(e) || !claim_began || job->is_found || job->failures > 0))
        g->relist = true;
    if (job->kind == JOB_CLAIM)
        stop_claiming(b, job->gate);
    if (!err_is(e) || !claim_began) {
        bool next_waits = is_in_order(b, job);
        remove_job(b, job);
        if (next_waits)
            (void)pthread_cond_broadcast(&b->changed);
    } else {
        job->running = false;
        job->failures++;
        int64_t wait_us = backoff_us(job->failures, random32());
        job->not_before_us = time_monotonic() + wait_us;
        job->due_us = time_now() + wait_us;
        (void)snprintf(job->stalled, sizeof job->stalled, "%s", e->text);
        (void)pthread_cond_broadcast(&b->changed);
    }
    board_count_stalls(b);
    if (err_is(e) || (g && g->relist)) /* it may have asked just before */
        board_wake_scanner(b);
    else
        wake_if_waiting(b);
    unlock(b);
}

bool board_database(struct board *b, const char *error)
{
    char said[sizeof b->database_error];
    (void)snprintf(said, sizeof said, "%s", error ? error : "");
    lock(b);
    bool is_news = strcmp(said, b->database_error) != 0;
    (void)strcpy(b->database_error, said);
    b->has_database_answer = true;
    board_count_stalls(b);
    unlock(b);
    return is_news;
}

void board_database_wait(struct board *b, int64_t wait_us)
{
    int64_t until = time_monotonic() + wait_us;
    lock(b);
    while (!b->stopping && time_monotonic() < until)
        wait_changed(b, until);
    unlock(b);
}

/* ---- loop ---- */

bool board_force(struct board *b, const char *gate)
{
    lock(b);
    struct board_gate *g = find_gate(b, gate);
    if (g)
        g->forced = true;
    unlock(b);
    board_wake_scanner(b);
    return g != NULL;
}

const char *board_park(struct board *b, const struct uuid *id, const char *why)
{
    const char *problem = "the batch is not in processing/";
    lock(b);
    for (struct job *job = b->jobs; job; job = job->next) {
        if (memcmp(&job->id, id, sizeof *id) != 0)
            continue;
        problem = job->running || job->kind == JOB_CLAIM
                      ? "the batch is being loaded right now; ask again when it is held"
                      : NULL;
        if (!problem) {
            job->kind = JOB_PARK;
            job->not_before_us = 0;
            job->due_us = time_now();
            (void)snprintf(job->reason, sizeof job->reason, "%s", why);
            (void)pthread_cond_broadcast(&b->changed);
        }
    }
    unlock(b);
    return problem;
}

void board_stop(struct board *b, bool give_up)
{
    lock(b);
    b->stopping = true;
    if (give_up)
        atomic_store(&b->give_up, true);
    (void)pthread_cond_broadcast(&b->changed);
    unlock(b);
    board_wake_scanner(b);
}

unsigned board_loaders(struct board *b)
{
    lock(b);
    unsigned n = b->loaders;
    unlock(b);
    return n;
}
