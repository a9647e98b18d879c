/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/manual.h"

enum { OPTIONS_MAX = 24, LETTER_HELP = 'h', FIRST_LONG_ONLY = 1000 };

static void print_option(const struct cli_option *o)
{
    char left[48];
    char letter[8] = "    ";
    if (o->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? " " : "",
                   o->argument ? o->argument : "");
    (void)printf("  %-26s %s\n", left, o->help);
}

static void print_help(const struct cli_command *command, const struct cli_option *options)
{
    (void)printf("Usage: spoolgate %s [OPTIONS]%s%s\n\n%s\n\n%s\nOptions:\n", command->name,
                 *command->arguments ? " " : "", command->arguments, command->summary,
                 command->details);
    for (const struct cli_option *o = options; o->name; o++)
        print_option(o);
    print_option(&(struct cli_option){'h', "help", NULL, "this text", NULL, NULL});
}

/* form: what the manual pages are made from, or NULL. */
static int help(const struct cli_command *command, const struct cli_option *options,
                const char *form)
{
    if (form && strcmp(form, "mdoc") != 0)
        return cli_usage(command, "--help takes no value");
    if (form)
        manual_print_command(command, options);
    else
        print_help(command, options);
    return cli_finish(0);
}

/* False: there are CLI_MANY already. */
static bool keep_argument(const struct cli_option *o, const char *argument)
{
    const char **to = o->text;
    size_t len = strlen(o->argument);
    bool is_many = len > 3 && strcmp(o->argument + len - 3, "...") == 0;
    while (is_many && *to && to - o->text < CLI_MANY)
        to++;
    if (to - o->text == CLI_MANY)
        return false;
    *to = argument;
    return true;
}

bool cli_parse(const struct cli_command *command, const struct cli_option *options, int *argc,
               char ***argv, int *code)
{
    struct option longs[OPTIONS_MAX + 2] = {{"help", optional_argument, NULL, LETTER_HELP}};
    char letters[2 * OPTIONS_MAX + 4] = ":h";
    int count = 0;
    for (; options[count].name && count < OPTIONS_MAX; count++) {
        const struct cli_option *o = &options[count];
        longs[count + 1] = (struct option){o->name, o->argument ? required_argument : no_argument,
                                           NULL, FIRST_LONG_ONLY + count};
        if (o->letter) {
            size_t at = strlen(letters);
            (void)snprintf(letters + at, sizeof letters - at, "%c%s", o->letter,
                           o->argument ? ":" : "");
        }
    }
    int found;
    optind = 0;
    while ((found = getopt_long(*argc, *argv, letters, longs, NULL)) != -1) {
        const struct cli_option *o = NULL;
        if (found == LETTER_HELP) {
            *code = help(command, options, optarg);
            return true;
        }
        for (int i = 0; i < count && !o; i++)
            if (found == FIRST_LONG_ONLY + i || (options[i].letter && found == options[i].letter))
                o = &options[i];
        if (!o) {
            char problem[160];
            (void)snprintf(problem, sizeof problem, "%s %.100s",
                           found == ':' ? "a value is missing after" : "unknown option",
                           (*argv)[optind - 1]);
            *code = cli_usage(command, problem);
            return true;
        }
        if (!o->argument) {
            *o->flag = true;
        } else if (!keep_argument(o, optarg)) {
            *code = cli_usage(command, "an option was given more often than 64 times");
            return true;
        }
    }
    *argc -= optind;
    *argv += optind;
    return false;
}

int cli_fail(const struct err *e)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "spoolgate: %s\n", e->text);
    return err_exit_code(e);
}

int cli_usage(const struct cli_command *command, const char *problem)
{
    struct err e = err_make(ERR_USAGE, "%s; see `spoolgate %s --help`", problem, command->name);
    return cli_fail(&e);
}

const char *cli_find_config(const struct cli_common *common)
{
    static const char *const places[] = {"spoolgate.yaml", "/etc/spoolgate/spoolgate.yaml"};
    const char *named = getenv("SPOOLGATE_CONFIG");
    if (common->config)
        return common->config;
    if (named && *named)
        return named;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], F_OK) == 0)
            return places[i];
    return NULL;
}

static void override(struct config *config, const char *key, const char *value, struct err *first)
{
    struct err e = value ? config_override(config, key, value) : ERR_OK;
    if (!err_is(first))
        *first = e;
}

struct err cli_read_config(void *context, struct config *config)
{
    const struct cli_common *common = context;
    const char *file = cli_find_config(common);
    config_init(config);
    struct err first = file ? config_load_file(config, file) : ERR_OK;
    struct err e = config_load_environment(config);
    if (!err_is(&first))
        first = e;
    override(config, "spool", common->spool, &first);
    override(config, "database", common->database, &first);
    override(config, "manifests", common->manifests, &first);
    return first;
}

struct err cli_config(const struct cli_common *common, struct config *config)
{
    struct err e = cli_read_config((void *)common, config);
    if (!err_is(&e))
        log_configure((enum log_format)config->log_format, (enum log_level)config->log_level);
    return e;
}

struct err cli_manifests(const struct config *config, struct manifest_current *current)
{
    struct yaml_diag diag = {0};
    struct buf text = {0};
    struct err e = manifest_current_open(current, config, &diag);
    if (err_is(&e)) {
        yaml_diag_print(&diag, &text);
        (void)fputs(buf_cstr(&text), stderr);
    }
    buf_free(&text);
    yaml_diag_free(&diag);
    return e;
}

struct err cli_open_site(const struct config *config, bool create, struct cli_site *site)
{
    struct err e = cli_manifests(config, &site->current);
    if (!err_is(&e))
        e = spool_open(&site->spool, config->spool, create);
    if (err_is(&e))
        manifest_current_close(&site->current);
    else
        site->spool.names = manifest_current_names(&site->current);
    return e;
}

struct err cli_require_gate(const struct cli_site *site, const char *gate)
{
    const struct spool_names *names = &site->spool.names;
    char owner[SPOOL_GATE];
    names->gate_of(names->context, gate, owner);
    if (!*owner || strcmp(owner, gate) == 0)
        return ERR_OK;
    return err_make(ERR_USAGE, "incoming/%s is the folder of gate `%s`; name that", gate, owner);
}

void cli_close_site(struct cli_site *site)
{
    spool_close(&site->spool);
    manifest_current_close(&site->current);
}

void cli_put_segment(struct buf *out, const struct spool *spool, const char *gate, const char *name)
{
    char folder[SPOOL_GATE];
    spool_gate_folder(spool, gate, folder);
    buf_printf(out, "%s/incoming/%s%s%s\n", spool->path, folder, *folder ? "/" : "", name);
}

struct err cli_connect(const struct config *config, struct pg *pg)
{
    struct pg_target target = {config->database, config->schema};
    pg_init(pg);
    return pg_open(pg, &target);
}

bool cli_moment(const char *typed, char moment[TIME_TEXT])
{
    int64_t us;
    int64_t now = time_now();
    if (str_parse_duration(typed, &us) && us >= 0 && us < now)
        us = now - us;
    else if (!time_parse(typed, strlen(typed), &us))
        return false;
    (void)time_format(us, moment);
    return true;
}

bool cli_is_number(const char *typed)
{
    size_t len = strlen(typed);
    return len > 0 && len <= 9 && strspn(typed, "0123456789") == len;
}

int cli_finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    struct err e = err_system(ERR_SPOOL, errno, "can't write the result");
    return cli_fail(&e);
}
