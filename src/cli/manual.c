/* SPDX-License-Identifier: MIT */
#include "cli/manual.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mdoc.h"
#include "base/version.h"
#include "cli/commands.h"

const struct manual_exit manual_exits[] = {
    {0, NULL, "fine; rejected frames and failed segments are recorded, and fine"},
    {1, "doctor", "something is lost, odd or owed"},
    {2, "plan and apply", "differences between the streams and the tables"},
    {64, NULL, "the command line is wrong"},
    {65, NULL, "data: a segment, a line or a row can't be taken"},
    {69, NULL, "the database, or a listener, can't be reached or refuses"},
    {70, NULL, "an internal error: please report it"},
    {73, NULL, "a file or folder can't be made, read or written"},
    {75, NULL, "try again: another process has the spool, or a lock"},
    {76, "sink", "the listener refused the event (sink test)"},
    {78, NULL, "the configuration, a manifest, or the database's version is wrong"},
    {0},
};

/* Commands by what they are for: the order of spoolgate(1), and who stands under SEE ALSO. */
#define GROUP_MOST 7
static const struct {
    const char *title;
    const struct cli_command *commands[GROUP_MOST];
} groups[] = {
    {"Loading", {&cli_run, &cli_drain, &cli_put, &cli_inspect}},
    {"Looking", {&cli_status, &cli_receipt, &cli_explain, &cli_doctor}},
    {"Operating", {&cli_gate, &cli_retry, &cli_park, &cli_reload, &cli_maintain}},
    {"Declaring", {&cli_migrate, &cli_lint, &cli_plan, &cli_apply}},
    {"Events and listeners", {&cli_sink, &cli_dlq}},
    {"Knowledge base", {&cli_index, &cli_embed, &cli_search}},
    {"Help", {&cli_help}},
};
enum { GROUP_COUNT = sizeof groups / sizeof *groups };

/* ---- the page of a command ---- */

static void put_head(struct buf *out, const struct cli_command *command)
{
    buf_printf(out, ".\\\" Made by spoolgate help --mdoc %s.\n.Dd %s\n.Dt SPOOLGATE-",
               command->name, SPOOLGATE_DATE);
    for (const char *c = command->name; *c; c++)
        buf_byte(out, (uint8_t)toupper((unsigned char)*c));
    buf_printf(out, " 1\n.Os spoolgate %s\n.Sh NAME\n.Nm spoolgate-%s\n.Nd ", SPOOLGATE_VERSION,
               command->name);
    mdoc_literal(out, command->summary);
    buf_byte(out, '\n');
}

/* "show BATCH": words to type are bold, NAMES of values are italic. */
static void put_operands(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        bool is_name = isupper((unsigned char)text[i]);
        bool is_word = islower((unsigned char)text[i]) || text[i] == '-';
        size_t n = i + 1;
        while (n < len && (is_name   ? isupper((unsigned char)text[n])
                           : is_word ? islower((unsigned char)text[n]) || text[n] == '-'
                                     : false))
            n++;
        char run[64];
        (void)snprintf(run, sizeof run, "%.*s", (int)(n - i), text + i);
        buf_str(out, is_name ? "\\fI" : is_word ? "\\fB" : "");
        mdoc_literal(out, run);
        buf_str(out, is_name || is_word ? "\\fP" : "");
        i = n;
    }
    if (len > 0)
        buf_byte(out, '\n');
}

static void put_flag(struct buf *out, const struct cli_option *o)
{
    buf_str(out, "Fl \\-");
    mdoc_literal(out, o->name);
    if (o->argument)
        buf_printf(out, " Ar %s", o->argument);
    buf_byte(out, '\n');
}

/* One way to call it with all its options; several ways with none of them. */
static void put_synopsis(struct buf *out, const struct cli_command *command,
                         const struct cli_option *options)
{
    static const char or [] = " | ";
    const char *way = command->arguments;
    bool is_one = !strstr(way, or);
    buf_str(out, ".Sh SYNOPSIS\n");
    do {
        const char *next = strstr(way, or);
        buf_printf(out, ".Nm spoolgate %s\n", command->name);
        for (const struct cli_option *o = options; is_one && o->name; o++) {
            buf_str(out, ".Op ");
            put_flag(out, o);
        }
        if (!is_one)
            buf_str(out, ".Op Ar option ...\n");
        put_operands(out, way, next ? (size_t)(next - way) : strlen(way));
        way = next ? next + strlen(or) : NULL;
    } while (way);
}

