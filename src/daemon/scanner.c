/* SPDX-License-Identifier: MIT */
#include "daemon/scanner.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/meter.h"
#include "base/pulse.h"
#include "base/time.h"
#include "daemon/maintain.h"
#include "daemon/trail.h"
#include "io/thread.h"

/* While it is too full to claim, room is looked at this often: nobody announces that it is back. */
#define ROOM_AGAIN_US   (5 * TIME_US_PER_S)
#define LIST_GOOD_US    (2 * TIME_US_PER_S) /* of a list that still has a batch in it */
#define FOLDERS_GOOD_US (10 * TIME_US_PER_S)
#define PULSE_LEAST_US  (60 * TIME_US_PER_S)
#define WAIT_MOST_US    (60 * TIME_US_PER_S)
#define BEAT_US         (20 * TIME_US_PER_S)

/* What happens between a listing and this is in no listing: it calls for another scan. */
static void read_events(void *context)
{
    struct scanner *s = context;
    if (watch_drain(&s->watch))
        s->next_us = 0;
}

static bool is_settled(void *context, const char *gate, const char *name)
{
    struct scanner *s = context;
    return watch_is_settled(&s->watch, gate, name);
}

static void report_odd(void *context, const char *where, const char *reason)
{
    struct scanner *s = context;
    oddities_report(&s->oddities, "file", where, reason);
}

static void look_again_at(struct scanner *s, int64_t us)
{
    if (us < s->next_us)
        s->next_us = us;
}

/* ---- gates ---- */

static struct scanned_gate *find_gate(struct scanner *s, const char *gate)
{
    for (size_t i = 0; i < s->gate_count; i++)
        if (strcmp(s->gates[i].name, gate) == 0)
            return &s->gates[i];
    struct scanned_gate *g = MEM_PUSH(s->gates, s->gate_count, s->gate_cap);
    *g = (struct scanned_gate){0};
    (void)snprintf(g->name, sizeof g->name, "%s", gate);
    trail_expect(gate);
    return g;
}

static void forget_gates(struct scanner *s)
{
    for (size_t i = 0; i < s->gate_count; i++)
        backlog_free(&s->gates[i].backlog);
    free(s->gates);
}

static struct gate_policy policy_of(const struct scanner *s, const char *gate)
{
    return manifest_gate_terms(s->set, gate).policy;
}

static struct gate_decision decide(struct scanner *s, const struct scanned_gate *g)
{
    struct gate_backlog waiting = backlog_waiting(&g->backlog);
    struct gate_policy policy = policy_of(s, g->name);
    /* The clock of now, not of the scan's beginning: files arrived while it ran. */
    return gate_decide(&policy, &waiting, time_now(), board_is_forced(s->board, g->name));
}

/* A list that is long enough for another batch is cut again, and not made again, for a while: a
 * million waiting files are looked at about once, whatever the number of batches. A pass over a
 * folder that was too long for one list goes on to its end. */
static bool is_listed(struct scanner *s, const struct scanned_gate *g, int64_t now_us)
{
    bool is_young = now_us >= g->scanned_us && now_us - g->scanned_us < LIST_GOOD_US;
    return decide(s, g).action == GATE_OPEN && (g->backlog.found.more || is_young);
}

/* What has come since the last pass without an event was lost by inotify. Segments that were being
 * written then are new to this list, and no news. */
static void end_pass(struct scanner *s, struct scanned_gate *g)
{
    size_t seen = g->fresh + g->backlog.found.unsettled;
    bool is_first = g->passed_us == 0;
    if (!is_first && !watch_has_announced(&s->watch, g->name) && seen > g->unsettled)
        meter_add(METER_RESCUED, METER_NO_LABELS, seen - g->unsettled);
    watch_listed(&s->watch, g->name);
    g->unsettled = g->backlog.found.unsettled;
    g->passed_us = time_now();
    g->fresh = 0;
}

