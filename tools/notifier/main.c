/* SPDX-License-Identifier: MIT */
/*
 * notifier: renders one event and delivers it, from any script, without a daemon or a database.
 */
#include <signal.h>
#include <stdio.h>

#include "notifier.h"

int notifier_report(const struct err *e)
{
    (void)fprintf(stderr, "notifier: %s\n", e->text);
    switch (e->cls) {
    case ERR_CONFIG:
        return EXIT_DATA;
    case ERR_SPOOL:
        return EXIT_NO_INPUT;
    case ERR_USAGE:
        (void)fputs("notifier: see notifier --help\n", stderr);
        break;
    default:
        break;
    }
    return err_exit_code(e);
}

static int run(const struct options *o)
{
    struct message m = {0};
    struct err e = message_make(o, &m);
    int code = err_is(&e)  ? notifier_report(&e)
               : o->render ? message_print(&m)
                           : message_deliver(o, &m);
    message_free(&m);
    return code;
}

int main(int argc, char **argv)
{
    struct options o;
    bool done = false;
    /* A listener or a pager that goes away is an error to report, not an end without a word. */
    (void)signal(SIGPIPE, SIG_IGN);
    struct err e = options_parse(argc, argv, &o, &done);
    int code = err_is(&e) ? notifier_report(&e) : done ? 0 : run(&o);
    options_free(&o);
    return code;
}
