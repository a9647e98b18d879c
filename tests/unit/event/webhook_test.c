/* SPDX-License-Identifier: MIT */
#include "event/webhook.h"

#include "bytes.h"

#define NOW_US INT64_C(1614265330999999)
#define ID     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define BODY   "{\"test\": 2432232314}"

static char *show(const struct header *list, struct buf *text)
{
    for (const struct header *h = list; h->name; h++)
        buf_printf(text, "%s: %s%s\n", h->name, h->value, h->is_secret ? " (secret)" : "");
    return (char *)buf_cstr(text);
}

/* Signatures by Python's hmac; the first secret and body are the specification's example. */
Test(event_webhook, headers)
{
    static const struct header type[] = {{.name = "Content-Type", .value = "text/x"}, {0}};
    static const struct header extra[] = {
        {.name = "authorization", .value = "Bearer t", .is_secret = true},
        {.name = "x-one", .value = ""},
        {0}};
    static const struct {
        const char *secrets;
        const struct header *extra;
        const char *want;
    } rows[] = {
        {NULL, NULL,
         "content-type: application/json\n"
         "webhook-id: " ID "\n"
         "webhook-timestamp: 1614265330\n"},
        {NULL, extra,
         "content-type: application/json\n"
         "webhook-id: " ID "\n"
         "webhook-timestamp: 1614265330\n"
         "authorization: Bearer t (secret)\n"
         "x-one: \n"},
        {NULL, type,
         "webhook-id: " ID "\n"
         "webhook-timestamp: 1614265330\n"
         "Content-Type: text/x\n"},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL,
         "content-type: application/json\n"
         "webhook-id: " ID "\n"
         "webhook-timestamp: 1614265330\n"
         "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n"},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "
         "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
         extra,
         "content-type: application/json\n"
         "webhook-id: " ID "\n"
         "webhook-timestamp: 1614265330\n"
         "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
         " v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI=\n"
         "authorization: Bearer t (secret)\n"
         "x-one: \n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sign_keys keys = {0};
        struct webhook_headers headers;
        struct buf text = {0};
        if (rows[i].secrets) {
            struct err e = sign_keys_add(&keys, rows[i].secrets);
            cr_assert_not(err_is(&e), "%s", e.text);
        }
        webhook_make_headers(&headers, &(struct webhook_attempt){.id = ID,
                                                                 .now_us = NOW_US,
                                                                 .content_type = "application/json",
                                                                 .body = BODY,
                                                                 .body_len = strlen(BODY),
                                                                 .keys = &keys,
                                                                 .extra = rows[i].extra});
        cr_expect_str_eq(show(headers.list, &text), rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, (char *)text.data);
        webhook_free_headers(&headers);
        webhook_free_headers(&headers); /* is nothing */
        buf_free(&text);
    }
}

Test(event_webhook, no_keys_at_all)
{
    struct webhook_headers headers;
    webhook_make_headers(
        &headers, &(struct webhook_attempt){.id = ID, .now_us = 0, .content_type = "text/plain"});
    cr_expect_str_eq(headers.list[2].value, "0");
    cr_expect_null(headers.list[3].name);
    webhook_free_headers(&headers);
}

Test(event_webhook, judge)
{
    static const struct {
        int status;
        enum webhook_verdict want;
    } rows[] = {
        {0, WEBHOOK_REFUSED},     {199, WEBHOOK_REFUSED},   {200, WEBHOOK_DELIVERED},
        {204, WEBHOOK_DELIVERED}, {299, WEBHOOK_DELIVERED}, {300, WEBHOOK_REFUSED},
        {301, WEBHOOK_REFUSED},   {304, WEBHOOK_REFUSED},   {308, WEBHOOK_REFUSED},
        {400, WEBHOOK_REFUSED},   {401, WEBHOOK_REFUSED},   {404, WEBHOOK_REFUSED},
        {408, WEBHOOK_REFUSED},   {409, WEBHOOK_REFUSED},   {410, WEBHOOK_GONE},
        {411, WEBHOOK_REFUSED},   {428, WEBHOOK_REFUSED},   {429, WEBHOOK_BUSY},
        {430, WEBHOOK_REFUSED},   {499, WEBHOOK_REFUSED},   {500, WEBHOOK_BUSY},
        {503, WEBHOOK_BUSY},      {599, WEBHOOK_BUSY},      {600, WEBHOOK_REFUSED},
        {999, WEBHOOK_REFUSED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum webhook_verdict got = webhook_judge(rows[i].status);
        cr_expect_eq(got, rows[i].want, "%d: want %d, got %d", rows[i].status, rows[i].want, got);
    }
}

Test(event_webhook, wait)
{
    static const int64_t schedule[] = {0, 5000000, 300000000, INT64_MAX};
    static const struct {
        unsigned failed;
        int64_t retry_after;
        uint32_t random;
        int64_t want;
    } rows[] = {
        {0, 0, UINT32_MAX, 0},
        {1, 0, 0, 5000000},
        {1, 0, UINT32_MAX / 2 + 1, 5250000},
        {1, 0, UINT32_MAX, 5499999}, /* less than a tenth */
        {2, 0, 0, 300000000},
        {1, 4000000, 0, 5000000}, /* the longer one counts */
        {1, 6000000, 0, 6000000},
        {1, 6000000, UINT32_MAX, 6599999},
        {2, 6000000, 0, 300000000},
        {0, 1, 0, 1},
        {1, WEBHOOK_RETRY_AFTER_MAX_US, 0, WEBHOOK_RETRY_AFTER_MAX_US},
        {1, WEBHOOK_RETRY_AFTER_MAX_US + 1, 0, WEBHOOK_RETRY_AFTER_MAX_US},
        {1, INT64_MAX, 0, WEBHOOK_RETRY_AFTER_MAX_US},
        {3, 0, 0, INT64_MAX},
        {3, 0, UINT32_MAX, INT64_MAX}, /* doesn't overflow */
        {4, 0, 0, -1},                 /* none left, whatever is asked for */
        {4, 6000000, 0, -1},
        {UINT32_MAX, 0, 0, -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = webhook_wait_us(schedule, COUNT(schedule), rows[i].failed,
                                      rows[i].retry_after, rows[i].random);
        cr_expect_eq(got, rows[i].want, "row %zu: want %jd, got %jd", i, (intmax_t)rows[i].want,
                     (intmax_t)got);
    }
    cr_expect_eq(webhook_wait_us(NULL, 0, 0, 0, 0), -1);
}