static struct err list_gate(struct scanner *s, struct scanned_gate *g,
                            const struct scan_rules *rules)
{
    struct gate_policy policy = policy_of(s, g->name);
    struct scan_rules ours = *rules;
    ours.now_us = g->scanned_us = time_now(); /* other gates' lists took their time */
    if (!g->backlog.found.more) {
        g->began_us = rules->now_us;
        TRY(watch_gate(&s->watch, s->spool, g->name));
    }
    TRY(backlog_scan(&g->backlog, s->spool, g->name, &policy, &ours));
    for (size_t i = 0; i < g->backlog.found.count; i++)
        g->fresh += g->backlog.found.files[i].arrived_us > g->passed_us;
    if (!g->backlog.found.more)
        end_pass(s, g);
    return ERR_OK;
}

/* The oldest segments that fit one batch leave the list and become a job. */
static void post_batch(struct scanner *s, struct scanned_gate *g, const char *reason)
{
    struct scan_file *files;
    struct load_weight weight = board_weight(s->board, g->name);
    struct gate_policy policy = policy_of(s, g->name);
    size_t count = backlog_cut(&g->backlog, &policy, s->loaders, &weight, &files);
    board_post_claim(s->board, g->name, reason, files, count);
}

static struct err look_at_gate(struct scanner *s, const char *gate, const struct scan_rules *rules)
{
    struct scanned_gate *g = find_gate(s, gate);
    struct gate_policy policy = policy_of(s, gate);
    bool relist = board_relist(s->board, gate); /* always asked: it is cleared */
    if (policy.is_ordered != g->backlog.is_ordered || (policy.is_ordered && relist))
        backlog_free(&g->backlog);
    bool is_old = is_listed(s, g, rules->now_us);
    g->seen_us = rules->now_us;
    if (!is_old)
        TRY(list_gate(s, g, rules));
    bool held = spool_is_held(s->spool, gate);
    bool forced = board_is_forced(s->board, gate);
    char misfit[FIT_WHY];
    bool fits = fit_of_gate(s->fit, s->set, manifest_gate_terms(s->set, gate).allowed, misfit);
    board_scanned(s->board, gate, &policy, &g->backlog, held, misfit);
    if (!is_old)
        look_again_at(s, g->backlog.found.settles_at_us);
    else if (!g->backlog.found.more && g->backlog.found.unsettled > 0)
        look_again_at(s, g->scanned_us + LIST_GOOD_US);

    struct gate_decision d = decide(s, g);
    if (d.action == GATE_EMPTY && forced && g->backlog.found.unsettled == 0)
        board_unforce(s->board, gate);
    if (d.action == GATE_WAIT)
        look_again_at(s, d.until_us);
    if (d.action != GATE_OPEN && g->backlog.found.more)
        s->next_us = 0; /* the pass isn't over */
    int64_t wait = board_claim_wait(s->board, gate);
    if (wait > 0)
        look_again_at(s, time_now() + wait);
    /* Where it may not be claimed for other reasons, the board wakes us when that changes. */
    bool may_overtake = !(s->is_blind && policy.is_ordered);
    if (d.action == GATE_OPEN && (!held || forced) && fits && may_overtake &&
        board_may_claim(s->board, gate))
        post_batch(s, g, d.reason);
    /* What came since the pass began may be in no list, and its event is used up. */
    if (!g->backlog.found.more && g->began_us != rules->now_us && decide(s, g).action != GATE_OPEN)
        s->next_us = 0;
    return ERR_OK;
}

/* ---- batches that are nobody's ---- */

static struct err resume(struct scanner *s, const struct uuid *id)
{
    char gate[SPOOL_GATE];
    char batch[UUID_TEXT];
    pulse_beat();
    TRY(claim_gate_of(s->spool->processing, uuid_format(id, batch), gate));
    board_post_resume(s->board, id, gate, policy_of(s, gate).is_ordered);
    return ERR_OK;
}

