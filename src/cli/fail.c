/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/show.h"
#include "daemon/control.h"
#include "daemon/loader.h"

/* No daemon runs: with its lock, its work is ours to do. A batch whose folder is gone is nobody's,
 * and needs no lock. */
static struct err park_here(const struct config *config, struct cli_site *site,
                            const struct uuid *id, const char *why, bool is_gone)
{
    struct load_outcome outcome;
    struct loader l;
    struct kb_context kb;
    kb_context_open(&kb, config);
    loader_init(&l, config, &site->current, &kb, &site->spool, NULL);
    struct err e = is_gone ? ERR_OK : spool_lock(&site->spool);
    if (!err_is(&e))
        e = pg_open(&l.pg, &l.target);
    if (!err_is(&e))
        e = load_park(&l, id, why, &outcome);
    loader_close(&l);
    kb_context_close(&kb);
    return e;
}

static struct err park(const struct config *config, struct cli_site *site, const json_t *receipt,
                       const char *why, bool *is_gone)
{
    const char *batch = show_str(receipt, "batch_id");
    const char *status = show_str(receipt, "status");
    struct buf request = {0};
    struct buf answer = {0};
    struct uuid id;
    bool running = false;
    if (!uuid_parse(batch, &id))
        return err_make(ERR_INTERNAL, "the receipt's batch id is no UUID");
    if (strcmp(show_str(receipt, "spool_id"), site->spool.id) != 0)
        return err_make(ERR_USAGE, "batch %s is another spool's (%s)", batch,
                        show_str(receipt, "spool_id"));
    *is_gone = !claim_exists(&site->spool, &id);
    if (*is_gone && (strcmp(status, "done") == 0 || strcmp(status, "failed") == 0))
        return err_make(ERR_USAGE,
                        "batch %s has ended (`%s`) and is not in processing/: there is nothing to "
                        "park; `spoolgate receipt show` says what became of it",
                        batch, status);
    if (*is_gone)
        return park_here(config, site, &id, why, true);
    buf_printf(&request, "park %s %s", batch, why);
    struct err e = control_ask(&site->spool, buf_cstr(&request), &answer, &running);
    if (!err_is(&e))
        e = running ? control_check(buf_cstr(&answer)) : park_here(config, site, &id, why, false);
    buf_free(&request);
    buf_free(&answer);
    return e;
}

static struct err act(const struct config *config, const char *batch, const char *why)
{
    struct pg pg;
    struct cli_site site;
    json_t *receipt = NULL;
    bool is_gone = false;
    TRY(cli_open_site(config, false, &site));
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = find_receipt(&pg, batch, &receipt);
    pg_close(&pg);
    if (!err_is(&e))
        e = park(config, &site, receipt, why, &is_gone);
    if (!err_is(&e))
        (void)printf(is_gone ? "the receipt of batch %s is closed; its segments are not in "
                               "processing/, and nothing goes to failed/\n"
                             : "batch %s goes to failed/; `spoolgate retry` offers it again\n",
                     show_str(receipt, "batch_id"));
    json_decref(receipt);
    cli_close_site(&site);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    const char *why = NULL;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "why", "TEXT", "the reason, for the receipt (required)", &why, NULL},
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_park, options, &argc, &argv, &code))
        return code;
    if (argc != 1 || !why || !*why)
        return cli_usage(&cli_park, "`BATCH --why TEXT` is wanted");
    if (strlen(why) > 100 || strpbrk(why, "\n\r"))
        return cli_usage(&cli_park, "--why is one line of at most 100 bytes");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = act(&config, argv[0], why);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_park = {
    .name = "fail",
    .arguments = "BATCH --why TEXT",
    .summary = "park a batch that can't get past the database",
    .details = "A batch that is held for the environment's sake is tried for ever. This gives it "
               "up by hand:\n"
               "its receipt becomes failed, its segments go to failed/, and `spoolgate retry` "
               "offers them\n"
               "again when the cause is gone. Where its folder in processing/ is gone, the receipt "
               "alone is\n"
               "closed.\n\n"
               "  spoolgate fail default-20261121T015701Z-3f9c --why 'table is being rebuilt'\n",
    .run = run,
};
