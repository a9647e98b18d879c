/* SPDX-License-Identifier: MIT */
#include "event/sign.h"

#include <criterion/criterion.h>
#include <string.h>

/* The example of the Standard Webhooks specification and its reference libraries. */
#define VECTOR_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define VECTOR_ID     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define VECTOR_TIME   1614265330
#define VECTOR_BODY   "{\"test\": 2432232314}"
#define VECTOR_WANT   "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

/* 24 zero bytes and 64 zero bytes */
#define ZEROS_24 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ZEROS_64 ZEROS_24 ZEROS_24 "AAAAAAAAAAAAAAAAAAAAAA"

struct signature_row {
    const char *secrets, *id, *body;
    int64_t timestamp;
    const char *want;
};

Test(event_sign, signatures)
{
    static const struct signature_row rows[] = {
        {VECTOR_SECRET, VECTOR_ID, VECTOR_BODY, VECTOR_TIME, VECTOR_WANT},
        /* the others were computed by Python's hmac */
        {"whsec_" ZEROS_24, "a", "", 0, "v1,bgTtLRZwJ7Vl4qiHkyGQ/EK5IJ9kqBwQsfukbZGFDAQ="},
        {"whsec_" ZEROS_64 "==", "a", "", -1, "v1,KoUpVH+EuLn5C6POcJZDPS06EEisC22JcpXgJ3/Zh3E="},
        {VECTOR_SECRET " whsec_" ZEROS_24, VECTOR_ID, VECTOR_BODY, VECTOR_TIME,
         VECTOR_WANT " v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g="},
        {"\n whsec_" ZEROS_24 "\t\r\n" VECTOR_SECRET "\n", VECTOR_ID, VECTOR_BODY, VECTOR_TIME,
         "v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g= " VECTOR_WANT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sign_keys keys = {0};
        struct buf out = {0};
        struct err e = sign_keys_add(&keys, rows[i].secrets);
        cr_assert(!err_is(&e), "row %zu: %s", i, e.text);
        sign_body(&keys, rows[i].id, rows[i].timestamp, rows[i].body, strlen(rows[i].body), &out);
        cr_expect_str_eq(buf_cstr(&out), rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, buf_cstr(&out));
        sign_keys_wipe(&keys);
        buf_free(&out);
    }
}

Test(event_sign, body_with_nul)
{
    struct sign_keys keys = {0};
    struct buf out = {0};
    struct err e = sign_keys_add(&keys, VECTOR_SECRET);
    cr_assert(!err_is(&e), "%s", e.text);
    sign_body(&keys, "id", 1, "a\0b", 3, &out);
    cr_expect_str_eq(buf_cstr(&out), "v1,5KBziM6MQ4smsgefGVITjD5zQbZDQSHTuFHvd+gMF3k=");
    buf_free(&out);
}

struct secret_row {
    const char *text;
    size_t bytes;     /* of the one key; 0: refused */
    const char *want; /* what the error has to say */
};

Test(event_sign, secrets)
{
    static const struct secret_row rows[] = {
        {VECTOR_SECRET, 24, ""},
        {"  " VECTOR_SECRET "\n", 24, ""},
        {"whsec_" ZEROS_24 "AA==", 25, ""},
        {"whsec_" ZEROS_24 "AA", 25, ""}, /* padding left out */
        {"whsec_" ZEROS_24 "AAA=", 26, ""},
        {"whsec_" ZEROS_64 "==", 64, ""},
        {"whsec_" ZEROS_64, 64, ""},
        {"whsec_+/" ZEROS_24 "AA", 27, ""},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0, "too short"}, /* 23 bytes */
        {"whsec_" ZEROS_64 "AA", 0, "too long"},                    /* 66 */
        {"whsec_" ZEROS_64 "A=", 0, "too long"},                    /* 65 */
        {"whsec_" ZEROS_64 ZEROS_64, 0, "too long"},
        {"whsec_", 0, "too short"},
        {"", 0, "is empty"},
        {" \n", 0, "is empty"},
        {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0, "starts otherwise"},
        {"WHSEC_" ZEROS_24, 0, "starts otherwise"},
        {"whsk_" ZEROS_24, 0, "starts otherwise"}, /* an asymmetric key */
        {"whsec", 0, "starts otherwise"},
        {"whsec_not base64", 0, "too short"}, /* two words: "not" comes first */
        {"whsec_" ZEROS_24 "-_AA", 0, "goes on with something else"},
        {"whsec_" ZEROS_24 "A", 0, "goes on with something else"},
        {"whsec_" ZEROS_24 "A===", 0, "goes on with something else"},
        {"whsec_" ZEROS_24 "AA=", 0, "goes on with something else"},
        {"whsec_" ZEROS_24 "AA=A", 0, "goes on with something else"},
        {"whsec_=" ZEROS_24 "AAA", 0, "goes on with something else"},
        {"whsec_====", 0, "goes on with something else"},
        {"whsec_" ZEROS_24 "\xc3\xa9", 0, "goes on with something else"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sign_keys keys = {0};
        struct err e = sign_keys_add(&keys, rows[i].text);
        size_t got = keys.count ? keys.key[0].len : 0;
        cr_expect_eq(err_is(&e), rows[i].bytes == 0, "%s: %s", rows[i].text, e.text);
        cr_expect_eq(got, rows[i].bytes, "%s: want %zu bytes, got %zu", rows[i].text, rows[i].bytes,
                     got);
        cr_expect(strstr(e.text, rows[i].want), "%s\nwant: %s\n got: %s", rows[i].text,
                  rows[i].want, e.text);
        cr_expect(!strstr(e.text, "AAAA"), "the secret is in: %s", e.text);
    }
}

Test(event_sign, all_or_none)
{
    struct sign_keys keys = {0};
    struct sign_keys before;
    struct err e = sign_keys_add(&keys, VECTOR_SECRET);
    cr_assert(!err_is(&e), "%s", e.text);
    before = keys;
    e = sign_keys_add(&keys, "whsec_" ZEROS_24 " whsec_short");
    cr_expect(err_is(&e));
    cr_expect_arr_eq(&keys, &before, sizeof keys);

    e = sign_keys_add(&keys, VECTOR_SECRET " " VECTOR_SECRET " " VECTOR_SECRET);
    cr_expect(!err_is(&e), "%s", e.text);
    cr_expect_eq(keys.count, SIGN_KEYS);
    e = sign_keys_add(&keys, VECTOR_SECRET);
    cr_expect_str_eq(e.text, "more than 4 webhook secrets for one listener");

    static const struct sign_keys none;
    sign_keys_wipe(&keys);
    cr_expect_arr_eq(&keys, &none, sizeof keys, "keys are left in memory");
}