static struct err look_at_processing(struct scanner *s)
{
    size_t known_count;
    size_t count;
    struct uuid *ids;
    /* Known before listed: a job that ends in between is not taken for an orphan. */
    struct uuid *known = board_known(s->board, &known_count);
    struct err e = scan_batches(s->spool->processing, &ids, &count);
    s->is_blind = err_is(&e);
    for (size_t i = 0; i < count; i++) {
        bool has_job = false;
        for (size_t k = 0; k < known_count && !has_job; k++)
            has_job = memcmp(&ids[i], &known[k], sizeof ids[i]) == 0;
        struct err resumed = has_job ? ERR_OK : resume(s, &ids[i]);
        s->is_blind = s->is_blind || err_is(&resumed);
        if (!err_is(&e))
            e = resumed;
    }
    free(known);
    free(ids);
    return e;
}

/* A full spool must not take the database's backlog, or an archive, with it. Told when it changes.
 */
static void look_at_room(struct scanner *s)
{
    char text[128];
    unsigned used = room_used_percent(s->spool);
    enum room room = room_judge(used, s->set->config->room_warn, s->set->config->room_hold);
    (void)snprintf(text, sizeof text, "the spool's file system is %u%% full (room.hold is %u%%)",
                   used, (unsigned)s->set->config->room_hold);
    board_room(s->board, room == ROOM_HOLD ? text : NULL);
    if (room == ROOM_HOLD)
        look_again_at(s, time_now() + ROOM_AGAIN_US);
    if (room > s->room)
        LOG_WARN(room == ROOM_HOLD ? "no room: no batch is claimed" : "room gets short",
                 LOG_INT("used_percent", used));
    else if (room < s->room)
        LOG_INFO("there is room again", LOG_INT("used_percent", used));
    s->room = room;
}

static void post_maintenance(struct scanner *s)
{
    int64_t now = time_monotonic();
    if (s->maintained_us > 0 && now - s->maintained_us < MAINTAIN_EVERY_US)
        return;
    s->maintained_us = now;
    board_post_upkeep(s->board, JOB_MAINTAIN);
}

/* Whether tables fit is a question for a loader: it has the connection. */
static void post_fit(struct scanner *s)
{
    if (fit_is_due(s->fit, s->set))
        board_post_upkeep(s->board, JOB_FIT);
    if (!fit_all(s->fit))
        look_again_at(s, time_now() + FIT_AGAIN_US);
}

static void free_folders(struct scanner *s)
{
    for (size_t i = 0; i < s->folder_count; i++)
        free(s->folders[i]);
    free(s->folders);
    s->folders = NULL;
    s->folder_count = 0;
}

/* incoming/ is also the default gate's folder, and may hold a million files: while batches are cut
 * from a list of it, it isn't read for other gates each time. */
static struct err list_folders(struct scanner *s, const struct scan_rules *rules)
{
    int64_t age = rules->now_us - s->folders_us;
    bool is_young = age >= 0 && age < FOLDERS_GOOD_US;
    if (is_young && find_gate(s, SPOOL_DEFAULT_GATE)->began_us <= s->folders_us)
        return ERR_OK;
    free_folders(s);
    s->folders_us = 0;
    TRY(scan_gate_folders(s->spool, rules, &s->folders, &s->folder_count));
    s->folders_us = rules->now_us;
    return ERR_OK;
}

/* Of gates whose folder is gone. */
static void forget_lists(struct scanner *s, int64_t now_us)
{
    for (size_t i = 0; i < s->gate_count; i++)
        if (s->gates[i].seen_us != now_us)
            backlog_free(&s->gates[i].backlog);
}

/* A file, or a folder, that takes longer to look at is stuck. */
static int64_t pulse_limit_of(int64_t rescan_us)
{
    return 3 * rescan_us > PULSE_LEAST_US ? 3 * rescan_us : PULSE_LEAST_US;
}

