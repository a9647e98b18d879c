/* SPDX-License-Identifier: MIT */
/*
 * address: is an IP address one of the public Internet's? Pure.
 *
 *     if (!address_is_public(address))
 *         ... refuse: it may be this machine, its network, or a cloud's metadata service ...
 *
 * Not public: all that the IANA special-purpose registries (RFC 6890 and later) don't call globally
 * reachable, IPv6 that isn't assigned as global unicast, multicast, IPv6 addresses that hold an
 * IPv4 address that isn't public (mapped, 6to4, NAT64, Teredo), and the one metadata service that
 * has a public address. Any family but the two isn't either.
 */
#ifndef SPOOLGATE_BASE_ADDRESS_H
#define SPOOLGATE_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

bool address_is_public(const struct sockaddr *address);

/* "10.0.0.5", "fe80::1"; "?" for another family. */
#define ADDRESS_TEXT INET6_ADDRSTRLEN
const char *address_format(const struct sockaddr *address, char text[ADDRESS_TEXT]);

#endif
