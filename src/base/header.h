/* SPDX-License-Identifier: MIT */
/* header: a header of an HTTP request, and whether it may be sent. Pure. */
#ifndef SPOOLGATE_BASE_HEADER_H
#define SPOOLGATE_BASE_HEADER_H

#include <stdbool.h>

#include "base/err.h"

struct header {
    const char *name, *value;
    bool is_secret; /* the value is shown to nobody */
};

/* ERR_USAGE: control characters (line breaks among them), a name that is no token, or one that
 * sets the framing, which is the connection's. The value isn't quoted. */
struct err header_check(const char *name, const char *value);

#endif