static struct err look(struct scanner *s)
{
    struct scan_rules rules = {.now_us = time_now(),
                               .listed = read_events,
                               .is_settled = is_settled,
                               .odd = report_odd,
                               .context = s};
    s->next_us = rules.now_us + s->set->config->rescan_us;
    pulse_limit(pulse_limit_of(s->set->config->rescan_us));
    post_maintenance(s);
    post_fit(s);
    look_at_room(s);
    TRY(watch_root(&s->watch, s->spool));
    TRY(spool_follow_incoming(s->spool));
    /* One batch that can't be read may be any gate's: it keeps back those whose order matters. */
    struct err first = look_at_processing(s);
    TRY(look_at_gate(s, SPOOL_DEFAULT_GATE, &rules));
    TRY(list_folders(s, &rules));
    for (size_t i = 0; i < s->folder_count; i++) {
        struct err e = look_at_gate(s, s->folders[i], &rules);
        if (err_is(&e)) /* gone, perhaps; that is no reason to pass the others over */
            s->folders_us = 0;
        if (!err_is(&first))
            first = e;
    }
    forget_lists(s, rules.now_us);
    return first;
}

/* Until then, or until something comes, but not for long. It isn't said to wait (base/pulse.h), it
 * beats now and then. */
static void poll_until(struct pollfd *fds, nfds_t count, int64_t until_us)
{
    int64_t left = until_us - time_now();
    if (left > WAIT_MOST_US) /* a clock that was set back isn't waited for */
        left = WAIT_MOST_US;
    for (; left > 0; left -= BEAT_US) {
        int64_t some = left > BEAT_US ? BEAT_US : left;
        pulse_beat();
        if (poll(fds, count, (int)(some / TIME_US_PER_MS) + 1) != 0)
            break;
    }
}

/* True when somebody asked for a scan on the board. */
static bool wait_for(struct scanner *s, int64_t until_us, bool for_events)
{
    uint64_t count;
    struct pollfd fds[] = {{.fd = s->board->wake, .events = POLLIN},
                           {.fd = s->watch.fd, .events = POLLIN}};
    poll_until(fds, for_events ? 2 : 1, until_us);
    pulse_beat();
    return read(s->board->wake, &count, sizeof count) == sizeof count;
}

static void scan_once(struct scanner *s, char last_error[sizeof((struct err *)0)->text])
{
    /* What these announced is looked for now, or when a list is used up. */
    (void)watch_drain(&s->watch);
    board_scan_begin(s->board);
    s->set = manifest_current_get(s->current);
    struct err e = look(s);
    manifest_release(s->set);
    s->set = NULL;
    if (err_is(&e)) {
        /* The same failure again is no news. */
        if (strcmp(e.text, last_error) != 0)
            LOG_ERROR("scan failed; trying again", LOG_STR("error", e.text));
        look_again_at(s, time_now() + TIME_US_PER_S);
    }
    (void)strcpy(last_error, e.text);
    board_scan_end(s->board, &e);
    pulse_beat();
}

void *scanner_main(void *scanner)
{
    struct scanner *s = scanner;
    char last_error[sizeof((struct err *)0)->text] = "";
    s->loaders = config_loaders(s->config);
    thread_begin("scanner", PULSE_LEAST_US);
    struct err e = watch_open(&s->watch);
    if (err_is(&e)) /* slower without, but not wrong: the rescan finds everything */
        LOG_WARN("no inotify; relying on rescans", LOG_STR("error", e.text));
    while (!board_is_stopping(s->board)) {
        int64_t start = time_now();
        scan_once(s, last_error);
        /* Under a stream of arrivals, events would keep us scanning all the time. Scanning gets a
         * fifth of this thread's time; with a short backlog that is no wait at all. */
        int64_t pause_until = time_now() + 4 * (time_now() - start);
        if (!wait_for(s, pause_until, false))
            (void)wait_for(s, s->next_us, true);
    }
    watch_close(&s->watch);
    oddities_free(&s->oddities);
    forget_gates(s);
    free_folders(s);
    thread_end();
    return NULL;
}
