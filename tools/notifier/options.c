/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "base/version.h"
#include "io/http.h"
#include "notifier.h"

#define RETRY        3
#define RETRY_MOST   100
#define TIMEOUT_MOST (INT64_C(3600) * TIME_US_PER_S)

static const char help[] =
    "notifier: renders one event from a template and delivers it as a signed webhook\n"
    "\n"
    "usage: notifier [--template FILE] --data JSON|@FILE|- --url URL [options]\n"
    "       notifier [--template FILE] --data JSON|@FILE|- --render\n"
    "\n"
    "  -t, --template FILE    a Mustache template; without one the data is the body.\n"
    "                         In *.json.tmpl, {{x}} is text for between quotes, {{{x}}} a JSON\n"
    "                         value, and the result has to be JSON. Others make text/plain.\n"
    "  -d, --data JSON        the values: JSON itself, @FILE, or - for standard input\n"
    "  -e, --event NAME       sets the data's first key, event, to NAME; data is then optional\n"
    "  -u, --url URL          where to POST: https:// or http://. Redirects aren't followed.\n"
    "  -r, --render           print the body instead of sending it\n"
    "  -H, --header 'K: V'    one more header; may be repeated\n"
    "  -s, --secret-env NAME  sign as Standard Webhooks 1.0; environment variable NAME has the\n"
    "                         secret, whsec_... (while rotating: several, spaces between)\n"
    "  -c, --ca FILE          trust these authorities (PEM) instead of the system's\n"
    "  -n, --retry N          tries after the first, if there is no answer, or 5xx or 429\n"
    "                         (default 3; waits 0.2 s, 0.4 s, 0.8 s ..., or Retry-After)\n"
    "  -T, --timeout S        for each try: seconds, or 500ms, 2m (default 20)\n"
    "  -h, --help             this text\n"
    "  -V, --version          the version\n"
    "\n"
    "Every try carries the same webhook-id; its timestamp and signature are new. Others on the\n"
    "machine can read a command line (ps): keep secrets in the environment.\n"
    "\n"
    "Look at a body before anybody gets it:\n"
    "  notifier --template templates/gate_done.json.tmpl --event gate.done \\\n"
    "           --data '{\"gate\": \"default\", \"rows_loaded\": 1000}' --render\n"
    "\n"
    "Tell a listener, signed, from a script:\n"
    "  export OPS_SECRET=\"whsec_$(openssl rand -base64 32)\"   # the listener knows it, too\n"
    "  psql -XAtc 'select row_to_json(r) from ingestion_recent r limit 1' |\n"
    "    notifier --event gate.done --data - --url https://example.org/ --secret-env OPS_SECRET\n"
    "\n"
    "exit: 0 delivered (any 2xx) or rendered  64 wrong command line  65 wrong template or data\n"
    "      66 a file can't be read            69 no answer, or still 5xx or 429 at the last try\n"
    "      74 the output can't be written     76 refused: any other status\n";

static struct err add_header(struct options *o, const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon)
        return err_make(ERR_USAGE, "--header is 'Name: value'");
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    struct header *h = MEM_PUSH(o->headers, o->header_count, o->header_cap);
    *h = (struct header){.name = mem_strndup(text, (size_t)(colon - text)),
                         .value = mem_strndup(value, len)};
    if (strncasecmp(h->name, "webhook-", 8) == 0)
        return err_make(ERR_USAGE, "--header: the webhook- headers are made by notifier itself");
    return header_check(h->name, h->value);
}

static struct err add_secret(struct options *o, const char *name)
{
    char *secret = getenv(name);
    if (!secret)
        return err_make(ERR_USAGE, "--secret-env: there is no environment variable %s", name);
    struct err e = sign_keys_add(&o->keys, secret);
    /* /proc/PID/environ shows these very bytes. */
    OPENSSL_cleanse(secret, strlen(secret));
    return err_is(&e) ? err_make(ERR_USAGE, "--secret-env %s: %s", name, e.text) : e;
}

static struct err parse_retry(const char *text, unsigned *retry)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || n > RETRY_MOST)
        return err_make(ERR_USAGE, "--retry is a number from 0 to %d", RETRY_MOST);
    *retry = (unsigned)n;
    return ERR_OK;
}

static struct err parse_timeout(const char *text, int64_t *us)
{
    if (!str_parse_duration(text, us) || *us <= 0 || *us > TIMEOUT_MOST)
        return err_make(ERR_USAGE, "--timeout is in seconds, or like 500ms or 2m; at most an hour");
    return ERR_OK;
}

/* Here, so that it isn't taken for trouble with the listener. */
static struct err check_ca(const char *path)
{
    if (access(path, R_OK) != 0)
        return err_system(ERR_SPOOL, errno, "can't read %s", path);
    return ERR_OK;
}

static struct err check_options(const struct options *o)
{
    if (!o->data && !o->event)
        return err_make(ERR_USAGE, "--data is missing");
    if (!o->url == !o->render)
        return err_make(ERR_USAGE, "either --url or --render is wanted");
    if (o->ca)
        TRY(check_ca(o->ca));
    return o->url ? http_check_url(o->url, NULL) : ERR_OK;
}

struct err options_parse(int argc, char **argv, struct options *o, bool *done)
{
    static const struct option table[] = {
        {"template", required_argument, NULL, 't'},
        {"data", required_argument, NULL, 'd'},
        {"event", required_argument, NULL, 'e'},
        {"url", required_argument, NULL, 'u'},
        {"render", no_argument, NULL, 'r'},
        {"header", required_argument, NULL, 'H'},
        {"secret-env", required_argument, NULL, 's'},
        {"ca", required_argument, NULL, 'c'},
        {"retry", required_argument, NULL, 'n'},
        {"timeout", required_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };
    *o = (struct options){.retry = RETRY, .timeout_us = HTTP_TIMEOUT_US};
    for (int c; (c = getopt_long(argc, argv, "t:d:e:u:rH:s:c:n:T:hV", table, NULL)) != -1;) {
        switch (c) {
        case 't':
            o->template = optarg;
            break;
        case 'd':
            o->data = optarg;
            break;
        case 'e':
            o->event = optarg;
            break;
        case 'u':
            o->url = optarg;
            break;
        case 'r':
            o->render = true;
            break;
        case 'H':
            TRY(add_header(o, optarg));
            break;
        case 's':
            TRY(add_secret(o, optarg));
            break;
        case 'c':
            o->ca = optarg;
            break;
        case 'n':
            TRY(parse_retry(optarg, &o->retry));
            break;
        case 'T':
            TRY(parse_timeout(optarg, &o->timeout_us));
            break;
        case 'h':
        case 'V':
            *done = true;
            (void)fputs(c == 'h' ? help : "notifier (spoolgate) " SPOOLGATE_VERSION "\n", stdout);
            return ERR_OK;
        default:
            return err_make(ERR_USAGE, "that option can't be used"); /* getopt has said why */
        }
    }
    if (optind < argc)
        return err_make(ERR_USAGE, "%s: values belong to an option", argv[optind]);
    *MEM_PUSH(o->headers, o->header_count, o->header_cap) = (struct header){0};
    return check_options(o);
}

void options_free(struct options *o)
{
    sign_keys_wipe(&o->keys);
    for (size_t i = 0; i < o->header_count; i++) {
        free((char *)o->headers[i].name);
        free((char *)o->headers[i].value);
    }
    free(o->headers);
}
