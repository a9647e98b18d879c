/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"
#include "cli/commands.h"
#include "daemon/maintain.h"
#include "schema/migrate.h"

#define LOCK_NOT_AVAILABLE "55P03"

struct done {
    struct maintain_result pass;
    uint64_t ranges; /* summarised */
};

static void print_json(const struct done *d, const struct err *e)
{
    const struct maintain_result *p = &d->pass;
    const struct {
        const char *key;
        uint64_t value;
    } fields[] = {{"partitions_made", p->partitions.made},
                  {"partitions_dropped", p->partitions.dropped},
                  {"partitions_detached", p->partitions.detached},
                  {"partitions_left", p->partitions.left},
                  {"tables_skipped", p->partitions.skipped},
                  {"ranges_summarised", d->ranges},
                  {"batches_pruned", p->files.batches},
                  {"bytes_pruned", p->files.bytes},
                  {"receipts_pruned", p->receipts},
                  {"rejects_pruned", p->rejects},
                  {"events_pruned", p->events.events},
                  {"deliveries_given_up", p->events.given_up}};
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_object(&j);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        jsonw_key(&j, fields[i].key);
        jsonw_int(&j, (int64_t)fields[i].value);
    }
    jsonw_key(&j, "error");
    jsonw_str(&j, err_is(e) ? e->text : NULL);
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

static void print_text(const struct done *d)
{
    const struct maintain_result *p = &d->pass;
    char size[STR_HUMAN];
    char n[4][STR_MANY];
    (void)printf("partitions: %" PRIu64 " made, %" PRIu64 " dropped, %" PRIu64 " detached\n",
                 p->partitions.made, p->partitions.dropped, p->partitions.detached);
    (void)printf("pruned: %s (%s), %s, %s, %s\n", str_many(p->files.batches, "batch", n[0]),
                 str_size(p->files.bytes, size), str_many(p->receipts, "receipt", n[1]),
                 str_many(p->rejects, "reject", n[2]), str_many(p->events.events, "event", n[3]));
    if (p->events.given_up > 0)
        (void)printf("given up: %s; see `spoolgate dlq list`\n",
                     str_many(p->events.given_up, "delivery", n[0]));
    (void)printf("summarised: %s\n", str_many(d->ranges, "range", n[0]));
}

/* The first thing that is left to do, or somebody else's who is doing it now. */
static struct err left_over(const struct upkeep_result *r)
{
    if (err_is(&r->first) || r->skipped == 0)
        return r->first;
    return err_make(ERR_BUSY, "another process is at the partitions of %" PRIu64 " table%s",
                    r->skipped, r->skipped == 1 ? "" : "s");
}

static struct err maintain(const struct spool *spool, const struct manifest *set, struct pg *pg,
                           struct done *d)
{
    struct maintain m = {.spool = spool};
    struct stream_set shipped = manifest_shipped_streams(set);
    TRY(migrate_require(pg, &shipped, false));
    struct err e = maintain_run(&m, set, pg, &d->pass);
    maintain_close(&m);
    if (err_is(&e))
        return e;
    struct err left = left_over(&d->pass.partitions);
    e = maintain_summarize(&set->streams, pg, &d->ranges);
    if (err_is(&left))
        e = left;
    if (strcmp(e.sqlstate, LOCK_NOT_AVAILABLE) == 0)
        e.cls = ERR_BUSY; /* the next run may well have it */
    return e;
}

static struct err open_and_maintain(const struct config *config, struct done *d)
{
    struct cli_site site;
    struct pg pg;
    TRY(cli_open_site(config, false, &site));
    struct manifest *set = manifest_current_get(&site.current);
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = maintain(&site.spool, set, &pg, d);
    pg_close(&pg);
    manifest_release(set);
    cli_close_site(&site);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool json = false;
    const struct cli_option options[] = {CLI_COMMON(common), CLI_JSON(json), {0}};
    int code;
    struct config config;
    struct done done = {0};
    if (cli_parse(&cli_maintain, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_maintain, "no arguments are taken");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e)) {
        e = open_and_maintain(&config, &done);
        if (json)
            print_json(&done, &e);
        else if (!err_is(&e) || e.cls == ERR_BUSY) /* else it never got so far */
            print_text(&done);
    }
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_maintain = {
    .name = "maintain",
    .arguments = "",
    .summary = "partitions ahead and past, pruning, summaries (for timers)",
    .details = "Makes the partitions that streams want ahead of time, lets those go that are past "
               "`keep`, prunes\n"
               "archive/, failed/, receipts, rejects and events as `keep:` in the configuration "
               "says, and summarises\n"
               "what BRIN indexes lack. A daemon does the same by itself once an hour, a drain at "
               "its end; this may\n"
               "run beside them. What is locked stays for the next run (75).\n\n"
               "  spoolgate maintain --json\n",
    .run = run,
};
