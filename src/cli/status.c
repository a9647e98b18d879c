/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/knowledge.h"
#include "cli/show.h"
#include "cli/sinks.h"
#include "daemon/backlog.h"
#include "daemon/control.h"
#include "schema/fit.h"
#include "status/facts.h"
#include "status/live.h"

enum { REV_SHOWN = 12 };

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
        gates, json_pack("{s:s, s:I, s:b, s:I, s:I, s:s?, s:b, s:n}", "gate", gate, "waiting",
                         (json_int_t)b.count, "more", false, "bytes", (json_int_t)b.bytes,
                         "unsettled", (json_int_t)found.unsettled, "oldest_at",
                         b.count > 0 ? time_format(b.oldest_us, oldest) : NULL, "held",
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

/* What the database knows, and whether it can be asked at all. */
static void ask_database(const struct config *config, const struct spool *spool,
                         const struct manifest *set, json_t *status)
{
    struct pg pg;
    const unsigned parts = FACTS_RECENT | FACTS_SINKS | FACTS_KNOWLEDGE;
    const struct facts_question question = {
        .spool_id = spool->id, .parts = config->knowledge.is_on ? parts : parts & ~FACTS_KNOWLEDGE};
    json_t *facts = facts_none(parts);
    char *target = pg_describe(config->database);
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e) && set && json_is_null(json_object_get(status, "daemon")))
        e = find_misfits(&pg, set, status);
    if (!err_is(&e))
        e = facts_ask(&pg, set, &question, facts);
    pg_close(&pg);
    (void)json_object_update(status, facts);
    json_decref(facts);
    (void)json_object_set_new(
        status, "database",
        json_pack("{s:s, s:s?}", "target", target, "error", err_is(&e) ? e.text : NULL));
    free(target);
}

static void print_head(const json_t *status)
{
    const json_t *daemon = json_object_get(status, "daemon");
    const json_t *database = json_object_get(status, "database");
    char age[STR_HUMAN];
    (void)printf("spool     %s\n", show_str(status, "spool"));
    if (json_is_object(daemon))
        (void)printf("daemon    running, pid %" PRId64 ", for %s%s\n", show_int(daemon, "pid"),
                     show_age(daemon, "started_at", time_now(), age),
                     json_is_true(json_object_get(daemon, "stopping")) ? ", stopping" : "");
    else
        (void)puts("daemon    not running: this is read from the spool and the database");
    if (*show_str(database, "error"))
        (void)printf("database  UNAVAILABLE: %s\n", show_str(database, "error"));
    else
        (void)printf("database  %s\n", show_str(database, "target"));
    const json_t *courier = json_object_get(daemon, "courier");
    if (!*show_str(database, "error") && *show_str(courier, "database_error"))
        (void)printf("events    NOT DELIVERED: %s\n", show_str(courier, "database_error"));
}

/* As much of a commit or hash as people tell apart. */
static const char *short_rev(const char *rev, char text[REV_SHOWN + 32])
{
    size_t prefix = strncmp(rev, "sha256:", 7) == 0 ? 7 : 0;
    const char *rest = strchr(rev, '+');
    (void)snprintf(text, REV_SHOWN + 32, "%.*s%.10s", (int)(prefix + REV_SHOWN), rev,
                   rest ? rest : "");
    return text;
}

static void print_manifests(const json_t *status)
{
    const json_t *m = json_object_get(status, "manifests");
    char rev[REV_SHOWN + 32];
    char age[STR_HUMAN];
    if (*show_str(m, "error"))
        (void)printf("manifests UNUSABLE: %s\n", show_str(m, "error"));
    if (!json_is_object(m) || !*show_str(m, "source"))
        return;
    (void)printf("manifests %s%s%s", show_str(m, "source"), *show_str(m, "rev") ? ", " : "",
                 short_rev(show_str(m, "rev"), rev));
    if (json_is_object(json_object_get(status, "daemon")))
        (void)printf(", read %s ago", show_age(m, "loaded_at", time_now(), age));
    (void)putchar('\n');
    if (*show_str(m, "refused"))
        (void)printf("          NOT RELOADED since: %s\n", show_str(m, "refused"));
}

static void print_gates(const json_t *status)
{
    size_t i;
    json_t *g;
    (void)printf("\n%-16s %10s %10s %12s  %s\n", "GATE", "WAITING", "BYTES", "OLDEST", "STATE");
    json_array_foreach(json_object_get(status, "gates"), i, g)
    {
        char waiting[STR_HUMAN];
        char bytes[STR_HUMAN];
        char age[STR_HUMAN];
        const char *stalled = show_str(g, "stalled_reason");
        (void)printf("%-16s %9s%s %10s %12s  %s%s", show_str(g, "gate"),
                     show_count(g, "waiting", waiting),
                     json_is_true(json_object_get(g, "more")) ? "+" : " ",
                     str_size((uint64_t)show_int(g, "bytes"), bytes),
                     show_age(g, "oldest_at", time_now(), age),
                     json_is_true(json_object_get(g, "held")) ? "held by hand"
                     : *stalled                               ? "STALLED: "
                                                              : "open for segments",
                     json_is_true(json_object_get(g, "held")) ? "" : stalled);
        if (show_int(g, "unsettled") > 0)
            (void)printf(" (+%" PRId64 " being written)", show_int(g, "unsettled"));
        (void)putchar('\n');
    }
}

