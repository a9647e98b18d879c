/* SPDX-License-Identifier: MIT */
#include "base/endpoint.h"

#include <arpa/inet.h>

#include "base/address.h"
#include "bytes.h"

/* "127.0.0.1 9647", or "-" where it isn't one. */
static const char *show(const char *text, char out[BYTES_TEXT])
{
    struct endpoint e;
    char address[ADDRESS_TEXT];
    if (!endpoint_parse(text, &e))
        return "-";
    bool is_ipv6 = e.address.any.sa_family == AF_INET6;
    (void)snprintf(out, BYTES_TEXT, "%s %u", address_format(&e.address.any, address),
                   ntohs(is_ipv6 ? e.address.v6.sin6_port : e.address.v4.sin_port));
    cr_expect_eq(e.len, is_ipv6 ? sizeof e.address.v6 : sizeof e.address.v4, "%s", text);
    return out;
}

Test(base_endpoint, parse)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"127.0.0.1:9647", "127.0.0.1 9647"},
        {"localhost:80", "127.0.0.1 80"},
        {"LocalHost:80", "127.0.0.1 80"},
        {"0.0.0.0:65535", "0.0.0.0 65535"},
        {"10.0.0.1:0", "10.0.0.1 0"},
        {"[::1]:9647", "::1 9647"},
        {"[::]:1", ":: 1"},
        {"[FE80::1]:1", "fe80::1 1"},
        {"[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1 1"},
        {"", "-"},
        {"9647", "-"},
        {":9647", "-"},
        {"*:9647", "-"},
        {"127.0.0.1", "-"},
        {"127.0.0.1:", "-"},
        {"127.0.0.1:65536", "-"},
        {"127.0.0.1:123456", "-"},
        {"127.0.0.1:-1", "-"},
        {"127.0.0.1:80 ", "-"},
        {" 127.0.0.1:80", "-"},
        {"127.0.0.1:80:80", "-"},
        {"127.1:80", "-"},
        {"256.0.0.1:80", "-"},
        {"example.org:80", "-"},
        {"::1:9647", "-"},
        {"[::1]", "-"},
        {"[::1:80", "-"},
        {"[]:80", "-"},
        {"[127.0.0.1]:80", "-"},
        {"[fe80::1%eth0]:80", "-"},
        {"[localhost]:80", "-"},
        {"http://127.0.0.1:80", "-"},
    };
    char got[BYTES_TEXT];
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_str_eq(show(rows[i].text, got), rows[i].want, "\"%s\": want %s, got %s",
                         rows[i].text, rows[i].want, show(rows[i].text, got));
}

Test(base_endpoint, split)
{
    static const struct {
        const char *text;
        bool want;
        const char *host;
        bool is_bracketed;
        int port;
    } rows[] = {
        {"Example.ORG", true, "example.org", false, -1},
        {"example.org:8080", true, "example.org", false, 8080},
        {"example.org:", true, "example.org", false, -1},
        {"[::1]", true, "::1", true, -1},
        {"[::1]:1", true, "::1", true, 1},
        {"a_b-c.d", true, "a_b-c.d", false, -1},
        {"example.org:80a", false, NULL, false, 0},
        {"exa mple.org", false, NULL, false, 0},
        {"user@example.org", false, NULL, false, 0},
        {"example.org/x", false, NULL, false, 0},
        {"b\xc3\xbc"
         "cher.example",
         false, NULL, false, 0},
        {"[::1", false, NULL, false, 0},
        {"", false, NULL, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct endpoint_text parts;
        bool got = endpoint_split(rows[i].text, &parts);
        cr_expect_eq(got, rows[i].want, "\"%s\": want %d, got %d", rows[i].text, rows[i].want, got);
        if (!got || !rows[i].want)
            continue;
        cr_expect_str_eq(parts.host, rows[i].host, "want %s, got %s", rows[i].host, parts.host);
        cr_expect_eq(parts.is_bracketed, rows[i].is_bracketed, "%s", rows[i].text);
        cr_expect_eq(parts.port, rows[i].port, "%s: want %d, got %d", rows[i].text, rows[i].port,
                     parts.port);
    }
}

/* The longest name fits, and one letter more is none. */
Test(base_endpoint, length)
{
    char text[ENDPOINT_HOST + 1];
    struct endpoint_text parts;
    memset(text, 'a', sizeof text);
    text[ENDPOINT_HOST - 1] = '\0';
    cr_expect(endpoint_split(text, &parts), "255 letters");
    text[ENDPOINT_HOST - 1] = 'a';
    text[ENDPOINT_HOST] = '\0';
    cr_expect_not(endpoint_split(text, &parts), "256 letters");
}

Test(base_endpoint, kinds)
{
    static const struct {
        const char *text;
        bool is_loopback, is_wildcard;
    } rows[] = {
        {"127.0.0.1:1", true, false}, {"127.255.0.9:1", true, false}, {"126.0.0.1:1", false, false},
        {"[::1]:1", true, false},     {"[::2]:1", false, false},      {"0.0.0.0:1", false, true},
        {"[::]:1", false, true},      {"10.0.0.1:1", false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct endpoint e;
        struct endpoint first;
        cr_assert(endpoint_parse(rows[i].text, &e), "%s", rows[i].text);
        cr_assert(endpoint_parse(rows[0].text, &first));
        cr_expect_eq(endpoint_is_loopback(&e), rows[i].is_loopback, "%s", rows[i].text);
        cr_expect_eq(endpoint_is_wildcard(&e), rows[i].is_wildcard, "%s", rows[i].text);
        cr_expect_eq(endpoint_is_same_host(&e, &first), i == 0, "%s", rows[i].text);
        cr_expect(endpoint_is_same_host(&e, &e), "%s", rows[i].text);
    }
}
