/* SPDX-License-Identifier: MIT */
#include "io/http_attempt.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/time.h"

/* All the header lines of an answer; curl keeps each of them in memory. */
#define HEADER_BYTES   65536
#define RETRY_AFTER_US (366 * TIME_US_PER_DAY) /* more is nonsense, and would overflow */

/* --- what is sent --- */

/* curl's own parser decides, so that what is checked is what curl connects to. */
static struct err parse_url(const char *url, CURLU **parsed)
{
    char *scheme = NULL;
    char *host = NULL;
    struct err e = ERR_OK;
    CURLU *u = curl_url();
    if (!u)
        return err_make(ERR_INTERNAL, "libcurl can't start");
    CURLUcode code = curl_url_set(u, CURLUPART_URL, url, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    bool known = scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (code == CURLUE_OK && known)
        code = curl_url_get(u, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_UNSUPPORTED_SCHEME || code == CURLUE_BAD_SCHEME || (!code && !known))
        e = err_make(ERR_USAGE, "the URL has to start with https:// or http://");
    else if (code != CURLUE_OK)
        e = err_make(ERR_USAGE, "the URL can't be used: %s", curl_url_strerror(code));
    curl_free(scheme);
    curl_free(host);
    if (err_is(&e))
        curl_url_cleanup(u);
    else
        *parsed = u;
    return e;
}

/* Names come percent-decoded, and may hold any byte by then. The port is there if the URL has it.
 */
static void write_origin(CURLU *u, struct buf *out)
{
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        buf_printf(out, "%s://", scheme);
        http_exchange_clean(out, host, strlen(host));
        if (curl_url_get(u, CURLUPART_PORT, &port, 0) == CURLUE_OK)
            buf_printf(out, ":%s", port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
}

struct err http_check_url(const char *url, struct buf *origin)
{
    CURLU *u = NULL;
    TRY(parse_url(url, &u));
    if (origin)
        write_origin(u, origin);
    curl_url_cleanup(u);
    return ERR_OK;
}

static struct err add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        return err_make(ERR_INTERNAL, "libcurl is out of memory");
    *list = longer;
    return ERR_OK;
}

static struct err add_header(struct curl_slist **list, const struct header *h)
{
    struct buf line = {0};
    TRY(header_check(h->name, h->value));
    /* "Name:" would tell curl to leave the header out; "Name;" is an empty one. */
    if (h->value[strspn(h->value, " \t")] == '\0')
        buf_printf(&line, "%s;", h->name);
    else
        buf_printf(&line, "%s: %s", h->name, h->value);
    struct err e = add_line(list, buf_cstr(&line));
    buf_free(&line);
    return e;
}

static struct err make_headers(const struct header *headers, struct curl_slist **list)
{
    bool has_type = false;
    for (const struct header *h = headers; h && h->name; h++) {
        TRY(add_header(list, h));
        has_type = has_type || strcasecmp(h->name, "content-type") == 0;
    }
    /* A form is what curl would call it; and a big body would wait a second for "100 Continue". */
    if (!has_type)
        TRY(add_line(list, "Content-Type:"));
    return add_line(list, "Expect:");
}

/* --- the guard --- */

static void note_address(struct http_attempt *a, const char *address, const char *what)
{
    char text[ADDRESS_TEXT + 64];
    int len = snprintf(text, sizeof text, "%s: %s", address, what);
    http_exchange_note(&a->exchange, text, (size_t)len);
}

/* Sees each address that a name resolves to, at the moment when it would be connected to. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    struct http_attempt *a = context;
    char text[ADDRESS_TEXT];
    (void)purpose;
    (void)address_format(&address->addr, text);
    if (!a->allow_private && !address_is_public(&address->addr)) {
        if (!a->refused[0])
            memcpy(a->refused, text, sizeof text);
        note_address(a, text, "not a public address: not connected to");
        return CURL_SOCKET_BAD;
    }
    a->was_allowed = true;
    note_address(a, text, "connecting");
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- what comes back --- */

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct http_attempt *a = context;
    size_t len = size * count;
    long status = 0;
    a->header_bytes += len;
    if (a->header_bytes > HEADER_BYTES)
        return 0;
    if (len <= 2 && (len == 0 || bytes[0] == '\r' || bytes[0] == '\n')) {
        (void)curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
        a->has_answer = status >= 200;
    }
    return len;
}

