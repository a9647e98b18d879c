/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/show.h"
#include "db/queries.h"
#include "outbox/queue.h"
#include "status/rows.h"

enum {
    ERROR_SHOWN = 88,   /* with the dots and the indent, 100 columns */
    ATTEMPT_SHOWN = 80, /* likewise */
    ID_DIGITS = 18
};

struct request {
    const char *sink, *event, *since, *before, *limit;
    bool all, yes, json;
    char since_time[TIME_TEXT], before_time[TIME_TEXT];
};

/* Some letters are of none. */
static const char *sink_of(const json_t *letter)
{
    return *show_str(letter, "sink") ? show_str(letter, "sink") : "-";
}

/* ---- list ---- */

static void print_list(const json_t *rows, const char *limit)
{
    size_t i;
    json_t *d;
    int64_t now = time_now();
    if (json_array_size(rows) == 0) {
        (void)puts("No dead letters.");
        return;
    }
    (void)printf("%6s  %-16s %-26s %15s\n", "ID", "SINK", "EVENT", "SINCE");
    json_array_foreach(rows, i, d)
    {
        char sink[SHOW_CELL];
        char age[STR_HUMAN];
        char error[SHOW_CLIP];
        (void)printf("%6" PRId64 "  %s %-26s %11s ago%s\n", show_int(d, "id"),
                     show_cell(sink_of(d), 16, sink), show_str(d, "event_type"),
                     show_age(d, "created_at", now, age),
                     *show_str(d, "retried_at") ? "  redriven" : "");
        (void)printf("        %s\n", show_clip(show_str(d, "error"), ERROR_SHOWN, error));
    }
    if (json_array_size(rows) == strtoul(limit, NULL, 10))
        (void)printf("The newest %s; --limit N shows more.\n", limit);
}

static struct err list(struct pg *pg, const struct request *r)
{
    json_t *rows;
    TRY(rows_query(
        pg, sql_dlq_list,
        PG_PARAMS(r->sink, r->event, r->since, r->all ? "true" : "false", r->limit, r->before),
        &rows));
    if (r->json)
        show_json(rows);
    else
        print_list(rows, r->limit);
    json_decref(rows);
    return ERR_OK;
}

/* ---- show ---- */

static void print_attempts(const json_t *attempts)
{
    size_t i;
    json_t *a;
    if (json_array_size(attempts) > 0)
        (void)printf("  attempts    %-27s %6s %11s\n", "TIME (UTC)", "STATUS", "TOOK");
    json_array_foreach(attempts, i, a)
    {
        char when[TIME_TEXT];
        char took[STR_HUMAN];
        char status[STR_HUMAN];
        char words[SHOW_CLIP];
        (void)printf("              %-27s %6s %11s\n",
                     time_format(show_time(a, "attempted_at"), when), show_status(a, status),
                     show_took(a, took));
        if (*show_str(a, "error"))
            (void)printf("                %s\n",
                         show_clip(show_str(a, "error"), ATTEMPT_SHOWN, words));
        if (*show_str(a, "answer"))
            (void)printf("                answer: %s\n",
                         show_clip(show_str(a, "answer"), ATTEMPT_SHOWN - 8, words));
    }
}

static void print_letter(const json_t *d)
{
    char age[STR_HUMAN];
    int64_t now = time_now();
    const char *state = show_str(d, "state");
    char *payload = json_dumps(json_object_get(d, "payload"), JSON_INDENT(2) | JSON_ENCODE_ANY);
    (void)printf("dead letter %" PRId64 "\n", show_int(d, "id"));
    (void)printf("  event       %s  %s\n", show_str(d, "event_type"), show_str(d, "event_id"));
    if (*show_str(d, "sink"))
        (void)printf("  sink        %s\n", show_str(d, "sink"));
    (void)printf("  given up    %s ago, %s\n", show_age(d, "created_at", now, age),
                 show_str(d, "created_at"));
    if (*show_str(d, "retried_at"))
        (void)printf("  redriven    %s ago; the delivery is %s\n",
                     show_age(d, "retried_at", now, age), *state ? state : "forgotten");
    (void)fputs("  error\n", stdout);
    show_lines(show_str(d, "error"), strlen(show_str(d, "error")), "    ");
    (void)puts("  payload");
    if (payload)
        show_lines(payload, strlen(payload), "    ");
    free(payload);
    if (*show_str(d, "sink"))
        print_attempts(json_object_get(d, "attempts"));
}