static void put_option(struct buf *out, const struct cli_option *o)
{
    buf_str(out, ".It ");
    if (o->letter)
        buf_printf(out, "Fl %c , ", o->letter);
    put_flag(out, o);
    mdoc_text(out, o->help, ".");
}

static void put_options(struct buf *out, const struct cli_option *options)
{
    buf_str(out, ".Pp\nThe options are:\n.Bl -tag -width Ds\n");
    for (const struct cli_option *o = options; o->name; o++)
        put_option(out, o);
    put_option(out, &(struct cli_option){.letter = 'h', .name = "help", .help = "print a summary"});
    buf_str(out, ".El\n");
}

/* Is it one of the words? */
static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += len)
        if ((at == words || at[-1] == ' ') && strchr(" ", at[len]))
            return true;
    return false;
}

/* command: NULL for all of them. */
static void put_exits(struct buf *out, const char *command)
{
    buf_str(out, ".Bl -tag -width Ds\n");
    for (const struct manual_exit *e = manual_exits; e->what; e++) {
        if (command && e->commands && !has_word(e->commands, command))
            continue;
        buf_printf(out, ".It %d\n", e->code);
        if (!command && e->commands)
            buf_printf(out, "Only of %s:\n", e->commands);
        mdoc_text(out, e->what, ".");
    }
    buf_str(out, ".El\n");
}

static int compare_commands(const void *a, const void *b)
{
    const struct cli_command *const *x = a;
    const struct cli_command *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The others of its group, in the order of their names. */
static void put_see(struct buf *out, const struct cli_command *command)
{
    const struct cli_command *others[GROUP_MOST];
    size_t count = 0;
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        bool is_here = false;
        for (size_t i = 0; i < GROUP_MOST; i++)
            is_here = is_here || groups[g].commands[i] == command;
        for (size_t i = 0; is_here && i < GROUP_MOST && groups[g].commands[i]; i++)
            if (groups[g].commands[i] != command)
                others[count++] = groups[g].commands[i];
    }
    qsort(others, count, sizeof(const struct cli_command *), compare_commands);
    buf_str(out, ".Sh SEE ALSO\n.Xr spoolgate 1 ,\n");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, ".Xr spoolgate-%s 1 ,\n", others[i]->name);
    buf_str(out, ".Xr spoolgate.yaml 5\n");
}

static void put_command(struct buf *out, const struct cli_command *command,
                        const struct cli_option *options)
{
    put_head(out, command);
    put_synopsis(out, command, options);
    buf_str(out, ".Sh DESCRIPTION\n");
    mdoc_help(out, command->details);
    put_options(out, options);
    buf_str(out, ".Sh ENVIRONMENT\nVariables that stand for options are listed in\n"
                 ".Xr spoolgate 1 ;\noptions win over them.\n.Sh EXIT STATUS\n");
    put_exits(out, command->name);
    put_see(out, command);
}

void manual_print_command(const struct cli_command *command, const struct cli_option *options)
{
    struct buf out = {0};
    put_command(&out, command, options);
    (void)fputs(buf_cstr(&out), stdout);
    buf_free(&out);
}

/* ---- parts of the other pages ---- */

static void put_commands(struct buf *out)
{
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        buf_printf(out, ".Ss %s\n.Bl -tag -width Ds\n", groups[g].title);
        for (size_t i = 0; i < GROUP_MOST && groups[g].commands[i]; i++) {
            const struct cli_command *c = groups[g].commands[i];
            buf_printf(out, ".It Xr spoolgate-%s 1\n", c->name);
            mdoc_text(out, c->summary, ".");
        }
        buf_str(out, ".El\n");
    }
}

bool manual_print_part(const char *topic)
{
    static const char keys[] = "keys-";
    struct buf out = {0};
    bool found = true;
    if (strcmp(topic, "commands") == 0)
        put_commands(&out);
    else if (strcmp(topic, "exits") == 0)
        put_exits(&out, NULL);
    else if (strcmp(topic, "config") == 0)
        manual_put_config(&out);
    else if (strncmp(topic, keys, strlen(keys)) == 0)
        found = manual_put_manifest(&out, topic + strlen(keys));
    else
        found = false;
    (void)fputs(buf_cstr(&out), stdout);
    buf_free(&out);
    return found;
}
