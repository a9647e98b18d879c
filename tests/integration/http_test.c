/* SPDX-License-Identifier: MIT */
#include "io/http.h"

#include <dirent.h>

#include "base/time.h"
#include "folder.h"
#include "io/http_pool.h"
#include "listener.h"

#define SECOND INT64_C(1000000)

static struct listener listener;
static uv_loop_t loop;
static struct http_pool *pool;
static bool is_open;
static unsigned descriptors;

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count;
}

static void set_up(void)
{
    listener_start(&listener);
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(uv_loop_close(&loop), 0);
    descriptors = count_descriptors(); /* with what uv keeps open from its first loop on */
    cr_assert_eq(uv_loop_init(&loop), 0);
    EXPECT_OK(http_pool_open(&pool, &loop));
    is_open = true;
}

static void close_pool(void)
{
    if (!is_open)
        return;
    is_open = false;
    if (pool)
        http_pool_close(pool);
    pool = NULL;
    cr_expect_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    int left = uv_loop_close(&loop);
    cr_expect_eq(left, 0, "handles stay open: %s", left ? uv_strerror(left) : "");
}

static void tear_down(void)
{
    close_pool();
    listener_stop(&listener);
}

TestSuite(http, .init = set_up, .fini = tear_down);

/* ---- posting by the pool ---- */

struct outcome {
    unsigned calls;
    struct err failure;
    struct http_reply reply;
};

static void note(void *context, const struct err *failure, const struct http_reply *reply)
{
    struct outcome *o = context;
    o->calls++;
    o->failure = *failure;
    o->reply = *reply;
}

static struct err pool_post(const struct http_request *request, struct http_reply *reply)
{
    struct outcome o = {0};
    http_pool_post(pool, request, note, &o);
    cr_expect_eq(o.calls, 0, "told before http_pool_post has returned");
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_eq(o.calls, 1, "want told once, got %u", o.calls);
    *reply = o.reply;
    return o.failure;
}

/* What holds for one request holds for both ways of posting it. */
static const struct way {
    const char *name;
    struct err (*post)(const struct http_request *request, struct http_reply *reply);
} ways[] = {{"http_post", http_post}, {"http_pool_post", pool_post}};

/* ---- answers ---- */

Test(http, answers)
{
    static const struct {
        const char *path;
        int status;       /* 0: a failure, */
        const char *want; /* of which this is a part; else of the body */
        size_t body_len;
        int64_t retry_after_us;
        bool takes_timeout;
    } rows[] = {
        {"/echo", 200, "hello", 5, 0, false},
        {"/busy", 503, "", 0, 7 * SECOND, false},
        {"/redirect", 302, "", 0, 0, false},
        {"/once", 200, "", 0, 0, false},
        {"/early", 413, "no", 2, 0, false},
        {"/cut-body", 200, "12345", 5, 0, false},
        {"/huge", 200, "01234567890", HTTP_REPLY_BYTES, 0, false},
        {"/drip-body", 200, "x", 0, 0, true},
        {"/close", 0, "Empty reply", 0, 0, false},
        {"/cut-head", 0, "the answer was cut off", 0, 0, false},
        {"/garbage", 0, "HTTP/0.9", 0, 0, false},
        {"/huge-head", 0, "the answer's headers don't end", 0, 0, false},
        {"/drip-head", 0, "timed out", 0, 0, true},
        {"/never", 0, "timed out", 0, 0, true},
    };
    for (size_t w = 0; w < COUNT(ways); w++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            char url[LISTENER_URL];
            struct http_reply reply;
            struct http_request request = {
                .url = listener_url(&listener, "127.0.0.1", rows[i].path, url),
                .body = "hello",
                .body_len = 5,
                .timeout_us = rows[i].takes_timeout ? SECOND / 4 : 10 * SECOND,
                .allow_private = true};
            unsigned heard = listener.heard;
            struct err e = ways[w].post(&request, &reply);
            const char *got = rows[i].status ? reply.body : e.text;
            const char *label = rows[i].path;
            cr_expect_eq(e.cls, rows[i].status ? ERR_NONE : ERR_REMOTE, "%s %s: got %s: %s",
                         ways[w].name, label, err_class_name(e.cls), e.text);
            cr_expect_eq(reply.status, rows[i].status, "%s %s: want %d, got %d", ways[w].name,
                         label, rows[i].status, reply.status);
            cr_expect(strstr(got, rows[i].want), "%s %s\nwant: %s\n got: %s", ways[w].name, label,
                      rows[i].want, got);
            cr_expect(!rows[i].body_len || reply.body_len == rows[i].body_len,
                      "%s %s: want %zu bytes, got %zu", ways[w].name, label, rows[i].body_len,
                      reply.body_len);
            cr_expect_eq(reply.retry_after_us, rows[i].retry_after_us);
            cr_expect_eq(listener.heard, heard + 1, "%s %s: want one request, got %u", ways[w].name,
                         label, listener.heard - heard);
            bool in_time = rows[i].takes_timeout
                               ? reply.took_us >= SECOND / 5 && reply.took_us < 5 * SECOND
                               : reply.took_us > 0 && reply.took_us < 5 * SECOND;
            cr_expect(in_time, "%s %s took %jd us", ways[w].name, label, (intmax_t)reply.took_us);
        }
}