static struct err show_one(struct pg *pg, const char *id, bool json)
{
    json_t *rows;
    struct err e = ERR_OK;
    TRY(rows_query(pg, sql_dlq_show, PG_PARAMS(id), &rows));
    if (json_array_size(rows) == 0)
        e = err_make(ERR_USAGE, "there is no dead letter %s; see `spoolgate dlq list --all`", id);
    else if (json)
        show_json(json_array_get(rows, 0));
    else
        print_letter(json_array_get(rows, 0));
    json_decref(rows);
    return e;
}

/* ---- redrive ---- */

/* Those that are there are redriven, whatever the others are. */
static struct err redrive_ids(struct pg *pg, int count, char **ids, uint64_t *redriven)
{
    struct err missing = ERR_OK;
    for (int i = 0; i < count; i++) {
        uint64_t found;
        TRY(queue_redrive(pg, &(struct queue_filter){.dlq_id = ids[i]}, &found));
        *redriven += found;
        if (found == 0 && !err_is(&missing))
            missing = err_make(
                ERR_USAGE,
                "no dead letter %s of a sink waits to be redriven; see `spoolgate dlq list`",
                ids[i]);
    }
    return missing;
}

static struct err redrive(struct pg *pg, const struct request *r, int count, char **ids)
{
    uint64_t redriven = 0;
    char n[STR_MANY];
    struct err e = count > 0 ? redrive_ids(pg, count, ids, &redriven)
                             : queue_redrive(pg,
                                             &(struct queue_filter){.sink = r->sink,
                                                                    .event_type = r->event,
                                                                    .since = r->since,
                                                                    .until = r->before},
                                             &redriven);
    if (err_is(&e) && redriven == 0)
        return e;
    if (r->json)
        (void)printf("{\"redriven\":%" PRIu64 "}\n", redriven);
    else
        (void)printf("%s queued for delivery again\n", str_many(redriven, "dead letter", n));
    return e;
}

/* ---- drop ---- */

static void print_tally(const json_t *rows, uint64_t total)
{
    size_t i;
    json_t *d;
    int64_t now = time_now();
    char n[STR_MANY];
    (void)printf("%-16s %-26s %9s %15s\n", "SINK", "EVENT", "LETTERS", "OLDEST");
    json_array_foreach(rows, i, d)
    {
        char sink[SHOW_CELL];
        char age[STR_HUMAN];
        (void)printf("%s %-26s %9s %11s ago\n", show_cell(sink_of(d), 16, sink),
                     show_str(d, "event_type"), show_count(d, "letters", n),
                     show_age(d, "oldest", now, age));
    }
    (void)printf("%s would be gone for good. Nothing was dropped: --yes does it.\n",
                 str_many(total, "dead letter", n));
}

static uint64_t total_of(const json_t *tally)
{
    size_t i;
    json_t *d;
    uint64_t total = 0;
    json_array_foreach(tally, i, d) total += (uint64_t)show_int(d, "letters");
    return total;
}

/* What isn't there can't be meant: then nothing is dropped. */
static struct err drop(struct pg *pg, const struct request *r, int count, char **ids)
{
    struct buf list = {0};
    json_t *tally;
    char n[STR_MANY];
    for (int i = 0; i < count; i++)
        buf_printf(&list, "%c%s", i == 0 ? '{' : ',', ids[i]);
    if (count > 0)
        buf_byte(&list, '}');
    struct queue_filter which = {.sink = r->sink,
                                 .event_type = r->event,
                                 .since = r->since,
                                 .until = r->before,
                                 .dlq_ids = count > 0 ? buf_cstr(&list) : NULL};
    struct err e = rows_query(
        pg, sql_dlq_tally,
        PG_PARAMS(which.sink, which.event_type, which.since, which.until, which.dlq_ids), &tally);
    uint64_t total = err_is(&e) ? 0 : total_of(tally);
    if (!err_is(&e) && total < (uint64_t)count)
        e = total == 0
                ? err_make(ERR_USAGE, "no such dead letter waits to be redriven, and nothing "
                                      "was dropped; see `spoolgate dlq list`")
                : err_make(ERR_USAGE,
                           "only %s of these %d dead letters wait to be redriven, and nothing "
                           "was dropped; see `spoolgate dlq list`",
                           str_count(total, n), count);
    else if (!err_is(&e) && r->yes)
        e = queue_drop(pg, &which, &total);
    if (!err_is(&e) && r->json)
        (void)printf("{\"%s\":%" PRIu64 "}\n", r->yes ? "dropped" : "would_drop", total);
    else if (!err_is(&e) && (r->yes || total == 0))
        (void)printf("%s dropped\n", str_many(total, "dead letter", n));
    else if (!err_is(&e))
        print_tally(tally, total);
    json_decref(tally);
    buf_free(&list);
    return e;
}

