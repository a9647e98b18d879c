/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/glance.h"
#include "cli/survey.h"
#include "cli/show.h"
#include "cli/watch.h"

#define EVERY_US     INT64_C(2000000)
#define EVERY_MIN_US INT64_C(100000)
#define EVERY_MAX_US INT64_C(3600000000)

static struct err look_once(struct survey *survey, bool json)
{
    json_t *status = json_object();
    struct err e = survey_take(survey, status);
    if (!err_is(&e) && json) {
        show_json(status);
    } else if (!err_is(&e)) {
        struct buf text = {0};
        glance_put(&text, status);
        (void)fputs(buf_cstr(&text), stdout);
        buf_free(&text);
    }
    json_decref(status);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool json = false;
    bool watch = false;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {'w', "watch", NULL, "again and again, every SECONDS (default 2), until q or Ctrl-C", NULL,
         &watch},
        CLI_JSON(json),
        {0}};
    int code;
    int64_t every_us = EVERY_US;
    struct config config;
    struct survey survey;
    if (cli_parse(&cli_status, options, &argc, &argv, &code))
        return code;
    if (argc > (watch ? 1 : 0))
        return cli_usage(&cli_status, watch ? "one number of seconds at most"
                                            : "no arguments are taken without --watch");
    if (argc == 1 && (!str_parse_duration(argv[0], &every_us) || every_us < EVERY_MIN_US ||
                      every_us > EVERY_MAX_US))
        return cli_usage(&cli_status, "SECONDS is a duration from 100ms to 1h, as 5 or 500ms");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e)) {
        survey_open(&survey, &config);
        e = watch ? watch_run(&survey, every_us, json) : look_once(&survey, json);
        survey_close(&survey);
    }
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_status = {
    .name = "status",
    .arguments = "[SECONDS]",
    .summary = "gates, backlog, batches, documents, sinks and what is wrong, on one screen",
    .details = "Asks the daemon through SPOOL/.control; where none runs, reads the spool itself "
               "and says so.\n"
               "The last batches, the sinks that aren't well or have something waiting, the "
               "number of dead\n"
               "letters, and the documents and chunks of the knowledge base come from the "
               "database, if it answers.\n\n"
               "--watch shows the same live, in place, with rows a second since the last look; "
               "SECONDS may\n"
               "also be 500ms. Where the output is no terminal it is printed again each time, "
               "and with --json\n"
               "it is a line each time.\n\n"
               "  spoolgate status --watch\n"
               "  spoolgate status --json | jq '.gates[] | select(.stalled_reason)'\n",
    .run = run,
};
