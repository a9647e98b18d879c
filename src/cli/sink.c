/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/sample.h"
#include "cli/show.h"
#include "cli/sinks.h"
#include "db/queries.h"
#include "manifest/shape.h"
#include "outbox/queue.h"
#include "status/facts.h"
#include "status/rows.h"

struct request {
    const char *sink, *event, *event_id, *since, *until, *limit;
    bool json;
    char since_time[TIME_TEXT], until_time[TIME_TEXT];
    enum event_type type; /* EVENT_COUNT where --event isn't given */
    int code;             /* the command's, where it is no failure's */
};

/* ---- the sink that is meant ---- */

static const char *nearest_name(const struct manifest *set, const char *name)
{
    const char *best = NULL;
    unsigned distance = SHAPE_FAR;
    for (size_t i = 0; i < set->sink_count; i++)
        if (shape_nearer(name, set->sinks[i].name, &distance))
            best = set->sinks[i].name;
    return best;
}

/* NULL: none, and *e says so. */
static const struct manifest_sink *find_sink(const struct manifest *set, const char *name,
                                             struct err *e)
{
    const struct manifest_sink *sink = set ? manifest_sink(set, name) : NULL;
    const char *nearest = set && !sink ? nearest_name(set, name) : NULL;
    if (!set)
        *e = err_make(ERR_CONFIG,
                      "the manifests can't be read, and the database knows no sink `%s`", name);
    else if (nearest)
        *e = err_make(ERR_USAGE, "no manifest declares a sink `%s`; did you mean `%s`?", name,
                      nearest);
    else if (!sink)
        *e = err_make(ERR_USAGE, "no manifest declares a sink `%s`; see `spoolgate sink list`",
                      name);
    return sink;
}

/* ---- list ---- */

static struct err list(struct pg *pg, const struct manifest *set, struct request *r)
{
    json_t *sinks;
    struct buf text = {0};
    TRY(facts_sinks(pg, set, &sinks));
    if (r->json)
        show_json(sinks);
    else if (sinks_put(&text, sinks, SINKS_ALL) == 0)
        (void)puts("No sinks: a file in sinks/ of the manifests declares one.");
    (void)fputs(buf_cstr(&text), stdout);
    buf_free(&text);
    json_decref(sinks);
    return ERR_OK;
}

/* ---- enable ---- */

static struct err enable(struct pg *pg, const struct manifest *set, struct request *r)
{
    struct err e;
    bool known;
    TRY(queue_enable(pg, r->sink, &known));
    if (!known && !find_sink(set, r->sink, &e))
        return e;
    if (r->json) {
        json_t *o = json_pack("{s:s, s:b}", "sink", r->sink, "known", known);
        show_json(o);
        json_decref(o);
    } else if (known) {
        (void)printf("sink %s is on; what waits for it is due now\n", r->sink);
    } else {
        (void)printf("sink %s is on, as it always was: nothing was ever sent to it\n", r->sink);
    }
    return ERR_OK;
}

/* ---- disable ---- */

static struct err disable(struct pg *pg, const struct manifest *set, struct request *r)
{
    struct err e = ERR_OK;
    bool known;
    const struct manifest_sink *declared = find_sink(set, r->sink, &e);
    TRY(queue_disable(pg, r->sink, declared != NULL, &known));
    if (!known)
        return e;
    if (r->json) {
        json_t *o = json_pack("{s:s, s:b}", "sink", r->sink, "known", known);
        show_json(o);
        json_decref(o);
    } else {
        (void)printf("sink %s is off: its events wait until `spoolgate sink enable %s`\n", r->sink,
                     r->sink);
    }
    return ERR_OK;
}

/* ---- replay ---- */

/* What --since is about: the events that the sink is declared to want. */
static struct err replay_range(struct pg *pg, const struct manifest_sink *sink,
                               const struct request *r, uint64_t *count)
{
    for (enum event_type t = 0; t < EVENT_COUNT; t++) {
        if (!sink->events[t] || (r->type != EVENT_COUNT && r->type != t))
            continue;
        struct queue_filter which = {.event_type = event_names[t],
                                     .since = r->since_time,
                                     .until = r->until ? r->until_time : NULL};
        size_t gates = sink->gate_count > 0 ? sink->gate_count : 1;
        for (size_t g = 0; g < gates; g++) {
            uint64_t queued;
            which.gate = sink->gate_count > 0 ? sink->gates[g] : NULL;
            TRY(queue_replay(pg, sink->name, &which, &queued));
            *count += queued;
        }
    }
    return ERR_OK;
}

