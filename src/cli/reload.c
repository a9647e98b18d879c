/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>

#include "cli/commands.h"
#include "daemon/control.h"

static void print_lines(const json_t *answer, const char *key, const char *before, FILE *out)
{
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(answer, key), i, line)(void)
        fprintf(out, "%s%s\n", before, json_string_value(line));
}

static struct err print_answer(const char *text)
{
    struct err e = ERR_OK;
    json_t *root = json_loads(text, 0, NULL);
    print_lines(root, "errors", "", stderr);
    print_lines(root, "changes", "", stdout);
    print_lines(root, "at_start", "at the next start: ", stdout);
    if (!json_is_true(json_object_get(root, "ok")))
        e = err_make(ERR_CONFIG, "not reloaded, the daemon goes on with what it has: %s",
                     json_string_value(json_object_get(root, "error")));
    else if (json_array_size(json_object_get(root, "changes")) == 0 &&
             json_array_size(json_object_get(root, "at_start")) == 0)
        (void)puts("Nothing has changed.");
    json_decref(root);
    return e;
}

/* unread: a mistake in our own reading of the configuration. Where the daemon can be found all the
 * same, it is told: it reads the file itself, and remembers that it refused it. */
static struct err reload(const struct config *config, const struct err *unread)
{
    struct spool spool;
    struct buf answer = {0};
    bool running;
    TRY(spool_open(&spool, config->spool, false));
    struct err e = control_ask(&spool, "reload", &answer, &running);
    spool_close(&spool);
    if (!err_is(&e) && !running && err_is(unread))
        e = *unread;
    if (!err_is(&e) && !running)
        e = err_make(ERR_BUSY, "no daemon runs on this spool; it reads configuration and "
                               "manifests when it starts");
    if (!err_is(&e))
        e = print_answer(buf_cstr(&answer));
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
    struct err unread = cli_config(&common, &config);
    struct err e = reload(&config, &unread);
    if (e.cls == ERR_SPOOL && err_is(&unread)) /* not even where the spool is could be read */
        e = unread;
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_reload = {
    .name = "reload",
    .arguments = "",
    .summary = "let the daemon read its configuration and manifests anew",
    .details = "The daemon takes them if they are without errors, and says what has changed; else "
               "it goes on\n"
               "with the old ones, and this exits 78. SIGHUP does the same. Flags and environment "
               "that the\n"
               "daemon was started with still win over its file. What a running process can't "
               "change is told,\n"
               "and waits for the next start (`spoolgate help config` marks these keys).\n"
               "For a git hook:\n\n"
               "  #!/bin/sh\n"
               "  exec spoolgate reload --spool /var/spool/spoolgate\n",
    .run = run,
};
