/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum verdict {
    PUBLIC,
    NOT_PUBLIC,
    AS_IPV4_AT_2,  /* as the IPv4 address that begins at this byte */
    AS_IPV4_AT_12, /* the last four bytes */
    AS_TEREDO,     /* two of them: the server's, and the client's with its bits turned over */
};

struct prefix {
    uint8_t bytes[16];
    unsigned bits;
    enum verdict verdict;
};

/* In each table the first prefix that fits decides: the exceptions stand before their block. */

static const struct prefix ipv4[] = {
    {{0}, 8, NOT_PUBLIC},                 /* this network; 0.0.0.0 is this machine */
    {{10}, 8, NOT_PUBLIC},                /* private */
    {{100, 64}, 10, NOT_PUBLIC},          /* carrier-grade NAT; a cloud's metadata, too */
    {{127}, 8, NOT_PUBLIC},               /* loopback */
    {{168, 63, 129, 16}, 32, NOT_PUBLIC}, /* a cloud's metadata, reached from inside only */
    {{169, 254}, 16, NOT_PUBLIC},         /* link-local, metadata */
    {{172, 16}, 12, NOT_PUBLIC},          /* private */
    {{192, 0, 0, 9}, 32, PUBLIC},         /* port control anycast */
    {{192, 0, 0, 10}, 32, PUBLIC},        /* TURN anycast */
    {{192, 0, 0}, 24, NOT_PUBLIC},        /* protocol assignments; metadata */
    {{192, 0, 2}, 24, NOT_PUBLIC},        /* documentation */
    {{192, 88, 99}, 24, NOT_PUBLIC},      /* 6to4 relays, given up */
    {{192, 168}, 16, NOT_PUBLIC},         /* private */
    {{198, 18}, 15, NOT_PUBLIC},          /* benchmarks */
    {{198, 51, 100}, 24, NOT_PUBLIC},     /* documentation */
    {{203, 0, 113}, 24, NOT_PUBLIC},      /* documentation */
    {{224}, 3, NOT_PUBLIC},               /* multicast, reserved, broadcast */
    {{0}, 0, PUBLIC},
};

static const struct prefix ipv6[] = {
    {{[10] = 0xff, 0xff}, 96, AS_IPV4_AT_12},      /* IPv4-mapped */
    {{0x00, 0x64, 0xff, 0x9b}, 96, AS_IPV4_AT_12}, /* NAT64 */
    {{0x20, 0x01}, 32, AS_TEREDO},
    {{0x20, 0x01, 0x00, 0x01, [15] = 1}, 128, PUBLIC},  /* port control anycast */
    {{0x20, 0x01, 0x00, 0x01, [15] = 2}, 128, PUBLIC},  /* TURN anycast */
    {{0x20, 0x01, 0x00, 0x01, [15] = 3}, 128, PUBLIC},  /* service registration anycast */
    {{0x20, 0x01, 0x00, 0x03}, 32, PUBLIC},             /* AMT */
    {{0x20, 0x01, 0x00, 0x04, 0x01, 0x12}, 48, PUBLIC}, /* AS112 */
    {{0x20, 0x01, 0x00, 0x20}, 28, PUBLIC},             /* ORCHIDv2 */
    {{0x20, 0x01, 0x00, 0x30}, 28, PUBLIC},             /* drone remote ids */
    {{0x20, 0x01}, 23, NOT_PUBLIC},                     /* protocol assignments */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, NOT_PUBLIC},         /* documentation */
    {{0x20, 0x02}, 16, AS_IPV4_AT_2},                   /* 6to4 */
    {{0x3f, 0xff}, 20, NOT_PUBLIC},                     /* documentation */
    {{0x20}, 3, PUBLIC},                                /* global unicast */
    {{0}, 0, NOT_PUBLIC}, /* loopback, unique local, link-local, multicast, and what may come */
};

/* Do the first bits agree? */
static bool fits(const struct prefix *prefix, const uint8_t *address)
{
    size_t whole = prefix->bits / 8;
    uint8_t mask = (uint8_t)(0xff00U >> prefix->bits % 8);
    return memcmp(prefix->bytes, address, whole) == 0 &&
           (mask == 0 || ((prefix->bytes[whole] ^ address[whole]) & mask) == 0);
}

static enum verdict look_up(const struct prefix *table, const uint8_t *address)
{
    while (!fits(table, address))
        table++;
    return table->verdict;
}

static bool is_public_ipv4(const uint8_t *address)
{
    return look_up(ipv4, address) == PUBLIC;
}

static bool is_public_ipv6(const uint8_t *address)
{
    uint8_t client[4];
    switch (look_up(ipv6, address)) {
    case PUBLIC:
        return true;
    case NOT_PUBLIC:
        break;
    case AS_IPV4_AT_2:
        return is_public_ipv4(address + 2);
    case AS_IPV4_AT_12:
        return is_public_ipv4(address + 12);
    case AS_TEREDO:
        for (size_t i = 0; i < sizeof client; i++)
            client[i] = (uint8_t)~address[12 + i];
        return is_public_ipv4(address + 4) && is_public_ipv4(client);
    }
    return false;
}

bool address_is_public(const struct sockaddr *address)
{
    switch (address->sa_family) {
    case AF_INET:
        return is_public_ipv4(
            (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr.s_addr);
    case AF_INET6:
        return is_public_ipv6(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
    default:
        return false;
    }
}

const char *address_format(const struct sockaddr *address, char text[ADDRESS_TEXT])
{
    const void *bytes = NULL;
    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (!bytes || !inet_ntop(address->sa_family, bytes, text, ADDRESS_TEXT))
        (void)snprintf(text, ADDRESS_TEXT, "?");
    return text;
}
