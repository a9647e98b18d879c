/* SPDX-License-Identifier: MIT */
#include "cli/survey.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "daemon/backlog.h"
#include "daemon/control.h"
#include "schema/fit.h"
#include "status/facts.h"
#include "status/live.h"

/* Without a daemon: what waits, as the spool shows it. */
static struct err scan_one(const struct spool *spool, const char *gate, json_t *gates)
{
    struct scan_rules rules = {.now_us = time_now()};
    struct scan_result found;
    char oldest[TIME_TEXT];
    TRY(scan_gate(spool, gate, &rules, &found));
    struct gate_backlog b = {0};
    for (;;) {
        for (size_t i = 0; i < found.count; i++) {
            b.bytes += found.files[i].bytes;
            if (b.count++ == 0 || found.files[i].arrived_us < b.oldest_us)
                b.oldest_us = found.files[i].arrived_us;
        }
        if (!found.more)
            break;
        TRY(scan_continue(spool, gate, &rules, &found));
    }
    (void)json_array_append_new(
        gates,
        json_pack("{s:s, s:I, s:b, s:I, s:I, s:I, s:s?, s:b, s:n}", "gate", gate, "waiting",
                  (json_int_t)b.count, "more", false, "bytes", (json_int_t)b.bytes, "unsettled",
                  (json_int_t)found.unsettled, "unclaimable", (json_int_t)found.unclaimable,
                  "oldest_at", b.count > 0 ? time_format(b.oldest_us, oldest) : NULL, "held",
                  spool_is_held(spool, gate), "stalled_reason"));
    scan_free(&found);
    return ERR_OK;
}

static struct err scan_spool(const struct spool *spool, json_t *status)
{
    struct scan_rules rules = {.now_us = time_now()};
    json_t *gates = json_array();
    json_t *loading = json_array();
    char **folders = NULL;
    size_t count = 0;
    struct uuid *ids = NULL;
    size_t id_count = 0;
    char id[UUID_TEXT];
    struct err e = scan_one(spool, SPOOL_DEFAULT_GATE, gates);
    if (!err_is(&e))
        e = scan_gate_folders(spool, &rules, &folders, &count);
    for (size_t i = 0; i < count; i++) {
        if (!err_is(&e))
            e = scan_one(spool, folders[i], gates);
        free(folders[i]);
    }
    free(folders);
    if (!err_is(&e))
        e = scan_batches(spool->processing, &ids, &id_count);
    for (size_t i = 0; i < id_count; i++)
        (void)json_array_append_new(
            loading,
            json_pack("{s:s, s:s}", "batch_id", uuid_format(&ids[i], id), "state", "left behind"));
    free(ids);
    (void)json_object_set_new(status, "daemon", json_null());
    (void)json_object_set_new(status, "gates", gates);
    (void)json_object_set_new(status, "loading", loading);
    return e;
}

static struct err ask_daemon(const struct spool *spool, json_t *status, bool *running)
{
    struct buf answer = {0};
    TRY(control_ask(spool, "status", &answer, running));
    if (!*running)
        return ERR_OK;
    json_t *daemon = json_loads(buf_cstr(&answer), 0, NULL);
    buf_free(&answer);
    if (!daemon)
        return err_make(ERR_INTERNAL, "the daemon's answer is not JSON");
    live_put(status, daemon);
    return ERR_OK;
}

/* Without a daemon nobody else says why the next one, or a drain, won't open a gate. */
static struct err find_misfits(struct pg *pg, const struct manifest *set, json_t *status)
{
    const struct stream_set *streams = &set->streams;
    for (size_t s = 0; s < streams->count; s++) {
        struct buf why = {0};
        size_t i;
        json_t *g;
        struct err e = plan_check_fit(pg, &streams->streams[s], &why);
        json_array_foreach(json_object_get(status, "gates"), i, g)
        {
            const bool *allowed = manifest_gate_terms(set, show_str(g, "gate")).allowed;
            if (why.len > 0 && (!allowed || allowed[s]))
                (void)json_object_set_new(g, "stalled_reason", json_string(buf_cstr(&why)));
        }
        buf_free(&why);
        if (err_is(&e))
            return e;
    }
    return ERR_OK;
}

