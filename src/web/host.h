/* SPDX-License-Identifier: MIT */
/*
 * host: does a request's Host name us? Pure.
 *
 * A page on evil.example may have its name resolve to 127.0.0.1 and then reads from us, as its own
 * origin, whatever the person's browser can reach (DNS rebinding). Such a request's Host is
 * evil.example: so only names that are ours are answered. An address written out can't be rebound.
 */
#ifndef SPOOLGATE_WEB_HOST_H
#define SPOOLGATE_WEB_HOST_H

#include <stdbool.h>

#include "base/endpoint.h"

/* host: the header's value. listen: where the request came in. names: further ones, with blanks
 * between them (`http.hosts`). Any port is right: a forwarded one is another than ours. */
bool host_is_ours(const char *host, const struct endpoint *listen, const char *names);

#endif
