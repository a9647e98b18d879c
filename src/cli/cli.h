/* SPDX-License-Identifier: MIT */
/*
 * cli: what the subcommands share: options as a table (which is also their --help), configuration,
 * and how a failure ends a command.
 *
 *     static int run(int argc, char **argv)
 *     {
 *         struct cli_common common = {0};
 *         bool json = false;
 *         const struct cli_option options[] = {CLI_COMMON(common), CLI_JSON(json), {0}};
 *         int code;
 *         if (cli_parse(&cli_status, options, &argc, &argv, &code))
 *             return code;
 *         ...
 *     }
 *
 * Results go to stdout, everything else to stderr. Exit codes: struct err's class.
 */
#ifndef SPOOLGATE_CLI_CLI_H
#define SPOOLGATE_CLI_CLI_H

#include <stdbool.h>

#include "base/err.h"
#include "base/time.h"
#include "config/config.h"
#include "io/pg.h"
#include "manifest/current.h"
#include "spool/spool.h"

struct cli_command {
    const char *name;
    const char *arguments; /* "[FILE|-]", for the usage line */
    const char *summary;   /* one line */
    const char *details;   /* paragraphs and examples for --help */
    int (*run)(int argc, char **argv);
};

/* Every subcommand; ends with NULL. The one list that main, help and completion read. */
extern const struct cli_command *const cli_commands[];

#define CLI_MANY 64
struct cli_option {
    char letter;          /* or 0 */
    const char *name;     /* "json" */
    const char *argument; /* "DIR", or NULL for a flag; "GLOB..." may be given again and again */
    const char *help;
    const char **text; /* where the argument goes; those of "GLOB...": CLI_MANY, NULL behind them */
    bool *flag;        /* where a flag goes */
};

struct cli_common {
    const char *config, *spool, *database, *manifests;
};

#define CLI_CONFIG(common)                                                         \
    {                                                                              \
        'c', "config", "FILE",                                                     \
            "configuration; default: spoolgate.yaml here, then in /etc/spoolgate", \
            &(common).config, NULL                                                 \
    }
#define CLI_SPOOL(common)                                                                     \
    {                                                                                         \
        0, "spool", "DIR", "the spool's folder (also SPOOLGATE_SPOOL)", &(common).spool, NULL \
    }
#define CLI_DATABASE(common)                                                           \
    {                                                                                  \
        0, "database", "CONNINFO", "Postgres (also SPOOLGATE_DATABASE, DATABASE_URL)", \
            &(common).database, NULL                                                   \
    }
#define CLI_MANIFESTS(common)                                                    \
    {                                                                            \
        0, "manifests", "DIR", "folder of manifests (also SPOOLGATE_MANIFESTS)", \
            &(common).manifests, NULL                                            \
    }
#define CLI_COMMON(common) \
    CLI_CONFIG(common), CLI_SPOOL(common), CLI_DATABASE(common), CLI_MANIFESTS(common)
#define CLI_JSON(json)                                               \
    {                                                                \
        0, "json", NULL, "stable output for programs", NULL, &(json) \
    }

/* True: the command ends here with *code (--help, or a usage error). Else argc and argv are moved
 * on to the operands. -h and --help are added by cli_parse. */
bool cli_parse(const struct cli_command *command, const struct cli_option *options, int *argc,
               char ***argv, int *code);

/* Prints "spoolgate: ..." on stderr and gives the exit code. */
int cli_fail(const struct err *e);
int cli_usage(const struct cli_command *command, const char *problem);

/* The file that --config or SPOOLGATE_CONFIG names, or that is there; NULL: none. */
const char *cli_find_config(const struct cli_common *common);

/* Defaults, file, environment, flags; logging is set up, too. The caller frees config, also on
 * failure: then it has what was without mistakes. */
struct err cli_config(const struct cli_common *common, struct config *config);

/* The same for a reload (struct manifest_current): logging is left alone. */
struct err cli_read_config(void *common, struct config *config);

/* The manifests that the configuration names; what is wrong with them goes to stderr. The caller
 * closes `current`, also on failure. */
struct err cli_manifests(const struct config *config, struct manifest_current *current);

/* The spool, its folders named as the manifests have it. Closed by the caller only after success.
 */
struct cli_site {
    struct manifest_current current;
    struct spool spool;
};
struct err cli_open_site(const struct config *config, bool create, struct cli_site *site);
void cli_close_site(struct cli_site *site);
/* ERR_USAGE where the name is that of another gate's folder. */
struct err cli_require_gate(const struct cli_site *site, const char *gate);

/* The path of a segment that was published, a line. */
void cli_put_segment(struct buf *out, const struct spool *spool, const char *gate,
                     const char *name);

/* A session for a command that reads. The caller closes pg. */
struct err cli_connect(const struct config *config, struct pg *pg);

/* A moment as people type it, RFC 3339 or how long ago it was ("2h", "3 days"), as RFC 3339. False:
 * it is neither. */
bool cli_moment(const char *typed, char moment[TIME_TEXT]);
/* "20", as --limit has it: a number of at most nine digits. */
bool cli_is_number(const char *typed);

/* Flushes stdout; a full disk or closed pipe is a failure like any other. */
int cli_finish(int code);

#endif
