/* SPDX-License-Identifier: MIT */
/*
 * notifier: renders one event and delivers it, from any script, without a daemon or a database.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "base/version.h"
#include "io/http.h"
#include "event/sign.h"
#include "event/template.h"
#include "event/webhook.h"

/* sysexits.h, by name: a script tells "my input" from "their machine" from "their answer" */
enum { EXIT_DATA = 65, EXIT_NO_INPUT = 66, EXIT_OUTPUT = 74, EXIT_REFUSED = 76 };

#define DATA_BYTES   (16U << 20)
#define RETRY_MOST   100
#define TIMEOUT_MOST (INT64_C(3600) * TIME_US_PER_S)
#define PATIENCE     (300 * TIME_US_PER_S) /* a longer Retry-After ends the run */
#define EXCERPT      200

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

struct options {
    const char *template, *data, *event, *url, *ca;
    bool render;
    int64_t timeout_us;
    unsigned retry;
    struct header *headers; /* the user's, and {0}; names and values are ours to free */
    size_t header_count, header_cap;
    struct sign_keys keys;
};

struct message {
    struct buf body;
    const char *type;
};

static int report(const struct err *e)
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

/* --- the command line --- */

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

/* *done: --help or --version has been answered. */
static struct err parse_options(int argc, char **argv, struct options *o, bool *done)
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

/* --- the body --- */

static struct err read_all(int fd, const char *shown, size_t limit, struct buf *out)
{
    for (;;) {
        uint8_t *room = buf_reserve(out, 65536);
        ssize_t n = read(fd, room, 65536);
        if (n < 0 && errno != EINTR)
            return err_system(ERR_SPOOL, errno, "can't read %s", shown);
        if (n == 0)
            return ERR_OK;
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len > limit)
            return err_make(ERR_CONFIG, "%s:1:1: larger than %zu KiB", shown, limit / 1024);
    }
}

static struct err read_file(const char *path, size_t limit, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_system(ERR_SPOOL, errno, "can't read %s", path);
    struct err e = read_all(fd, path, limit, out);
    (void)close(fd);
    return e;
}

static struct err read_partial(void *context, const char *path, struct buf *text)
{
    (void)context;
    return read_file(path, TEMPLATE_BYTES, text);
}

/* text: the data as it was given, which is what goes out when nothing has to be changed. */
static struct err read_data(const struct options *o, struct buf *text, json_t **data)
{
    const char *shown = "--data";
    if (!o->data) {
        buf_str(text, "{}");
    } else if (strcmp(o->data, "-") == 0) {
        shown = "(standard input)";
        TRY(read_all(STDIN_FILENO, shown, DATA_BYTES, text));
    } else if (o->data[0] == '@') {
        shown = o->data + 1;
        TRY(read_file(shown, DATA_BYTES, text));
    } else {
        buf_str(text, o->data);
    }
    json_error_t error;
    *data = json_loadb(buf_cstr(text), text->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!*data)
        return err_make(ERR_CONFIG, "%s:%d:%d: %s", shown, error.line > 0 ? error.line : 1,
                        error.column > 0 ? error.column : 1, error.text);
    return ERR_OK;
}

/* The event comes first in the body, wherever the data had it. */
static struct err set_event(const char *event, json_t **data)
{
    if (!json_is_object(*data))
        return err_make(ERR_CONFIG,
                        "--data:1:1: --event needs an object, {...}, to put itself into");
    json_t *first = json_pack("{s:s}", "event", event);
    if (!first)
        return err_make(ERR_USAGE, "--event isn't UTF-8");
    if (json_object_update_missing(first, *data) != 0)
        return err_make(ERR_INTERNAL, "jansson can't merge objects");
    json_decref(*data);
    *data = first;
    return ERR_OK;
}

static struct err render(const char *name, const struct buf *text, const json_t *data,
                         struct buf *body)
{
    const struct template_env env = {.read = read_partial};
    struct template *t = NULL;
    struct err e = template_compile(name, (const char *)text->data, text->len, &t);
    if (!err_is(&e))
        e = template_render(t, data, &env, body);
    if (!err_is(&e))
        e = template_check(t, body);
    template_free(t);
    return e;
}

static struct err fill_body(const struct options *o, struct buf *text, struct buf *source,
                            json_t **data, struct message *m)
{
    m->type = "application/json";
    TRY(read_data(o, text, data));
    if (o->event)
        TRY(set_event(o->event, data));
    if (o->template) {
        if (!template_is_json(o->template))
            m->type = "text/plain; charset=utf-8";
        TRY(read_file(o->template, TEMPLATE_BYTES, source));
        (void)buf_cstr(source);
        return render(o->template, source, *data, &m->body);
    }
    if (o->event) {
        buf_str(source, "{{{.}}}");
        return render("data.json.tmpl", source, *data, &m->body);
    }
    buf_put(&m->body, text->data, text->len);
    return ERR_OK;
}

static struct err make_message(const struct options *o, struct message *m)
{
    struct buf text = {0};
    struct buf source = {0};
    json_t *data = NULL;
    struct err e = fill_body(o, &text, &source, &data, m);
    (void)buf_cstr(&m->body); /* an empty one has data, too */
    json_decref(data);
    buf_free(&text);
    buf_free(&source);
    return e;
}