static void print_loading(const json_t *status)
{
    size_t i;
    json_t *l;
    const json_t *loading = json_object_get(status, "loading");
    if (json_array_size(loading) > 0)
        (void)puts("\nIN PROCESSING");
    json_array_foreach(loading, i, l)
    {
        char age[STR_HUMAN];
        (void)printf("%s  %s", show_str(l, "batch_id"), show_str(l, "state"));
        if (*show_str(l, "since"))
            (void)printf(" for %s", show_age(l, "since", time_now(), age));
        if (*show_str(l, "error"))
            (void)printf(": %s", show_str(l, "error"));
        (void)putchar('\n');
    }
}

static void print_sinks(const json_t *status)
{
    int64_t dead = show_int(status, "dead_letters");
    char n[STR_HUMAN];
    (void)sinks_print(json_object_get(status, "sinks"), SINKS_NOTEWORTHY);
    if (dead > 0)
        (void)printf("\n%s dead letter%s: see `spoolgate dlq list`\n", str_count((uint64_t)dead, n),
                     dead == 1 ? "" : "s");
}

static void print_recent(const json_t *status)
{
    size_t i;
    json_t *m;
    const json_t *recent = json_object_get(status, "recent");
    if (json_array_size(recent) == 0)
        return;
    (void)printf("\n%-36s %-7s %10s %8s %7s  %s\n", "LAST BATCHES", "STATUS", "ROWS", "REJECTED",
                 "FAILED", "OPENED");
    json_array_foreach(recent, i, m)
    {
        char rows[STR_HUMAN];
        char rejected[STR_HUMAN];
        char failed[STR_HUMAN];
        char age[STR_HUMAN];
        (void)printf(
            "%-36s %-7s %10s %8s %7s  %s ago\n", show_str(m, "batch_tag"), show_str(m, "status"),
            show_count(m, "rows_loaded", rows), show_count(m, "frames_rejected", rejected),
            show_count(m, "segments_failed", failed), show_age(m, "opened_at", time_now(), age));
    }
}

static struct err collect(const struct config *config, json_t *status)
{
    struct spool spool;
    struct manifest_current current;
    struct manifest *set = NULL;
    bool running = false;
    TRY(spool_open(&spool, config->spool, false));
    /* With manifests that can't be read, folders show under their own names. */
    struct err named = cli_manifests(config, &current);
    if (!err_is(&named)) {
        struct buf manifests = {0};
        spool.names = manifest_current_names(&current);
        set = manifest_current_get(&current);
        manifest_current_status(&current, &manifests);
        (void)json_object_set_new(status, "manifests", json_loads(buf_cstr(&manifests), 0, NULL));
        buf_free(&manifests);
    } else {
        (void)json_object_set_new(status, "manifests", json_pack("{s:s}", "error", named.text));
    }
    (void)json_object_set_new(status, "spool", json_string(spool.path));
    (void)json_object_set_new(status, "spool_id", json_string(spool.id));
    struct err e = ask_daemon(&spool, status, &running);
    if (!err_is(&e) && !running)
        e = scan_spool(&spool, status);
    if (!err_is(&e))
        ask_database(config, &spool, set, status);
    manifest_release(set);
    spool_close(&spool);
    manifest_current_close(&current);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool json = false;
    const struct cli_option options[] = {CLI_COMMON(common), CLI_JSON(json), {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_status, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_status, "no arguments are taken");
    json_t *status = json_object();
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = collect(&config, status);
    if (!err_is(&e) && json) {
        show_json(status);
    } else if (!err_is(&e)) {
        print_head(status);
        print_manifests(status);
        print_gates(status);
        print_loading(status);
        knowledge_print(json_object_get(status, "knowledge"));
        print_sinks(status);
        print_recent(status);
    }
    json_decref(status);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_status = {
    .name = "status",
    .arguments = "",
    .summary = "gates, backlog, batches, documents, sinks and what is wrong, on one screen",
    .details = "Asks the daemon through SPOOL/.control; where none runs, reads the spool itself "
               "and says so.\n"
               "The last batches, the sinks that aren't well or have something waiting, the "
               "number of dead\n"
               "letters, and the documents and chunks of the knowledge base come from the "
               "database, if it answers.\n\n"
               "  spoolgate status --json | jq '.gates[] | select(.stalled_reason)'\n",
    .run = run,
};
