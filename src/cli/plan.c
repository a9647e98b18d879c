/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/steps.h"

enum { DIFFERENCES = 2 };

static struct err make(const struct config *config, const struct manifest *set, struct plan *plan)
{
    struct pg pg;
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = plan_make(&pg, config->schema, &set->streams, plan);
    pg_close(&pg);
    return e;
}

static void print(const struct plan *plan, bool json)
{
    if (json)
        steps_print_json(plan);
    else if (plan->count > 0)
        steps_print(plan, 0);
    else
        (void)puts("The tables are as declared.");
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool json = false;
    const struct cli_option options[] = {CLI_COMMON(common), CLI_JSON(json), {0}};
    int code;
    struct config config;
    struct manifest_current current = {0};
    struct manifest *set = NULL;
    struct plan plan = {0};
    if (cli_parse(&cli_plan, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_plan, "no arguments are taken");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    if (!err_is(&e)) {
        set = manifest_current_get(&current);
        e = make(&config, set, &plan);
    }
    if (!err_is(&e))
        print(&plan, json);
    code = plan.count > 0 ? DIFFERENCES : 0;
    plan_free(&plan);
    manifest_release(set);
    manifest_current_close(&current);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(code);
}

const struct cli_command cli_plan = {
    .name = "plan",
    .arguments = "",
    .summary = "what would make the tables as the streams declare them",
    .details =
        "Prints SQL, stream by stream, and changes nothing. Exits 0 where there is nothing to do,\n"
        "2 where there is. What `spoolgate apply` wouldn't do by itself is commented out, with "
        "what\n"
        "would make it: a flag, or a change by hand.\n\n"
        "  spoolgate plan && echo fits\n",
    .run = run,
};