static bool wants_whole(const struct http_attempt *a)
{
    long status = 0;
    if (a->body)
        (void)curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    return status / 100 == 2;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_attempt *a = context;
    size_t len = size * count;
    bool is_whole = wants_whole(a);
    if (is_whole && len > a->limit - a->body->len) {
        a->is_too_long = true;
        return 0;
    }
    if (is_whole) {
        buf_put(a->body, bytes, len);
        return len;
    }
    size_t room = HTTP_REPLY_BYTES - a->reply->body_len;
    size_t kept = len < room ? len : room;
    memcpy(a->reply->body + a->reply->body_len, bytes, kept);
    a->reply->body_len += kept;
    /* Nobody reads the rest: short of len, curl hangs up. */
    return kept;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct http_attempt *a = context;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return atomic_load(a->stop);
}

static int on_debug(CURL *curl, curl_infotype type, char *bytes, size_t len, void *context)
{
    static const char tls[] = "SSL connection using ";
    const size_t skip = sizeof tls - 1;
    struct http_attempt *a = context;
    (void)curl;
    if (type == CURLINFO_HEADER_OUT)
        http_exchange_sent(&a->exchange, bytes, len);
    else if (type == CURLINFO_HEADER_IN && a->header_bytes <= HEADER_BYTES)
        http_exchange_received(&a->exchange, bytes, len);
    else if (type == CURLINFO_TEXT && len > skip && memcmp(bytes, tls, skip) == 0)
        http_exchange_note(&a->exchange, bytes + skip, len - skip);
    return 0;
}

static void read_answer(struct http_attempt *a)
{
    long status = 0;
    curl_off_t value = 0;
    struct http_reply *reply = a->reply;
    (void)curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    reply->status = (int)status;
    if (curl_easy_getinfo(a->curl, CURLINFO_RETRY_AFTER, &value) == CURLE_OK && value > 0)
        reply->retry_after_us =
            value < RETRY_AFTER_US / TIME_US_PER_S ? value * TIME_US_PER_S : RETRY_AFTER_US;
    reply->body[reply->body_len] = '\0';
}

static struct err tell_failure(struct http_attempt *a, CURLcode code)
{
    struct buf origin = {0};
    struct err e;
    long number = 0; /* the errno; curl's own words leave it out */
    const char *why = a->why[0] ? a->why : curl_easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT)
        (void)curl_easy_getinfo(a->curl, CURLINFO_OS_ERRNO, &number);
    write_origin(a->url, &origin);
    const char *who = buf_cstr(&origin);
    if (a->refused[0] && !a->was_allowed)
        e = err_make(ERR_REMOTE,
                     "%s: %s is not a public address; `allow_private: true` in its manifest lets "
                     "it be one of a private network",
                     who, a->refused);
    else if (a->header_bytes > HEADER_BYTES)
        e = err_make(ERR_REMOTE, "%s: the answer's headers don't end", who);
    else if (code == CURLE_SSL_CACERT_BADFILE)
        e = err_make(ERR_CONFIG, "%s: the file of authorities can't be used: %s", who, why);
    else if (a->is_too_long)
        e = err_make(ERR_REMOTE, "%s: the answer is longer than %zu bytes", who, a->limit);
    else if (code == CURLE_OK || code == CURLE_PARTIAL_FILE)
        e = err_make(ERR_REMOTE, "%s: the answer was cut off", who);
    else if (number != 0)
        e = err_system(ERR_REMOTE, (int)number, "%s: can't connect", who);
    else
        e = err_make(ERR_REMOTE, "%s: %s", who, why);
    buf_free(&origin);
    return e;
}

struct err http_attempt_finish(struct http_attempt *a, CURLcode code)
{
    a->reply->took_us = time_monotonic() - a->start_us;
    /* Once the headers are in, the listener has answered, even if it then hangs up, drips or goes
     * on for ever. Before that it has not, even if curl is content with half of them. */
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return err_make(ERR_STOPPED, "the request was broken off");
    if (!a->has_answer || (code != CURLE_OK && wants_whole(a)))
        return tell_failure(a, code);
    read_answer(a);
    return ERR_OK;
}