/* With `peer`, or a password in a home, the server knows the daemon's user and not whoever types
 * this: no reason to think that it is down. */
static void tell_user(const struct spool *spool, struct err *e)
{
    struct stat st;
    struct passwd entry;
    struct passwd *owner = NULL;
    char names[1024];
    if (fstat(spool->root, &st) != 0 || st.st_uid == geteuid() ||
        getpwuid_r(st.st_uid, &entry, names, sizeof names, &owner) != 0 || !owner)
        return;
    size_t len = strlen(e->text);
    (void)snprintf(e->text + len, sizeof e->text - len,
                   "; you aren't the daemon's user, try: sudo -Hu %s spoolgate status",
                   owner->pw_name);
}

/* What the database knows, and whether it can be asked at all. */
static void ask_database(struct survey *survey, const struct spool *spool,
                         const struct manifest *set, json_t *status)
{
    const struct config *config = survey->config;
    const struct pg_target to = {config->database, config->schema};
    const unsigned parts = FACTS_RECENT | FACTS_SINKS | FACTS_KNOWLEDGE;
    const struct facts_question question = {
        .spool_id = spool->id, .parts = config->knowledge.is_on ? parts : parts & ~FACTS_KNOWLEDGE};
    json_t *facts = facts_none(parts);
    char *target = pg_describe(config->database);
    struct err e = pg_is_open(&survey->pg) ? ERR_OK : pg_open(&survey->pg, &to);
    if (err_is(&e))
        tell_user(spool, &e);
    if (!err_is(&e) && set && json_is_null(json_object_get(status, "daemon")))
        e = find_misfits(&survey->pg, set, status);
    if (!err_is(&e))
        e = facts_ask(&survey->pg, set, &question, facts);
    if (err_is(&e)) /* the next look connects anew */
        pg_close(&survey->pg);
    (void)json_object_update(status, facts);
    json_decref(facts);
    (void)json_object_set_new(
        status, "database",
        json_pack("{s:s, s:s?}", "target", target, "error", err_is(&e) ? e.text : NULL));
    free(target);
}

/* Anew for each survey. With manifests that can't be read, folders show under their own names. */
static struct manifest *read_manifests(struct survey *survey, json_t *status)
{
    struct buf text = {0};
    if (!survey->is_first) {
        struct yaml_diag diag = {0};
        manifest_current_close(&survey->current);
        survey->named = manifest_current_open(&survey->current, survey->config, &diag);
        survey->is_read = !err_is(&survey->named);
        yaml_diag_free(&diag);
    }
    survey->is_first = false;
    if (survey->is_read)
        manifest_current_status(&survey->current, &text);
    (void)json_object_set_new(status, "manifests",
                              survey->is_read ? json_loads(buf_cstr(&text), 0, NULL)
                                              : json_pack("{s:s}", "error", survey->named.text));
    buf_free(&text);
    return survey->is_read ? manifest_current_get(&survey->current) : NULL;
}

void survey_open(struct survey *survey, const struct config *config)
{
    *survey = (struct survey){.config = config, .is_first = true};
    pg_init(&survey->pg);
    survey->named = cli_manifests(config, &survey->current);
    survey->is_read = !err_is(&survey->named);
}

struct err survey_take(struct survey *survey, json_t *status)
{
    struct spool spool;
    bool running = false;
    TRY(spool_open(&spool, survey->config->spool, false));
    struct manifest *set = read_manifests(survey, status);
    if (set)
        spool.names = manifest_current_names(&survey->current);
    (void)json_object_set_new(status, "spool", json_string(spool.path));
    (void)json_object_set_new(status, "spool_id", json_string(spool.id));
    struct err e = ask_daemon(&spool, status, &running);
    if (!err_is(&e) && !running)
        e = scan_spool(&spool, status);
    if (!err_is(&e))
        ask_database(survey, &spool, set, status);
    manifest_release(set);
    spool_close(&spool);
    return e;
}

void survey_close(struct survey *survey)
{
    pg_close(&survey->pg);
    manifest_current_close(&survey->current);
}