/* A caller that wants all of an answer gets all of it, or none. */
Test(http, whole_answers)
{
    static const struct {
        const char *path;
        size_t limit;
        int status;       /* 0: a failure, */
        const char *want; /* of which this is a part; else the whole body */
        bool stops;
    } rows[] = {
        {"/echo", 5, 200, "hello", false},
        {"/echo", 4, 0, "the answer is longer than 4 bytes", false},
        {"/huge", 100000, 0, "the answer is longer than 100000 bytes", false},
        {"/cut-body", 100, 0, "the answer was cut off", false},
        {"/drip-body", 100, 0, "timed out", false},
        {"/busy", 100, 503, "", false},
        {"/early", 100, 413, "", false}, /* what is no success stays in the reply */
        {"/never", 100, 0, "broken off", true},
    };
    for (size_t w = 0; w < COUNT(ways); w++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            char url[LISTENER_URL];
            struct buf body = {0};
            struct http_reply reply;
            atomic_bool stop = rows[i].stops;
            struct http_request request = {
                .url = listener_url(&listener, "127.0.0.1", rows[i].path, url),
                .body = "hello",
                .body_len = 5,
                .timeout_us = rows[i].stops ? 20 * SECOND : SECOND,
                .allow_private = true,
                .reply_body = &body,
                .reply_limit = rows[i].limit,
                .stop = &stop};
            struct err e = ways[w].post(&request, &reply);
            const char *got = rows[i].status ? buf_cstr(&body) : e.text;
            enum err_class want = rows[i].status  ? ERR_NONE
                                  : rows[i].stops ? ERR_STOPPED
                                                  : ERR_REMOTE;
            cr_expect_eq(e.cls, want, "%s %s: got %s: %s", ways[w].name, rows[i].path,
                         err_class_name(e.cls), e.text);
            cr_expect_eq(reply.status, rows[i].status, "%s %s: want %d, got %d", ways[w].name,
                         rows[i].path, rows[i].status, reply.status);
            cr_expect(rows[i].status ? strcmp(got, rows[i].want) == 0
                                     : strstr(got, rows[i].want) != NULL,
                      "%s %s\nwant: %s\n got: %s", ways[w].name, rows[i].path, rows[i].want, got);
            cr_expect(body.len <= rows[i].limit, "got %zu bytes", body.len);
            buf_free(&body);
        }
}