static struct err replay_one(struct pg *pg, const struct request *r, uint64_t *count)
{
    TRY(queue_replay(pg, r->sink, &(struct queue_filter){.event_id = r->event_id}, count));
    if (*count == 0)
        return err_make(ERR_USAGE, "the outbox has no event %s, or it waits for sink `%s` already",
                        r->event_id, r->sink);
    return ERR_OK;
}

static struct err replay(struct pg *pg, const struct manifest *set, struct request *r)
{
    struct err e;
    const struct manifest_sink *sink = find_sink(set, r->sink, &e);
    uint64_t count = 0;
    char n[STR_MANY];
    if (!sink)
        return e;
    if (r->type != EVENT_COUNT && !sink->events[r->type])
        return err_make(ERR_USAGE, "sink `%s` doesn't want %s; its manifest's `events` says so",
                        r->sink, r->event);
    TRY(r->event_id ? replay_one(pg, r, &count) : replay_range(pg, sink, r, &count));
    if (r->json)
        (void)printf("{\"queued\":%" PRIu64 "}\n", count);
    else
        (void)printf("%s queued for sink %s\n", str_many(count, "event", n), r->sink);
    return ERR_OK;
}

/* ---- log ---- */

static void print_log(const json_t *rows)
{
    size_t i;
    json_t *a;
    (void)printf("%-20s %-26s %-36s %6s %8s\n", "TIME (UTC)", "EVENT", "EVENT ID", "STATUS",
                 "TOOK");
    json_array_foreach(rows, i, a)
    {
        char when[TIME_TEXT];
        char took[STR_HUMAN];
        char status[STR_HUMAN];
        char error[SHOW_CLIP];
        int64_t us = show_time(a, "attempted_at");
        (void)printf("%-20s %-26s %-36s %6s %8s\n", time_format(us - us % TIME_US_PER_S, when),
                     show_str(a, "event_type"), show_str(a, "event_id"), show_status(a, status),
                     show_took(a, took));
        if (*show_str(a, "error"))
            (void)printf("    %s\n", show_clip(show_str(a, "error"), SHOW_CLIP_MOST, error));
    }
}

static struct err show_log(struct pg *pg, const struct manifest *set, struct request *r)
{
    struct err e = ERR_OK;
    json_t *rows;
    TRY(rows_query(pg, sql_sink_log, PG_PARAMS(r->sink, r->limit), &rows));
    bool is_empty = json_array_size(rows) == 0;
    /* Of a name that nobody knows, rather say so than that it has no attempts. */
    if (is_empty && set)
        (void)find_sink(set, r->sink, &e);
    if (!err_is(&e) && r->json)
        show_json(rows);
    else if (!err_is(&e) && is_empty)
        (void)printf("No attempts at sink %s are on record.\n", r->sink);
    else if (!err_is(&e))
        print_log(rows);
    json_decref(rows);
    return e;
}

/* ---- test ---- */

static struct err test(struct pg *pg, const struct manifest *set, struct request *r)
{
    struct err e;
    const struct manifest_sink *sink = find_sink(set, r->sink, &e);
    enum event_type type = 0;
    (void)pg;
    if (!sink)
        return e;
    while (!sink->events[type])
        type++;
    return sample_send(set, sink, r->type != EVENT_COUNT ? r->type : type, r->json, &r->code);
}

/* ---- the command ---- */

static const struct verb {
    const char *name;
    bool wants_sink, needs_manifests, needs_database;
    struct err (*act)(struct pg *pg, const struct manifest *set, struct request *r);
} verbs[] = {
    {"list", false, false, true, list},    {"test", true, true, false, test},
    {"enable", true, false, true, enable}, {"disable", true, false, true, disable},
    {"replay", true, true, true, replay},  {"log", true, false, true, show_log},
};

