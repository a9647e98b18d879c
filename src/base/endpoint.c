/* SPDX-License-Identifier: MIT */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

enum { PORT_MAX = 65535, PORT_DIGITS = 5 };

/* "" is none, ":" too (RFC 3986 allows it). */
static bool read_port(const char *text, int *port)
{
    *port = -1;
    if (*text == '\0')
        return true;
    if (*text++ != ':')
        return false;
    size_t len = strspn(text, "0123456789");
    if (text[len] != '\0' || len > PORT_DIGITS)
        return false;
    for (size_t i = 0; i < len; i++)
        *port = (*port < 0 ? 0 : *port * 10) + (text[i] - '0');
    return *port <= PORT_MAX;
}

bool endpoint_split(const char *text, struct endpoint_text *parts)
{
    static const char in_names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789-._";
    parts->is_bracketed = *text == '[';
    text += parts->is_bracketed;
    size_t len = strspn(text, parts->is_bracketed ? "0123456789abcdefABCDEF:." : in_names);
    if (len == 0 || len >= sizeof parts->host)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool is_upper = text[i] >= 'A' && text[i] <= 'Z';
        parts->host[i] = (char)(is_upper ? text[i] - 'A' + 'a' : text[i]);
    }
    parts->host[len] = '\0';
    text += len;
    if (parts->is_bracketed && *text++ != ']')
        return false;
    return read_port(text, &parts->port);
}

bool endpoint_resolve(const struct endpoint_text *parts, struct endpoint *e)
{
    uint16_t port = htons((uint16_t)(parts->port < 0 ? 0 : parts->port));
    *e = (struct endpoint){0};
    if (parts->is_bracketed) {
        e->len = sizeof e->address.v6;
        e->address.v6.sin6_family = AF_INET6;
        e->address.v6.sin6_port = port;
        return inet_pton(AF_INET6, parts->host, &e->address.v6.sin6_addr) == 1;
    }
    e->len = sizeof e->address.v4;
    e->address.v4.sin_family = AF_INET;
    e->address.v4.sin_port = port;
    return inet_pton(AF_INET, parts->host, &e->address.v4.sin_addr) == 1;
}

bool endpoint_parse(const char *text, struct endpoint *e)
{
    struct endpoint_text parts;
    if (!endpoint_split(text, &parts) || parts.port < 0)
        return false;
    if (!parts.is_bracketed && strcmp(parts.host, "localhost") == 0)
        (void)strcpy(parts.host, "127.0.0.1");
    return endpoint_resolve(&parts, e);
}

bool endpoint_is_loopback(const struct endpoint *e)
{
    if (e->address.any.sa_family == AF_INET)
        return ntohl(e->address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&e->address.v6.sin6_addr);
}

bool endpoint_is_wildcard(const struct endpoint *e)
{
    if (e->address.any.sa_family == AF_INET)
        return e->address.v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&e->address.v6.sin6_addr);
}

bool endpoint_is_same_host(const struct endpoint *a, const struct endpoint *b)
{
    if (a->address.any.sa_family != b->address.any.sa_family)
        return false;
    if (a->address.any.sa_family == AF_INET)
        return a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
    return memcmp(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr,
                  sizeof a->address.v6.sin6_addr) == 0;
}
