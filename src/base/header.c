/* SPDX-License-Identifier: MIT */
#include "base/header.h"

#include <string.h>
#include <strings.h>

struct err header_check(const char *name, const char *value)
{
    /* The framing is curl's; a second opinion about it is how requests are smuggled. */
    static const char *const refused[] = {
        "content-length", "transfer-encoding", "connection",      "host", "expect", "upgrade", "te",
        "trailer",        "keep-alive",        "proxy-connection"};
    size_t token = strspn(name, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz");
    if (token == 0 || name[token] != '\0')
        return err_make(ERR_USAGE, "a header's name is made of letters, digits and dashes");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcasecmp(name, refused[i]) == 0)
            return err_make(ERR_USAGE, "header %s is set by the connection itself", refused[i]);
    for (const char *p = value; *p; p++)
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
            return err_make(ERR_USAGE,
                            "header %.60s: line breaks and control characters can't be sent", name);
    return ERR_OK;
}