static const struct verb *find_verb(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs && argc > 0; i++)
        if (strcmp(verbs[i].name, argv[0]) == 0 && argc == (verbs[i].wants_sink ? 2 : 1))
            return &verbs[i];
    return NULL;
}

/* Where a command can do without manifests, what is wrong with them is told, and no more. */
static struct err act(const struct config *config, const struct verb *verb, struct request *r)
{
    struct manifest_current current;
    struct pg pg;
    pg_init(&pg);
    struct err e = cli_manifests(config, &current);
    struct manifest *set = err_is(&e) ? NULL : manifest_current_get(&current);
    if (!verb->needs_manifests)
        e = ERR_OK;
    if (!err_is(&e) && verb->needs_database)
        e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = verb->act(&pg, set, r);
    pg_close(&pg);
    manifest_release(set);
    manifest_current_close(&current);
    return e;
}

/* NULL: the options make sense. */
static const char *check(const struct verb *verb, struct request *r)
{
    bool is_replay = verb->act == replay;
    r->type = EVENT_COUNT;
    if (r->event && !event_find(r->event, &r->type))
        return "--event wants gate.open, gate.done, embed.start, kb.ingest.asset.created.v1 or "
               "kb.index.completed.v1";
    if ((r->since && !cli_moment(r->since, r->since_time)) ||
        (r->until && !cli_moment(r->until, r->until_time)))
        return "--since and --until want a time like 2026-11-21T12:00:00Z, or how long ago: 2h";
    if (!cli_is_number(r->limit))
        return "--limit wants a number";
    struct uuid id;
    if (r->event_id && !uuid_parse(r->event_id, &id))
        return "--event-id wants an event's id, as `sink log` and `dlq list --json` have it";
    if (is_replay && !r->event_id == !r->since)
        return "replay wants --event-id ID, or --since TIME";
    if (is_replay && r->event_id && (r->until || r->event))
        return "--until and --event go with --since";
    return NULL;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request r = {.limit = "20"};
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_DATABASE(common),
        CLI_MANIFESTS(common),
        {'e', "event", "TYPE", "test: which event; replay: only this one", &r.event, NULL},
        {0, "event-id", "ID", "replay: this event", &r.event_id, NULL},
        {0, "since", "TIME", "replay: all since then (RFC 3339, or how long ago: 2h)", &r.since,
         NULL},
        {0, "until", "TIME", "replay: ... and before then", &r.until, NULL},
        {'n', "limit", "N", "log: how many; default 20", &r.limit, NULL},
        CLI_JSON(r.json),
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_sink, options, &argc, &argv, &code))
        return code;
    const struct verb *verb = find_verb(argc, argv);
    if (!verb)
        return cli_usage(&cli_sink,
                         "`list`, or test, enable, disable, replay or log and a sink's name, "
                         "is wanted");
    const char *problem = check(verb, &r);
    if (problem)
        return cli_usage(&cli_sink, problem);
    r.sink = argc > 1 ? argv[1] : NULL;
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = act(&config, verb, &r);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(r.code);
}

const struct cli_command cli_sink = {
    .name = "sink",
    .arguments = "list | test|enable|disable|replay|log NAME",
    .summary = "who is told of events: how they are, a test, deliver again",
    .details =
        "list      every sink: state, what waits, dead letters, where it goes (never the whole "
        "URL)\n"
        "test      sends one sample event, with \"test\": true in it, and prints the exchange;\n"
        "          needs no database. Exits 0 on 2xx, 69 without an answer or on 5xx and 429, 76 "
        "on\n"
        "          any other, 78 when nothing could be sent\n"
        "enable    a sink that answered 410 is disabled until then; also ends a pause\n"
        "disable   nothing is sent until `enable`; its events wait, and new ones are queued for "
        "it\n"
        "replay    queues events of the outbox again, with the ids they had: one, or all since a "
        "time\n"
        "          that the sink wants, be they delivered or from before it was declared\n"
        "log       its last attempts\n\n"
        "States: ok; failing: the last attempts failed, or nothing could be sent; paused: not "
        "tried\n"
        "for a while; disabled; and undeclared: no manifest has it any more, what waits for it "
        "waits.\n\n"
        "  spoolgate sink test ops --event gate.done\n"
        "  spoolgate sink replay ops --since 2h\n",
    .run = run,
};