Test(http, what_cannot_be_sent)
{
    static const struct header bad[] = {{.name = "x", .value = "a\nb"}, {0}};
    static const struct {
        const char *url;
        const struct header *headers;
        const char *ca_file;
        enum err_class class;
        const char *want;
    } rows[] = {
        {"ftp://127.0.0.1/", NULL, NULL, ERR_USAGE, "has to start with https://"},
        {"127.0.0.1", NULL, NULL, ERR_USAGE, "has to start with https://"},
        {"http://", NULL, NULL, ERR_USAGE, "can't be used"},
        {"http://127.0.0.1/\r\nX: y", NULL, NULL, ERR_USAGE, "can't be used"},
        {"http://127.0.0.1:1/", bad, NULL, ERR_USAGE, "line breaks"},
        {"http://127.0.0.1:1/s3cret", NULL, NULL, ERR_REMOTE,
         "http://127.0.0.1:1: can't connect: Connection refused"},
        {"https://127.0.0.1:@/s3cret", NULL, "/nowhere/s3cret.pem", ERR_CONFIG, "authorities"},
    };
    for (size_t w = 0; w < COUNT(ways); w++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            struct http_reply reply;
            char url[LISTENER_URL];
            const char *at = strchr(rows[i].url, '@');
            (void)snprintf(url, sizeof url, "%s", rows[i].url);
            if (at)
                (void)snprintf(url + (at - rows[i].url), sizeof url - (at - rows[i].url), "%u%s",
                               listener.port, at + 1);
            struct http_request request = {.url = url,
                                           .headers = rows[i].headers,
                                           .allow_private = true,
                                           .ca_file = rows[i].ca_file};
            struct err e = ways[w].post(&request, &reply);
            cr_expect_eq(e.cls, rows[i].class, "%s %s: want %s, got %s: %s", ways[w].name, url,
                         err_class_name(rows[i].class), err_class_name(e.cls), e.text);
            cr_expect(strstr(e.text, rows[i].want), "%s %s\nwant: %s\n got: %s", ways[w].name, url,
                      rows[i].want, e.text);
            cr_expect(rows[i].ca_file || !strstr(e.text, "s3cret"), "%s", e.text);
        }
}

