/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/show.h"
#include "daemon/control.h"
#include "spool/retry.h"

struct request {
    const char *batch, *since;
    bool only_rejects, from_archive;
    int64_t since_us;
};

static struct err retry_batch(const struct config *config, const struct spool *spool,
                              const struct request *r, struct retry_result *result)
{
    struct pg pg;
    json_t *receipt = NULL;
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = find_receipt(&pg, r->batch, &receipt);
    pg_close(&pg);
    if (!err_is(&e) && strcmp(show_str(receipt, "spool_id"), spool->id) != 0)
        e = err_make(ERR_USAGE, "batch %s is another spool's (%s)", show_str(receipt, "batch_id"),
                     show_str(receipt, "spool_id"));
    if (!err_is(&e))
        e = retry_failed(spool, show_str(receipt, "batch_id"), show_str(receipt, "gate"),
                         r->only_rejects, result);
    json_decref(receipt);
    return e;
}

static struct err act(const struct config *config, const struct request *r,
                      struct retry_result *result)
{
    struct cli_site site;
    struct buf answer = {0};
    bool running;
    TRY(cli_open_site(config, false, &site));
    struct err e = r->from_archive ? retry_archived(&site.spool, r->since_us, result)
                                   : retry_batch(config, &site.spool, r, result);
    if (!err_is(&e))
        e = control_ask(&site.spool, "rescan", &answer, &running);
    buf_free(&answer);
    cli_close_site(&site);
    return e;
}

/* A batch of which nothing failed is an error, so nothing at all is what archive/ may have. */
static void print_result(const struct retry_result *r)
{
    char n[3][STR_MANY];
    if (r->segments + r->rejects == 0) {
        (void)printf("nothing in archive/ was claimed since then: incoming/ is as it was\n");
        return;
    }
    (void)printf("%s%s%s%s of %s %s back in incoming/\n",
                 r->segments > 0 ? str_many(r->segments, "segment", n[0]) : "",
                 r->segments > 0 && r->rejects > 0 ? " and " : "",
                 r->rejects > 0 ? str_many(r->rejects, "file", n[1]) : "",
                 r->rejects > 0 ? " of rejects" : "", str_many(r->batches, "batch", n[2]),
                 r->segments + r->rejects == 1 ? "is" : "are");
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request r = {0};
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "only-rejects", NULL, "the rejected frames, not the failed segments", NULL,
         &r.only_rejects},
        {0, "from-archive", NULL, "archived segments instead, after a database restore", NULL,
         &r.from_archive},
        {0, "since", "TIME",
         "with --from-archive: of batches claimed since then (RFC 3339, or how long ago: 2h)",
         &r.since, NULL},
        {0}};
    int code;
    struct config config;
    struct retry_result result = {0};
    if (cli_parse(&cli_retry, options, &argc, &argv, &code))
        return code;
    if (r.from_archive != (r.since != NULL) || argc != (r.from_archive ? 0 : 1))
        return cli_usage(&cli_retry, "`BATCH`, or `--from-archive --since TIME`, is wanted");
    char since[TIME_TEXT];
    if (r.since && (!cli_moment(r.since, since) || !time_parse(since, strlen(since), &r.since_us)))
        return cli_usage(&cli_retry,
                         "--since wants a time like 2026-11-21T12:00:00Z, or how long ago: 2h");
    r.batch = argc == 1 ? argv[0] : NULL;
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = act(&config, &r, &result);
    config_free(&config);
    if (err_is(&e))
        return cli_fail(&e);
    print_result(&result);
    return cli_finish(0);
}

const struct cli_command cli_retry = {
    .name = "retry",
    .arguments = "BATCH | --from-archive --since TIME",
    .summary = "put failed segments and rejects back in incoming/",
    .details =
        "After a fix (of a table, a stream, a producer's file), what a batch left in failed/ is "
        "offered\n"
        "again, as often as it takes: failed segments under their own names, rejected frames as\n"
        "retry-BATCH-rejects.msgpack. After a database was restored to an earlier point, "
        "--from-archive\n"
        "offers archived segments again; the ledger skips those that the database still has.\n\n"
        "  spoolgate retry default-20261121T015701Z-3f9c\n"
        "  spoolgate retry --from-archive --since 2026-11-20T00:00:00Z\n",
    .run = run,
};