/* --- opening --- */

static long milliseconds(int64_t us)
{
    int64_t ms = (us + TIME_US_PER_MS - 1) / TIME_US_PER_MS;
    return ms > INT32_MAX ? INT32_MAX : (long)ms;
}

static CURLcode set_options(struct http_attempt *a, const struct http_request *request)
{
    CURL *c = a->curl;
    long timeout = milliseconds(request->timeout_us > 0 ? request->timeout_us : HTTP_TIMEOUT_US);
    CURLcode code = CURLE_OK;
#define SET(option, value) code = code ? code : curl_easy_setopt(c, option, value)
    SET(CURLOPT_CURLU, a->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* not NULL: that would ask the environment */
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, a);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (request->ca_file) {
        SET(CURLOPT_CAINFO, request->ca_file);
        SET(CURLOPT_CAPATH, NULL);          /* the system's folder would be trusted beside it */
        SET(CURLOPT_CA_CACHE_TIMEOUT, 60L); /* s; so soon a file that is replaced counts */
    }
    SET(CURLOPT_NOSIGNAL, 1L); /* it needs none: also TLS is sent with MSG_NOSIGNAL */
    /* A name that resolves slowly would hold up the time-out, and with it all others on the loop:
     * the resolver's thread is left to end by itself. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_TIMEOUT_MS, timeout);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout);
    SET(CURLOPT_USERAGENT, "spoolgate");
    SET(CURLOPT_HTTPHEADER, a->headers);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    SET(CURLOPT_POSTFIELDS, request->body_len ? request->body : "");
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, a);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, a);
    if (request->stop) {
        SET(CURLOPT_NOPROGRESS, 0L);
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, a);
    }
    SET(CURLOPT_ERRORBUFFER, a->why);
    if (request->exchange) {
        SET(CURLOPT_VERBOSE, 1L);
        SET(CURLOPT_DEBUGFUNCTION, on_debug);
        SET(CURLOPT_DEBUGDATA, a);
    }
#undef SET
    return code;
}

/* A handle has its connections. One that was opened without the guard never serves a request with
 * it. */
static CURL *take_handle(struct http_keep *keep, bool allow_private)
{
    if (keep && keep->curl && keep->allow_private != allow_private)
        http_keep_close(keep);
    CURL *curl = keep && keep->curl ? keep->curl : curl_easy_init();
    if (keep)
        *keep = (struct http_keep){.allow_private = allow_private};
    return curl;
}

/* Only its connections stay: it forgets the request, whose bytes go away. */
static void give_back(CURL *curl, struct http_keep *keep)
{
    curl_easy_reset(curl);
    keep->curl = curl;
}

void http_keep_close(struct http_keep *keep)
{
    curl_easy_cleanup(keep->curl);
    *keep = (struct http_keep){0};
}

struct err http_attempt_open(struct http_attempt *a, const struct http_request *request,
                             struct http_reply *reply)
{
    *reply = (struct http_reply){0};
    *a = (struct http_attempt){
        .reply = reply,
        .keep = request->keep,
        .allow_private = request->allow_private,
        .body = request->reply_body,
        .limit = request->reply_limit,
        .stop = request->stop,
        .exchange = {.out = request->exchange, .headers = request->headers},
        .start_us = time_monotonic(),
    };
    TRY(parse_url(request->url, &a->url));
    TRY(make_headers(request->headers, &a->headers));
    a->curl = take_handle(a->keep, a->allow_private);
    if (!a->curl)
        return err_make(ERR_INTERNAL, "libcurl can't start");
    CURLcode code = set_options(a, request);
    if (code != CURLE_OK)
        return err_make(ERR_INTERNAL, "libcurl refuses an option: %s", curl_easy_strerror(code));
    return ERR_OK;
}

void http_attempt_close(struct http_attempt *a)
{
    if (a->keep && a->curl)
        give_back(a->curl, a->keep);
    else
        curl_easy_cleanup(a->curl);
    curl_slist_free_all(a->headers);
    curl_url_cleanup(a->url);
    http_exchange_free(&a->exchange);
}