/* What may be shown of a URL, as far as it is one. */
Test(http, check_url)
{
    static const struct {
        const char *url, *want; /* NULL: it can't be used */
    } rows[] = {
        {"https://example.org/s3cret?s3cret#s3cret", "https://example.org"},
        {"HTTP://Example.org", "http://Example.org"},
        {"https://user:s3cret@example.org:8443/", "https://example.org:8443"},
        {"http://[::1]:8080/x", "http://[::1]:8080"},
        {"http://b\xc3\xbc"
         "cher.example/",
         "http://b\xc3\xbc"
         "cher.example"},
        {"http://h\xff/", "http://h?"},
        {"", NULL},
        {"/x", NULL},
        {"example.org", NULL},
        {"http://h:99999/", NULL},
        {"http://h h/", NULL},
        {"http://h\n/", NULL},
        {"http://h/\r\nX: y", NULL},
        {"http://h%0a/", NULL},
        {"ftp://h/", NULL},
        {"file:///etc/passwd", NULL},
        {"gopher://h/", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf origin = {0};
        struct err e = http_check_url(rows[i].url, &origin);
        cr_expect_eq(e.cls, rows[i].want ? ERR_NONE : ERR_USAGE, "%s: got %s", rows[i].url,
                     err_class_name(e.cls));
        cr_expect_str_eq(buf_cstr(&origin), rows[i].want ? rows[i].want : "", "%s: got %s",
                         rows[i].url, (char *)origin.data);
        buf_free(&origin);
    }
}

/* ---- the guard ---- */

Test(http, guard)
{
    static const char *const hosts[] = {"127.0.0.1",       "127.1",     "2130706433",
                                        "0x7f000001",      "localhost", "0.0.0.0",
                                        "[::ffff:7f00:1]", "[::1]",     "LOCALHOST"};
    for (size_t w = 0; w < COUNT(ways); w++)
        for (size_t i = 0; i < COUNT(hosts); i++) {
            char url[LISTENER_URL];
            struct http_reply reply;
            struct http_request request = {.url = listener_url(&listener, hosts[i], "/echo", url)};
            struct err e = ways[w].post(&request, &reply);
            cr_expect_eq(e.cls, ERR_REMOTE, "%s %s: got %s", ways[w].name, url, e.text);
            cr_expect(strstr(e.text, " is not a public address; `allow_private: true` in its "
                                     "manifest"),
                      "%s %s: got %s", ways[w].name, url, e.text);
        }
    cr_expect_eq(listener.accepted, 0, "want no connection, got %u", listener.accepted);
}

/* An open connection to a private address is not for a request that may not open one. */
Test(http, guarded_and_unguarded_share_nothing)
{
    char url[LISTENER_URL];
    struct http_reply reply;
    struct http_request request = {.url = listener_url(&listener, "localhost", "/echo", url),
                                   .allow_private = true};
    EXPECT_OK(pool_post(&request, &reply));
    request.allow_private = false;
    EXPECT_ERR(pool_post(&request, &reply), ERR_REMOTE, "not a public address");
    request.allow_private = true;
    EXPECT_OK(pool_post(&request, &reply));
    cr_expect_eq(listener.accepted, 1, "want one connection, got %u", listener.accepted);
    cr_expect_eq(listener.heard, 2, "want two requests, got %u", listener.heard);
}

/* ---- the pool ---- */

Test(http, many_at_once)
{
    enum { MANY = 200 };
    static struct outcome outcomes[MANY];
    static char bodies[MANY][16];
    char url[LISTENER_URL];
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(bodies[i], sizeof bodies[i], "%zu", i);
        struct http_request request = {.url = listener_url(&listener, "127.0.0.1", "/echo", url),
                                       .body = bodies[i],
                                       .body_len = strlen(bodies[i]),
                                       .allow_private = true};
        http_pool_post(pool, &request, note, &outcomes[i]);
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < MANY; i++) {
        cr_expect_eq(outcomes[i].calls, 1, "%zu: told %u times", i, outcomes[i].calls);
        cr_expect_eq(outcomes[i].failure.cls, ERR_NONE, "%zu: %s", i, outcomes[i].failure.text);
        cr_expect_str_eq(outcomes[i].reply.body, bodies[i]);
    }
    cr_expect_eq(listener.heard, MANY);
    /* Of the idle ones so many are kept. */
    unsigned open = count_descriptors() - descriptors;
    unsigned kept = 128 + listener.accepted + 20; /* the listener's are ours, too */
    cr_expect_leq(open, kept, "%u descriptors are open", open);
}

Test(http, connections_are_kept)
{
    char url[LISTENER_URL];
    struct http_reply reply;
    struct http_request request = {.url = listener_url(&listener, "127.0.0.1", "/echo", url),
                                   .allow_private = true};
    for (size_t i = 0; i < 20; i++) {
        EXPECT_OK(pool_post(&request, &reply));
        cr_expect_eq(reply.status, 200);
    }
    cr_expect_eq(listener.accepted, 1, "want one connection, got %u", listener.accepted);
}

/* The listener hung up meanwhile: that is no failure, a new connection is made. */
Test(http, a_kept_connection_that_is_gone)
{
    char url[LISTENER_URL];
    struct http_reply reply;
    struct http_request request = {.url = listener_url(&listener, "127.0.0.1", "/once", url),
                                   .allow_private = true};
    for (unsigned i = 1; i <= 5; i++) {
        EXPECT_OK(pool_post(&request, &reply));
        cr_expect_eq(reply.status, 200);
        cr_expect_eq(listener.accepted, i, "want %u connections, got %u", i, listener.accepted);
    }
}

static unsigned left;
static struct http_request again;

static void post_again(void *context, const struct err *failure, const struct http_reply *reply)
{
    note(context, failure, reply);
    if (--left > 0)
        http_pool_post(pool, &again, post_again, context);
}

