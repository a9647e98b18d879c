/* SPDX-License-Identifier: MIT */
#include "io/http.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"

/* All the header lines of an answer; curl keeps each of them in memory. */
#define HEADER_BYTES 65536
#define RETRY_AFTER_US                                                        \
    (366 * TIME_US_PER_DAY) /* more than that is nonsense, and would overflow \
                             */

/* --- what may be sent --- */

/* curl's own parser decides, so that what is checked here is what curl connects to. */
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

static void write_origin(CURLU *u, struct buf *out)
{
    char *scheme = NULL;
    char *host = NULL;
    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        buf_printf(out, "%s://%s", scheme, host);
    curl_free(scheme);
    curl_free(host);
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

static struct err make_headers(const struct header *headers, struct curl_slist **list)
{
    struct buf line = {0};
    struct err e = ERR_OK;
    bool has_type = false;
    for (const struct header *h = headers; h && h->name && !err_is(&e); h++) {
        e = header_check(h->name, h->value);
        buf_clear(&line);
        /* "Name:" would tell curl to leave the header out; "Name;" is an empty one. */
        if (h->value[strspn(h->value, " \t")] == '\0')
            buf_printf(&line, "%s;", h->name);
        else
            buf_printf(&line, "%s: %s", h->name, h->value);
        if (!err_is(&e))
            *list = curl_slist_append(*list, buf_cstr(&line));
        has_type = has_type || strcasecmp(h->name, "content-type") == 0;
    }
    /* A form is what curl would call it; and a big body would wait a second for "100 Continue". */
    if (!has_type)
        *list = curl_slist_append(*list, "Content-Type:");
    *list = curl_slist_append(*list, "Expect:");
    buf_free(&line);
    return e;
}

/* --- what comes back --- */

struct answer {
    struct http_reply *reply;
    size_t header_bytes;
    bool headers_end; /* all of the final answer's headers are here */
    CURL *curl;
};

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct answer *a = context;
    size_t len = size * count;
    long status = 0;
    a->header_bytes += len;
    if (a->header_bytes > HEADER_BYTES)
        return 0;
    if (len <= 2 && (len == 0 || bytes[0] == '\r' || bytes[0] == '\n')) {
        (void)curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
        a->headers_end = status >= 200;
    }
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct answer *a = context;
    size_t len = size * count;
    size_t room = HTTP_REPLY_BYTES - a->reply->body_len;
    size_t kept = len < room ? len : room;
    memcpy(a->reply->body + a->reply->body_len, bytes, kept);
    a->reply->body_len += kept;
    /* Nobody reads the rest: short of len, curl hangs up. */
    return kept;
}

static void read_answer(struct answer *a)
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

/* --- the exchange --- */

static long milliseconds(int64_t us)
{
    int64_t ms = (us + TIME_US_PER_MS - 1) / TIME_US_PER_MS;
    return ms > INT32_MAX ? INT32_MAX : (long)ms;
}

static CURLcode set_options(CURL *c, CURLU *url, const struct http_request *request,
                            struct curl_slist *headers, struct answer *answer, char *why)
{
    long timeout = milliseconds(request->timeout_us > 0 ? request->timeout_us : HTTP_TIMEOUT_US);
    CURLcode code = CURLE_OK;
#define SET(option, value) code = code ? code : curl_easy_setopt(c, option, value)
    SET(CURLOPT_CURLU, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* not NULL: that would ask the environment */
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, timeout);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout);
    SET(CURLOPT_USERAGENT, "spoolgate");
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    SET(CURLOPT_POSTFIELDS, request->body_len ? request->body : "");
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, answer);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, answer);
    SET(CURLOPT_ERRORBUFFER, why);
#undef SET
    return code;
}

static struct err exchange(CURL *c, CURLU *url, const struct http_request *request,
                           struct curl_slist *headers, struct http_reply *reply)
{
    char why[CURL_ERROR_SIZE] = "";
    struct answer answer = {.reply = reply, .curl = c};
    int64_t start = time_monotonic();
    CURLcode code = set_options(c, url, request, headers, &answer, why);
    if (code != CURLE_OK)
        return err_make(ERR_INTERNAL, "libcurl refuses an option: %s", curl_easy_strerror(code));
    code = curl_easy_perform(c);
    reply->took_us = time_monotonic() - start;
    /* Once the headers are in, the listener has answered, even if it then hangs up, drips or goes
     * on for ever. Before that it has not, even if curl is content with half of them. */
    if (answer.headers_end) {
        read_answer(&answer);
        return ERR_OK;
    }
    struct buf origin = {0};
    write_origin(url, &origin);
    const char *text = why[0] ? why : curl_easy_strerror(code);
    if (answer.header_bytes > HEADER_BYTES)
        text = "the answer's headers don't end";
    else if (code == CURLE_OK)
        text = "the answer was cut off";
    struct err e = err_make(ERR_REMOTE, "%s: %s", buf_cstr(&origin), text);
    buf_free(&origin);
    return e;
}

struct err http_post(const struct http_request *request, struct http_reply *reply)
{
    CURLU *url = NULL;
    struct curl_slist *headers = NULL;
    *reply = (struct http_reply){0};
    TRY(parse_url(request->url, &url));
    struct err e = make_headers(request->headers, &headers);
    CURL *c = curl_easy_init();
    if (!err_is(&e) && !c)
        e = err_make(ERR_INTERNAL, "libcurl can't start");
    if (!err_is(&e))
        e = exchange(c, url, request, headers, reply);
    curl_easy_cleanup(c);
    curl_slist_free_all(headers);
    curl_url_cleanup(url);
    return e;
}