static int print_message(const struct message *m)
{
    bool ends = m->body.len > 0 && m->body.data[m->body.len - 1] == '\n';
    bool good = fwrite(m->body.data, 1, m->body.len, stdout) == m->body.len;
    /* A prompt belongs on its own line; a pipe gets the exact bytes. */
    if (!ends && isatty(STDOUT_FILENO))
        (void)putchar('\n');
    if (good && fflush(stdout) == 0)
        return 0;
    (void)fprintf(stderr, "notifier: can't write the output: %s\n", strerror(errno));
    return EXIT_OUTPUT;
}

/* --- delivery --- */

static struct err post(const struct options *o, const struct message *m, const char *id,
                       struct http_reply *reply)
{
    struct webhook_headers headers;
    webhook_make_headers(&headers, &(struct webhook_attempt){.id = id,
                                                             .now_us = time_now(),
                                                             .content_type = m->type,
                                                             .body = m->body.data,
                                                             .body_len = m->body.len,
                                                             .keys = &o->keys,
                                                             .extra = o->headers});
    struct err e = http_post(&(struct http_request){.url = o->url,
                                                    .headers = headers.list,
                                                    .body = m->body.data,
                                                    .body_len = m->body.len,
                                                    .timeout_us = o->timeout_us,
                                                    /* whoever typed the URL means it */
                                                    .allow_private = true,
                                                    .ca_file = o->ca},
                             reply);
    webhook_free_headers(&headers);
    return e;
}

/* The listener's first words, as UTF-8. (err_make makes them one line.) */
static const char *excerpt(const struct http_reply *reply, char out[EXCERPT])
{
    size_t n = 0;
    for (size_t i = 0; i < reply->body_len && n < EXCERPT - 5;) {
        const uint8_t *p = (const uint8_t *)reply->body + i;
        size_t len = *p ? utf8_length(p, reply->body_len - i) : 0;
        if (len > 0)
            memcpy(out + n, p, len);
        else
            out[n] = '?';
        i += len > 0 ? len : 1;
        n += len > 0 ? len : 1;
    }
    out[n] = '\0';
    return out;
}

static void wait_for(int64_t us)
{
    struct timespec left = {.tv_sec = us / TIME_US_PER_S, .tv_nsec = us % TIME_US_PER_S * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* ERR_OK: delivered. again: the listener may think otherwise later. */
static struct err judge(const struct http_reply *reply, const char *origin, bool *again)
{
    char took[STR_HUMAN];
    char words[EXCERPT];
    enum webhook_verdict verdict = webhook_judge(reply->status);
    *again = verdict == WEBHOOK_BUSY;
    if (verdict == WEBHOOK_DELIVERED)
        return ERR_OK;
    return err_make(ERR_REMOTE, "%s answered %d in %s%s%s", origin, reply->status,
                    str_duration(reply->took_us, took), reply->body_len > 0 ? ": " : "",
                    excerpt(reply, words));
}

static int deliver(const struct options *o, const struct message *m, const char *origin)
{
    char id[UUID_TEXT];
    char text[STR_HUMAN];
    struct uuid uuid = uuid_new();
    (void)uuid_format(&uuid, id);
    for (unsigned n = 1;; n++) {
        struct http_reply reply;
        struct err e = post(o, m, id, &reply);
        bool answered = !err_is(&e);
        bool again = e.cls == ERR_REMOTE;
        if (answered)
            e = judge(&reply, origin, &again);
        if (!err_is(&e)) {
            (void)printf("delivered %s to %s: %d in %s, try %u\n", id, origin, reply.status,
                         str_duration(reply.took_us, text), n);
            return 0;
        }
        int code = report(&e);
        if (!again)
            return answered ? EXIT_REFUSED : code;
        if (n > o->retry)
            return code;
        int64_t wait = backoff_us(n, arc4random());
        wait = reply.retry_after_us > wait ? reply.retry_after_us : wait;
        if (wait > PATIENCE) {
            (void)fprintf(stderr, "notifier: it wants to be left alone for %s: giving up\n",
                          str_duration(wait, text));
            return code;
        }
        (void)fprintf(stderr, "notifier: try %u of %u in %s\n", n + 1, o->retry + 1,
                      str_duration(wait, text));
        wait_for(wait);
    }
}

static int run(const struct options *o)
{
    struct message m = {0};
    struct buf origin = {0};
    int code = 0;
    struct err e = make_message(o, &m);
    if (!err_is(&e) && o->url)
        e = http_check_url(o->url, &origin);
    if (err_is(&e))
        code = report(&e);
    else
        code = o->render ? print_message(&m) : deliver(o, &m, buf_cstr(&origin));
    buf_free(&m.body);
    buf_free(&origin);
    return code;
}

int main(int argc, char **argv)
{
    struct options o = {.retry = 3, .timeout_us = HTTP_TIMEOUT_US};
    bool done = false;
    /* A listener or a pager that goes away is an error to report, not an end without a word. */
    (void)signal(SIGPIPE, SIG_IGN);
    struct err e = parse_options(argc, argv, &o, &done);
    int code = err_is(&e) ? report(&e) : done ? 0 : run(&o);
    sign_keys_wipe(&o.keys);
    for (size_t i = 0; i < o.header_count; i++) {
        free((char *)o.headers[i].name);
        free((char *)o.headers[i].value);
    }
    free(o.headers);
    return code;
}
