/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/steps.h"

enum { REFUSED = 2 };

/* "type,drop" */
static bool parse_allow(const char *text, unsigned *allow)
{
    *allow = 0;
    for (bool more = text != NULL; more;) {
        size_t len = strcspn(text, ",");
        if (len == 4 && memcmp(text, "drop", len) == 0)
            *allow |= PLAN_DROP;
        else if (len == 4 && memcmp(text, "type", len) == 0)
            *allow |= PLAN_TYPE;
        else
            return false;
        more = text[len] == ',';
        text += len + more;
    }
    return true;
}

static struct err apply(const struct config *config, const struct manifest *set, bool dry_run,
                        unsigned allow, struct plan *plan)
{
    struct pg pg;
    struct err e = cli_connect(config, &pg);
    if (!err_is(&e))
        e = plan_make(&pg, config->schema, &set->streams, plan);
    if (!err_is(&e) && !dry_run)
        e = plan_apply(&pg, plan, allow);
    pg_close(&pg);
    return e;
}

static bool is_any_refused(const struct plan *plan, unsigned allow)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!plan_is_allowed(&plan->steps[i], allow))
            return true;
    return false;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    bool dry_run = false;
    const char *allowed = NULL;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "allow", "LIST", "type, drop or both: conversions; columns that go", &allowed, NULL},
        {'n', "dry-run", NULL, "print what would be done; change nothing", NULL, &dry_run},
        {0}};
    int code;
    unsigned allow;
    struct config config;
    struct manifest_current current = {0};
    struct manifest *set = NULL;
    struct plan plan = {0};
    if (cli_parse(&cli_apply, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_apply, "no arguments are taken");
    if (!parse_allow(allowed, &allow))
        return cli_usage(&cli_apply, "--allow wants type, drop, or type,drop");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    if (!err_is(&e)) {
        set = manifest_current_get(&current);
        e = apply(&config, set, dry_run, allow, &plan);
    }
    if (err_is(&e)) {
        steps_print_done(&plan);
    } else if (plan.count > 0) {
        steps_print(&plan, allow);
    } else {
        (void)puts("The tables are as declared.");
    }
    code = is_any_refused(&plan, allow) ? REFUSED : 0;
    plan_free(&plan);
    manifest_release(set);
    manifest_current_close(&current);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(code);
}

const struct cli_command cli_apply = {
    .name = "apply",
    .arguments = "",
    .summary = "make the tables as the streams declare them",
    .details =
        "Does what `spoolgate plan` shows, and prints it. What only adds is done by itself; a "
        "column\n"
        "is converted or dropped where --allow says so. A stream of which one step isn't allowed "
        "is\n"
        "left alone, and the exit code is 2. Each stream is one transaction; missing indexes are\n"
        "built after it, without locking writers out where the table isn't partitioned. Locks are\n"
        "waited for a second at a time, so that loading never queues for long (75: try again).\n\n"
        "  spoolgate apply --allow type,drop --dry-run\n",
    .run = run,
};
