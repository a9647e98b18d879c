/* SPDX-License-Identifier: MIT */
#include "outbox/request.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "bytes.h"

/* The example of the Standard Webhooks specification, and 24 zero bytes. */
#define KEY       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER_KEY "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define BODY      "{\"test\": 2432232314}"
#define SECONDS   1614265330
#define SIGNED                                         \
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= " \
    "v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g="

static const struct manifest_secret keys[] = {{SECRET_ENV, "SG_KEY"}, {SECRET_ENV, "SG_OTHER_KEY"}};
static const struct manifest_header headers[] = {{"X-Team", {SECRET_ENV, "SG_TEAM"}}};

static struct manifest_sink full_sink(void)
{
    return (struct manifest_sink){.name = "ops",
                                  .url = {SECRET_ENV, "SG_URL"},
                                  .secrets = keys,
                                  .secret_count = COUNT(keys),
                                  .bearer = {SECRET_ENV, "SG_TOKEN"},
                                  .headers = headers,
                                  .header_count = COUNT(headers),
                                  .timeout_us = 1234,
                                  .allow_private = true,
                                  .ca_file = "/ca.pem"};
}

static void set_environment(void)
{
    (void)setenv("SG_URL", "https://example.org/hush?hush=1", 1);
    (void)setenv("SG_TOKEN", "hush-token", 1);
    (void)setenv("SG_TEAM", "hush-team", 1);
    (void)setenv("SG_KEY", KEY, 1);
    (void)setenv("SG_OTHER_KEY", OTHER_KEY, 1);
}

static const struct sink_message message = {.event_id = ID,
                                            .content_type = "application/json",
                                            .body = BODY,
                                            .body_len = sizeof BODY - 1,
                                            .now_us = SECONDS * INT64_C(1000000) + 999999};

static const struct header *find(const struct sink_request *r, const char *name)
{
    for (const struct header *h = r->http.headers; h->name; h++)
        if (strcmp(h->name, name) == 0)
            return h;
    return NULL;
}

Test(outbox_request, everything_a_sink_can_have)
{
    static const struct {
        const char *name, *value;
        bool is_secret;
    } want[] = {{"content-type", "application/json", false},  {"webhook-id", ID, false},
                {"webhook-timestamp", "1614265330", false},   {"webhook-signature", SIGNED, false},
                {"authorization", "Bearer hush-token", true}, {"X-Team", "hush-team", true}};
    struct manifest_sink sink = full_sink();
    struct sink_request made;
    size_t count = 0;
    set_environment();
    struct err e = request_make(&made, &sink, &message);
    cr_assert(!err_is(&e), "%s", e.text);
    struct sink_request r = made; /* it may be moved */
    memset(&made, 0xff, sizeof made);
    cr_expect_str_eq(r.http.url, "https://example.org/hush?hush=1");
    cr_expect_eq(r.http.timeout_us, 1234);
    cr_expect(r.http.allow_private);
    cr_expect_str_eq(r.http.ca_file, "/ca.pem");
    EXPECT_BYTES(r.http.body, r.http.body_len, BODY, sizeof BODY - 1, "body");
    for (const struct header *h = r.http.headers; h->name; h++)
        count++;
    cr_expect_eq(count, COUNT(want), "want %zu headers, got %zu", COUNT(want), count);
    for (size_t i = 0; i < COUNT(want); i++) {
        const struct header *h = find(&r, want[i].name);
        cr_assert(h, "%s: missing", want[i].name);
        cr_expect_str_eq(h->value, want[i].value, "%s: want `%s`, got `%s`", want[i].name,
                         want[i].value, h->value);
        cr_expect_eq(h->is_secret, want[i].is_secret, "%s: is it secret?", want[i].name);
    }
    request_wipe(&r);
}

Test(outbox_request, a_sink_without_secrets)
{
    struct manifest_sink sink = {.name = "ops", .url = {SECRET_INLINE, "http://example.org"}};
    struct sink_request r;
    struct err e = request_make(&r, &sink, &message);
    cr_assert(!err_is(&e), "%s", e.text);
    cr_expect_str_eq(r.http.url, "http://example.org");
    cr_expect_null(find(&r, "webhook-signature"));
    cr_expect_null(find(&r, "authorization"));
    cr_expect_not_null(find(&r, "webhook-id"));
    cr_expect(!r.http.allow_private);
    request_wipe(&r);
}

Test(outbox_request, what_is_wrong_is_told_without_the_value)
{
    static const struct {
        const char *variable, *value; /* NULL: isn't set */
        const char *want;
    } rows[] = {
        {"SG_URL", NULL, "SG_URL"},
        {"SG_URL", "ftp://hush/", "url (env SG_URL): "},
        {"SG_URL", "https://hush:99999999/", "url (env SG_URL): "},
        {"SG_TOKEN", NULL, "SG_TOKEN"},
        {"SG_TOKEN", "hush\x01hush", "authorization (env SG_TOKEN): "},
        {"SG_TEAM", "", "SG_TEAM"},
        {"SG_TEAM", "hush\x7f", "X-Team (env SG_TEAM): "},
        {"SG_KEY", "hush", "secret (env SG_KEY): "},
        {"SG_OTHER_KEY", "whsec_aHVzaA==", "secret (env SG_OTHER_KEY): "},
        {"SG_OTHER_KEY", NULL, "SG_OTHER_KEY"},
    };
    struct manifest_sink sink = full_sink();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sink_request r;
        set_environment();
        (void)unsetenv(rows[i].variable);
        if (rows[i].value)
            (void)setenv(rows[i].variable, rows[i].value, 1);
        struct err e = request_make(&r, &sink, &message);
        cr_expect_eq(e.cls, ERR_CONFIG, "row %zu: want a failure of class config, got %s", i,
                     err_class_name(e.cls));
        cr_expect(strstr(e.text, rows[i].want) && !strstr(e.text, "hush") &&
                      !strstr(e.text, "aHVzaA"),
                  "row %zu: want a text with `%s` and without the value, got `%s`", i, rows[i].want,
                  e.text);
        request_wipe(&r);
    }
}

Test(outbox_request, where_events_go)
{
    static const struct {
        struct manifest_secret url;
        const char *want;
    } rows[] = {
        {{SECRET_INLINE, "https://example.org/a?token=hush"}, "https://example.org"},
        {{SECRET_INLINE, "http://[::1]:8080/a"}, "http://[::1]:8080"},
        {{SECRET_ENV, "SG_URL"}, "(env SG_URL)"},
        {{SECRET_FILE, "/etc/url"}, "(file /etc/url)"},
        {{SECRET_CREDENTIAL, "ops-url"}, "(credential ops-url)"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct manifest_sink sink = {.name = "ops", .url = rows[i].url};
        struct buf got = {0};
        request_target(&sink, &got);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "row %zu: want `%s`, got `%s`", i,
                         rows[i].want, buf_cstr(&got));
        buf_free(&got);
    }
}