/* ---- the command ---- */

static bool are_ids(int count, char **ids)
{
    for (int i = 0; i < count; i++) {
        size_t len = strlen(ids[i]);
        if (len == 0 || len > ID_DIGITS || strspn(ids[i], "0123456789") != len)
            return false;
    }
    return true;
}

/* NULL: the command line makes sense. */
static const char *check(struct request *r, int argc, char **argv)
{
    const char *verb = argc > 0 ? argv[0] : "";
    bool is_filtered = r->sink || r->event || r->since || r->before;
    bool is_drop = strcmp(verb, "drop") == 0;
    if (r->since && !cli_moment(r->since, r->since_time))
        return "--since wants a time like 2026-11-21T12:00:00Z, or how long ago: 2h";
    if (r->before && !cli_moment(r->before, r->before_time))
        return "--before wants a time like 2026-11-21T12:00:00Z, or how long ago: 30d";
    r->since = r->since ? r->since_time : NULL;
    r->before = r->before ? r->before_time : NULL;
    if (!cli_is_number(r->limit))
        return "--limit wants a number";
    if (!are_ids(argc - 1, argv + 1))
        return "a dead letter's ID is a number";
    if (r->yes && !is_drop)
        return "--yes is for `drop`";
    if (strcmp(verb, "list") == 0 && argc == 1)
        return NULL;
    if (strcmp(verb, "show") == 0 && argc == 2)
        return NULL;
    if (strcmp(verb, "redrive") != 0 && !is_drop)
        return "`list`, `show ID`, `redrive ID...` or `drop ID...` is wanted";
    if (argc == 1 && !r->all && !is_filtered)
        return "which ones? IDs, --sink, --event, --since or --before; or --all of them";
    if (argc > 1 && (r->all || is_filtered))
        return "either IDs, or --sink, --event, --since, --before and --all";
    return NULL;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request r = {.limit = "20"};
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_DATABASE(common),
        {'s', "sink", "NAME", "only those of this sink", &r.sink, NULL},
        {'e', "event", "TYPE", "only those of this event, as gate.done", &r.event, NULL},
        {0, "since", "TIME", "only those given up since then (RFC 3339, or how long ago: 2h)",
         &r.since, NULL},
        {0, "before", "TIME", "only those given up before then", &r.before, NULL},
        {'a', "all", NULL, "list: redriven ones, too; redrive, drop: without a filter", NULL,
         &r.all},
        {0, "yes", NULL, "drop: do it, rather than tell what would be dropped", NULL, &r.yes},
        {'n', "limit", "N", "list: how many; default 20", &r.limit, NULL},
        CLI_JSON(r.json),
        {0}};
    int code;
    struct config config;
    struct pg pg;
    if (cli_parse(&cli_dlq, options, &argc, &argv, &code))
        return code;
    const char *problem = check(&r, argc, argv);
    if (problem)
        return cli_usage(&cli_dlq, problem);
    pg_init(&pg);
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = cli_connect(&config, &pg);
    if (!err_is(&e) && argv[0][0] == 'l')
        e = list(&pg, &r);
    else if (!err_is(&e) && argv[0][0] == 's')
        e = show_one(&pg, argv[1], r.json);
    else if (!err_is(&e) && argv[0][0] == 'r')
        e = redrive(&pg, &r, argc - 1, argv + 1);
    else if (!err_is(&e))
        e = drop(&pg, &r, argc - 1, argv + 1);
    pg_close(&pg);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_dlq = {
    .name = "dlq",
    .arguments = "list | show ID | redrive|drop ID...|--all",
    .summary = "events that no listener took: list, show, deliver again, forget",
    .details =
        "An event that a sink didn't take at its last attempt becomes a dead letter, and stays one "
        "until\n"
        "it is redriven or dropped.\n\n"
        "list      the newest first; redriven ones are left out without --all\n"
        "show      the payload, the error, and every attempt with its answer\n"
        "redrive   queues them again, with the whole schedule of attempts before them and the "
        "event id\n"
        "          they always had; wants IDs or a filter, or --all\n"
        "drop      forgets them for good; wants the same, and tells what it would drop unless "
        "--yes is\n"
        "          given\n\n"
        "  spoolgate dlq list --sink ops --since 2h\n"
        "  spoolgate dlq redrive 12 15\n"
        "  spoolgate dlq redrive --sink ops\n"
        "  spoolgate dlq drop --sink ops --before 30d --yes\n",
    .run = run,
};