/* Also where they can't be started. */
Test(http, posting_from_done)
{
    static const char *const urls[] = {"/echo", "/close", NULL};
    char url[LISTENER_URL];
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct outcome o = {0};
        left = 10;
        again = (struct http_request){
            .url = urls[i] ? listener_url(&listener, "127.0.0.1", urls[i], url) : "http://",
            .allow_private = true};
        http_pool_post(pool, &again, post_again, &o);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        cr_expect_eq(o.calls, 10, "%s: want 10 calls, got %u", again.url, o.calls);
    }
}

/* A slow one costs the others nothing. */
Test(http, others_do_not_wait)
{
    char url[LISTENER_URL];
    struct outcome slow[20] = {0};
    struct http_reply reply;
    for (size_t i = 0; i < COUNT(slow); i++) {
        struct http_request request = {.url = listener_url(&listener, "127.0.0.1", "/never", url),
                                       .timeout_us = 60 * SECOND,
                                       .allow_private = true};
        http_pool_post(pool, &request, note, &slow[i]);
    }
    int64_t start = time_monotonic();
    struct outcome quick = {0};
    struct http_request request = {.url = listener_url(&listener, "127.0.0.1", "/echo", url),
                                   .allow_private = true};
    http_pool_post(pool, &request, note, &quick);
    while (quick.calls == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    reply = quick.reply;
    cr_expect_eq(reply.status, 200);
    cr_expect_lt(time_monotonic() - start, 10 * SECOND);
    cr_expect_eq(slow[0].calls, 0);
    close_pool();
    for (size_t i = 0; i < COUNT(slow); i++)
        cr_expect_eq(slow[i].failure.cls, ERR_STOPPED, "got %s", slow[i].failure.text);
}

/* ---- closing ---- */

Test(http, closing_breaks_off)
{
    static const char *const paths[] = {"/never", "/drip-head", "/never"};
    char url[LISTENER_URL];
    struct outcome outcomes[COUNT(paths) + 1] = {0};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct http_request request = {.url = listener_url(&listener, "127.0.0.1", paths[i], url),
                                       .timeout_us = 60 * SECOND,
                                       .allow_private = true};
        http_pool_post(pool, &request, note, &outcomes[i]);
    }
    while (listener.heard < COUNT(paths))
        (void)uv_run(&loop, UV_RUN_ONCE);
    /* One that couldn't be started and hasn't been told of. */
    http_pool_post(pool, &(struct http_request){.url = "http://"}, note, &outcomes[COUNT(paths)]);
    int64_t start = time_monotonic();
    close_pool();
    cr_expect_lt(time_monotonic() - start, 5 * SECOND);
    for (size_t i = 0; i <= COUNT(paths); i++) {
        enum err_class want = i < COUNT(paths) ? ERR_STOPPED : ERR_USAGE;
        cr_expect_eq(outcomes[i].calls, 1, "%zu: told %u times", i, outcomes[i].calls);
        cr_expect_eq(outcomes[i].failure.cls, want, "%zu: %s", i, outcomes[i].failure.text);
    }
    unsigned open = count_descriptors();
    cr_expect_leq(open, descriptors + listener.accepted, "%u descriptors, %u before", open,
                  descriptors);
}

static void close_it(void *context, const struct err *failure, const struct http_reply *reply)
{
    struct http_pool *closing = pool;
    note(context, failure, reply);
    pool = NULL; /* closing it tells the others */
    if (closing)
        http_pool_close(closing);
}

