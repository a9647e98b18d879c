/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>

#include "cli/commands.h"
#include "daemon/control.h"

static void print_lines(const json_t *answer, const char *key, FILE *out)
{
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(answer, key), i, line)(void)
        fprintf(out, "%s\n", json_string_value(line));
}

static struct err reload(const struct config *config)
{
    struct spool spool;
    struct buf answer = {0};
    bool running;
    TRY(spool_open(&spool, config->spool, false));
    struct err e = control_ask(&spool, "reload", &answer, &running);
    spool_close(&spool);
    if (!err_is(&e) && !running)
        e = err_make(ERR_BUSY,
                     "no daemon runs on this spool; it reads the manifests when it starts");
    if (!err_is(&e)) {
        json_t *root = json_loads(buf_cstr(&answer), 0, NULL);
        print_lines(root, "errors", stderr);
        print_lines(root, "changes", stdout);
        if (json_array_size(json_object_get(root, "changes")) == 0 &&
            json_is_true(json_object_get(root, "ok")))
            (void)puts("Nothing has changed.");
        if (!json_is_true(json_object_get(root, "ok")))
            e = err_make(ERR_CONFIG,
                         "not reloaded, the daemon goes on with the manifests it has: %s",
                         json_string_value(json_object_get(root, "error")));
        json_decref(root);
    }
    buf_free(&answer);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    const struct cli_option options[] = {CLI_CONFIG(common), CLI_SPOOL(common), {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_reload, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_reload, "no arguments are taken");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = reload(&config);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_reload = {
    .name = "reload",
    .arguments = "",
    .summary = "let the daemon read its manifests anew",
    .details = "The daemon takes the new set if it is without errors, and says what has changed; "
               "else it\nkeeps the old one, and this exits 78. SIGHUP does the same. For a git "
               "hook:\n\n"
               "  #!/bin/sh\n"
               "  exec spoolgate reload --spool /var/spool/spoolgate\n",
    .run = run,
};
