/* SPDX-License-Identifier: MIT */
/*
 * endpoint: HOST:PORT, where a server listens or as a request's Host names it. Pure.
 *
 *     struct endpoint e;
 *     if (!endpoint_parse("[::1]:9647", &e))
 *         ... not an address and a port ...
 *     bind(fd, &e.address.any, e.len)
 *
 * Names aren't looked up: a host is an IPv4 address, an IPv6 address in brackets, or `localhost`,
 * which is 127.0.0.1.
 */
#ifndef SPOOLGATE_BASE_ENDPOINT_H
#define SPOOLGATE_BASE_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>

struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len;
};

/* The port is needed; 0 is any free one. */
bool endpoint_parse(const char *text, struct endpoint *e);

#define ENDPOINT_HOST 256 /* with its NUL: a name has at most 253 characters */

/* "example.org:80" into its parts; the port may be missing. The host is as it is written, in lower
 * case, without brackets; false: it isn't of that form. Whether such a host exists isn't asked. */
struct endpoint_text {
    char host[ENDPOINT_HOST];
    bool is_bracketed;
    int port; /* -1: none */
};
bool endpoint_split(const char *text, struct endpoint_text *parts);

/* The host as an address, with its port; false: it is a name. */
bool endpoint_resolve(const struct endpoint_text *parts, struct endpoint *e);

bool endpoint_is_loopback(const struct endpoint *e);
bool endpoint_is_wildcard(const struct endpoint *e); /* 0.0.0.0 or [::]: all of the machine's */
bool endpoint_is_same_host(const struct endpoint *a, const struct endpoint *b);

#endif