/* Whichever ends first closes the pool; all of them are told, once. */
Test(http, closing_from_done)
{
    static const char *const urls[] = {"/echo", "/close", "/echo", "/never", NULL};
    for (size_t first = 0; first < 2; first++) {
        char url[LISTENER_URL];
        struct outcome outcomes[COUNT(urls)] = {0};
        if (!pool)
            EXPECT_OK(http_pool_open(&pool, &loop));
        for (size_t i = first; i < COUNT(urls) - first; i++) {
            struct http_request request = {
                .url = urls[i] ? listener_url(&listener, "127.0.0.1", urls[i], url) : "http://",
                .allow_private = true};
            http_pool_post(pool, &request, close_it, &outcomes[i]);
        }
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        cr_expect_null(pool);
        for (size_t i = first; i < COUNT(urls) - first; i++)
            cr_expect_eq(outcomes[i].calls, 1, "%zu: told %u times", i, outcomes[i].calls);
    }
}

/* ---- the exchange ---- */

Test(http, exchange)
{
    static const struct header headers[] = {
        {.name = "X-Open", .value = "1"},
        {.name = "X-Token", .value = "s3cret", .is_secret = true},
        {0}};
    char url[LISTENER_URL];
    char want[BYTES_TEXT];
    struct http_reply reply;
    struct buf text = {0};
    (void)snprintf(url, sizeof url, "http://user:s3cret@127.0.0.1:%u/echo", listener.port);
    struct http_request request = {.url = url,
                                   .headers = headers,
                                   .body = "hello",
                                   .body_len = 5,
                                   .allow_private = true,
                                   .exchange = &text};
    EXPECT_OK(http_post(&request, &reply));
    (void)snprintf(want, sizeof want,
                   "* 127.0.0.1: connecting\n"
                   "> POST /... HTTP/1.1\n"
                   "> Host: 127.0.0.1:%u\n"
                   "> Authorization: (secret)\n"
                   "> User-Agent: spoolgate\n"
                   "> Accept: */*\n"
                   "> X-Open: 1\n"
                   "> X-Token: (secret)\n"
                   "> Content-Length: 5\n"
                   "< HTTP/1.1 200 OK\n"
                   "< Content-Type: text/plain\n"
                   "< Content-Length: 5\n",
                   listener.port);
    cr_expect_str_eq(buf_cstr(&text), want, "want:\n%s\n got:\n%s", want, (char *)text.data);
    buf_clear(&text);
    request.allow_private = false;
    EXPECT_ERR(http_post(&request, &reply), ERR_REMOTE, "not a public");
    cr_expect_str_eq(buf_cstr(&text), "* 127.0.0.1: not a public address: not connected to\n");
    buf_free(&text);
}

/* A kept connection serves the next request; not one with a guard that it was opened without; and
 * one that the listener has closed is opened anew, without a failure. */
Test(http, kept)
{
    static const struct {
        const char *path;
        bool allow_private;
        enum err_class want;
        unsigned accepted; /* connections by then */
    } rows[] =
        {
            {"/echo", true, ERR_NONE, 1},    {"/echo", true, ERR_NONE, 1},
            {"/once", true, ERR_NONE, 1},    {"/echo", true, ERR_NONE, 2},
            {"/close", true, ERR_REMOTE, 3}, /* asked once more, since it might just have gone */
            {"/echo", true, ERR_NONE, 4},    {"/echo", false, ERR_REMOTE, 4},
            {"/echo", true, ERR_NONE, 5},
        };
    struct http_keep keep = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char url[LISTENER_URL];
        struct http_reply reply;
        struct http_request request = {.url =
                                           listener_url(&listener, "127.0.0.1", rows[i].path, url),
                                       .body = "hello",
                                       .body_len = 5,
                                       .timeout_us = 10 * SECOND,
                                       .allow_private = rows[i].allow_private,
                                       .keep = &keep};
        struct err e = http_post(&request, &reply);
        cr_expect_eq(e.cls, rows[i].want, "row %zu: want %d, got %d: %s", i, rows[i].want, e.cls,
                     e.text);
        cr_expect_eq(listener.accepted, rows[i].accepted, "row %zu: want %u connections, got %u", i,
                     rows[i].accepted, listener.accepted);
    }
    http_keep_close(&keep);
    http_keep_close(&keep);
}
