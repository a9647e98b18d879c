/* SPDX-License-Identifier: MIT */
/*
 * notifier: the parts of the program.
 *
 *     struct options o;
 *     TRY(options_parse(argc, argv, &o, &done));   // --help and --version are done by then
 *     TRY(message_make(&o, &message));             // the body, not yet sent
 *     code = message_print(&message);              // or message_deliver(...)
 *     message_free(&message);
 *     options_free(&o);                            // always
 *
 * Errors: ERR_USAGE for the command line, ERR_CONFIG for a template or data, ERR_SPOOL for a file
 * that can't be read, and io/http's. What prints returns the exit code.
 */
#ifndef SPOOLGATE_NOTIFIER_H
#define SPOOLGATE_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/header.h"
#include "event/sign.h"

/* sysexits.h, by name: a script tells "my input" from "their machine" from "their answer" */
enum { EXIT_DATA = 65, EXIT_NO_INPUT = 66, EXIT_OUTPUT = 74, EXIT_REFUSED = 76 };

struct options {
    const char *template, *data, *event, *url, *ca;
    bool render;
    int64_t timeout_us;
    unsigned retry;
    struct header *headers; /* the user's, and {0}; names and values are ours to free */
    size_t header_count, header_cap;
    struct sign_keys keys;
};

/* o is to be freed also after an error. done: --help or --version has been answered. */
struct err options_parse(int argc, char **argv, struct options *o, bool *done);
void options_free(struct options *o);

struct message {
    struct buf body;
    const char *type; /* content-type */
};

struct err message_make(const struct options *o, struct message *m);
void message_free(struct message *m);
int message_print(const struct message *m);
/* With all its tries. */
int message_deliver(const struct options *o, const struct message *m);

/* Tells people of an error. */
int notifier_report(const struct err *e);

#endif
