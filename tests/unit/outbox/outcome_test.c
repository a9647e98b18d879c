/* SPDX-License-Identifier: MIT */
#include "outbox/outcome.h"

#include <criterion/criterion.h>

#include "bytes.h"

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)

static const int64_t schedule[] = {0, 10 * SECOND};
static const struct manifest_sink sink = {
    .name = "ops", .retry_us = schedule, .retry_count = COUNT(schedule)};
static const struct header headers[] = {{"authorization", "Bearer tok-123", true},
                                        {"x-key", "k3y!", true},
                                        {"x-short", "abc", true},
                                        {"x-plain", "plain", false},
                                        {0}};
static const struct http_request request = {
    .url = "https://example.org:8443/hooks/T0/B1?key=s3cret", .headers = headers};

/* What came back, by the caller's row; `reply` is static since it is big. */
static struct outcome judge(int status, int64_t retry_after_us, const void *body, size_t len,
                            const struct err *failure, unsigned attempts)
{
    static struct http_reply reply;
    static const struct err none;
    struct outcome o;
    reply =
        (struct http_reply){.status = status, .retry_after_us = retry_after_us, .body_len = len};
    memcpy(reply.body, body, len);
    outcome_judge(&o, &(struct outcome_facts){.sink = &sink,
                                              .attempts = attempts,
                                              .failure = failure ? failure : &none,
                                              .reply = &reply,
                                              .http = &request});
    return o;
}

struct verdict_row {
    int status;
    int64_t retry_after_us;
    unsigned attempts;
    enum queue_outcome outcome;
    int64_t wait_us, pause_us;
    const char *error;
};

Test(outbox_outcome, answers)
{
    static const struct verdict_row rows[] = {
        {200, 0, 0, QUEUE_DELIVERED, 0, 0, ""},
        {204, 5 * SECOND, 1, QUEUE_DELIVERED, 0, 0, ""},
        {500, 0, 0, QUEUE_FAILED, 10 * SECOND, 0, "HTTP 500"},
        {500, 0, 1, QUEUE_FAILED, -1, 0, "HTTP 500"},
        {404, 20 * SECOND, 0, QUEUE_FAILED, 20 * SECOND, 0, "HTTP 404"}, /* not the whole sink */
        {429, 20 * SECOND, 0, QUEUE_FAILED, 20 * SECOND, 20 * SECOND, "HTTP 429"},
        {429, 5 * SECOND, 0, QUEUE_FAILED, 10 * SECOND, 5 * SECOND, "HTTP 429"},
        {503, 2 * HOUR, 0, QUEUE_FAILED, 2 * HOUR, HOUR, "HTTP 503"},
        {429, 20 * SECOND, 1, QUEUE_FAILED, -1, 20 * SECOND, "HTTP 429"},
        {302, 0, 0, QUEUE_FAILED, 10 * SECOND, 0, "HTTP 302: redirects aren't followed"},
        {410, 0, 0, QUEUE_GONE, 0, 0, "HTTP 410: the listener wants nothing more"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct verdict_row *row = &rows[i];
        struct outcome o = judge(row->status, row->retry_after_us, "", 0, NULL, row->attempts);
        cr_expect_eq(o.outcome, row->outcome, "row %zu: want outcome %d, got %d", i, row->outcome,
                     o.outcome);
        cr_expect_eq(o.status, row->status, "row %zu: got status %d", i, o.status);
        /* jitter adds up to a tenth; random is 0 here */
        cr_expect_eq(o.wait_us, row->wait_us, "row %zu: want wait %lld, got %lld", i,
                     (long long)row->wait_us, (long long)o.wait_us);
        cr_expect_eq(o.pause_us, row->pause_us, "row %zu: want pause %lld, got %lld", i,
                     (long long)row->pause_us, (long long)o.pause_us);
        cr_expect(strncmp(o.error, row->error, strlen(row->error)) == 0 &&
                      (*row->error || !*o.error),
                  "row %zu: want `%s`, got `%s`", i, row->error, o.error);
        outcome_free(&o);
    }
}

struct failure_row {
    enum err_class cls;
    enum queue_outcome outcome;
    int64_t wait_us;
};

Test(outbox_outcome, failures)
{
    static const struct failure_row rows[] = {
        {ERR_REMOTE, QUEUE_FAILED, 10 * SECOND},
        {ERR_CONFIG, QUEUE_UNSENT, 10 * SECOND},
        {ERR_USAGE, QUEUE_UNSENT, 10 * SECOND},
        {ERR_STOPPED, QUEUE_RELEASED, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err failure = err_make(rows[i].cls, "no luck");
        struct outcome o = judge(200, 60 * SECOND, "stale", 5, &failure, 0);
        cr_expect_eq(o.outcome, rows[i].outcome, "row %zu: want outcome %d, got %d", i,
                     rows[i].outcome, o.outcome);
        cr_expect_eq(o.wait_us, rows[i].wait_us, "row %zu: want wait %lld, got %lld", i,
                     (long long)rows[i].wait_us, (long long)o.wait_us);
        cr_expect(o.status == 0 && o.answer.len == 0, "row %zu: there was no answer", i);
        cr_expect_str_eq(o.error, "no luck", "row %zu: got `%s`", i, o.error);
        outcome_free(&o);
    }
}

struct answer_row {
    const char *body;
    size_t len;
    const char *want;
};

Test(outbox_outcome, answers_as_text)
{
    static const struct answer_row rows[] = {
        {BYTES(""), ""},
        {BYTES("fine\n"), "fine\n"},
        {BYTES("h\xc3\xa9llo \xf0\x9f\x99\x82"), "h\xc3\xa9llo \xf0\x9f\x99\x82"},
        {BYTES("a\0z"), "a\xef\xbf\xbdz"},
        {BYTES("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd"},
        {BYTES("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {BYTES("Cannot POST /hooks/T0/B1?key=s3cret"), "Cannot POST [secret]"},
        {BYTES("/hooks/T0/B1: no"), "[secret]: no"},
        {BYTES("{\"path\":\"\\/hooks\\/T0\\/B1\",\"a\":\"\\/b\"}"),
         "{\"path\":\"[secret]\",\"a\":\"\\/b\"}"},
        {BYTES("what key=s3cret?"), "what [secret]?"},
        {BYTES("bad key s3cret"), "bad key [secret]"},
        {BYTES("Bearer tok-123tok-123."), "[secret][secret]."},
        {BYTES("k3y!k3y"), "[secret]k3y"},
        {BYTES("abc plain example.org"), "abc plain example.org"}, /* no secrets, or too short */
        {BYTES("tok-123"), "[secret]"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome o = judge(200, 0, rows[i].body, rows[i].len, NULL, 0);
        EXPECT_BYTES(o.answer.data, o.answer.len, rows[i].want, strlen(rows[i].want), "row %zu", i);
        outcome_free(&o);
    }
}

Test(outbox_outcome, answers_are_cut_by_characters)
{
    static char body[HTTP_REPLY_BYTES];
    const size_t want = 2 * (size_t)QUEUE_ANSWER;
    for (size_t i = 0; i + 1 < sizeof body; i += 2)
        memcpy(body + i, "\xc3\xa9", 2);
    struct outcome o = judge(500, 0, body, sizeof body, NULL, 0);
    EXPECT_BYTES(o.answer.data, o.answer.len, body, want, "two bytes a character");
    outcome_free(&o);
}
