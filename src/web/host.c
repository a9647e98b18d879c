/* SPDX-License-Identifier: MIT */
#include "web/host.h"

#include <string.h>
#include <strings.h>

/* "localhost." is the same name, said to be complete. */
static void drop_dot(char *host)
{
    size_t len = strlen(host);
    if (len > 1 && host[len - 1] == '.')
        host[len - 1] = '\0';
}

static bool is_listed(const char *host, const char *names)
{
    size_t len = strlen(host);
    for (names += strspn(names, " "); *names; names += strspn(names, " ")) {
        size_t n = strcspn(names, " ");
        if (n == len && strncasecmp(names, host, n) == 0)
            return true;
        names += n;
    }
    return false;
}

bool host_is_ours(const char *host, const struct endpoint *listen, const char *names)
{
    struct endpoint_text parts;
    struct endpoint address;
    if (!endpoint_split(host, &parts))
        return false;
    if (endpoint_resolve(&parts, &address))
        return endpoint_is_loopback(&address) || endpoint_is_wildcard(listen) ||
               endpoint_is_same_host(&address, listen) || is_listed(parts.host, names);
    if (parts.is_bracketed)
        return false;
    drop_dot(parts.host);
    return strcmp(parts.host, "localhost") == 0 || is_listed(parts.host, names);
}
