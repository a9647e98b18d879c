/* SPDX-License-Identifier: MIT */
/*
 * A request of any bytes, to a listener that answers any bytes. Input: the URL, three headers as
 * name and value, each ended by a NUL; the rest is the answer. The connection is one end of a pair
 * of sockets, so that all of curl takes part.
 *
 * What must hold: what passes the checks can't begin a line of its own in the request; an answer's
 * size has a bound; what people get to see is UTF-8 without control characters.
 */
#include "io/http_attempt.c"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"
#include "event/webhook.h"

enum { HEADERS = 3 };

static bool has_break(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

static void check_lines(const struct buf *text)
{
    assert(utf8_check(text->data, text->len) == text->len);
    for (size_t i = 0; i < text->len; i++)
        assert((text->data[i] >= ' ' || text->data[i] == '\n') && text->data[i] != 0x7f);
}

/* The next text of the input; "" where it has ended. */
static char *take_text(const uint8_t **bytes, size_t *len)
{
    size_t n = strnlen((const char *)*bytes, *len);
    char *text = strndup((const char *)*bytes, n);
    assert(text);
    n += n < *len;
    *bytes += n;
    *len -= n;
    return text;
}

static bool is_good_url(const char *url)
{
    struct buf origin = {0};
    struct err e = http_check_url(url, &origin);
    bool good = !err_is(&e);
    if (good) {
        assert(!has_break(url));
        assert(strncmp(buf_cstr(&origin), "http", 4) == 0);
        assert(!memchr(origin.data, '\n', origin.len));
        check_lines(&origin);
    }
    buf_free(&origin);
    return good;
}

static curl_socket_t open_pair(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    (void)address;
    return dup(*(int *)context);
}

static int is_connected(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)context;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* A request's head: every break is a whole one, and no header is there that nobody asked for. */
static void check_request(int fd, size_t headers)
{
    static char bytes[65536];
    ssize_t len = recv(fd, bytes, sizeof bytes - 1, MSG_DONTWAIT);
    if (len <= 0)
        return;
    bytes[len] = '\0';
    char *end = strstr(bytes, "\r\n\r\n");
    assert(end);
    size_t lines = 0;
    for (char *p = bytes; p < end; p++) {
        assert((*p == '\n') == (p > bytes && p[-1] == '\r'));
        lines += *p == '\n';
    }
    /* Host, Authorization, User-Agent, Accept, Content-Length */
    assert(lines <= 5 + headers);
    assert(strncmp(bytes, "POST ", 5) == 0);
}

static void exchange(const char *url, const struct header *list, size_t count, const uint8_t *bytes,
                     size_t len)
{
    int fds[2];
    struct http_attempt a;
    struct http_reply reply;
    struct buf text = {0};
    struct http_request request = {.url = url,
                                   .headers = list,
                                   .body = "{}",
                                   .body_len = 2,
                                   .timeout_us = TIME_US_PER_S,
                                   .exchange = &text};
    struct err e = http_attempt_open(&a, &request, &reply);
    assert(!err_is(&e));
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    assert(send(fds[1], bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
    assert(shutdown(fds[1], SHUT_WR) == 0);
    struct curl_slist *to = curl_slist_append(NULL, "::127.0.0.1:1"); /* asks no name server */
    (void)curl_easy_setopt(a.curl, CURLOPT_CONNECT_TO, to);
    (void)curl_easy_setopt(a.curl, CURLOPT_OPENSOCKETFUNCTION, open_pair);
    (void)curl_easy_setopt(a.curl, CURLOPT_OPENSOCKETDATA, &fds[0]);
    (void)curl_easy_setopt(a.curl, CURLOPT_SOCKOPTFUNCTION, is_connected);
    e = http_attempt_finish(&a, curl_easy_perform(a.curl));
    assert(err_is(&e) || (reply.status >= 200 && reply.status <= 999));
    assert(err_is(&e) || (reply.retry_after_us >= 0 && reply.retry_after_us <= RETRY_AFTER_US));
    assert(reply.body_len <= HTTP_REPLY_BYTES && reply.body[reply.body_len] == '\0');
    check_request(fds[1], count);
    check_lines(&text);
    http_attempt_close(&a);
    curl_slist_free_all(to);
    (void)close(fds[0]);
    (void)close(fds[1]);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *texts[1 + 2 * HEADERS];
    struct header extra[HEADERS + 1] = {0};
    struct webhook_headers headers;
    size_t count = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        texts[i] = take_text(&bytes, &len);
    for (size_t i = 0; i < HEADERS; i++) {
        struct header h = {texts[1 + 2 * i], texts[2 + 2 * i], i == 0};
        struct err e = header_check(h.name, h.value);
        if (err_is(&e))
            continue;
        assert(h.name[0] && !has_break(h.name) && !has_break(h.value));
        extra[count++] = h;
    }
    webhook_make_headers(&headers, &(struct webhook_attempt){.id = "1",
                                                             .content_type = "application/json",
                                                             .body = "{}",
                                                             .body_len = 2,
                                                             .extra = extra});
    size_t all = 0;
    while (headers.list[all].name)
        all++;
    bool is_plain = is_good_url(texts[0]) && strncasecmp(texts[0], "http:", 5) == 0;
    exchange(is_plain ? texts[0] : "http://h/", headers.list, all, bytes, len);
    webhook_free_headers(&headers);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    return 0;
}
