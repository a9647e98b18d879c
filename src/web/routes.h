/* SPDX-License-Identifier: MIT */
/*
 * routes: from a request to its answer. HTTP itself is web/server's.
 *
 *     struct web_answer answer = {0};
 *     routes_answer(&site, &request, &answer);
 *     ... send it; answer.body is the caller's to free ...
 */
#ifndef SPOOLGATE_WEB_ROUTES_H
#define SPOOLGATE_WEB_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "web/collect.h"
#include "web/web.h"

struct web_site {
    const struct web_source *source;
    struct collect *collect;
};

enum { WEB_PARAMS = 8 };

/* Texts are others', NUL-terminated and of any bytes. */
struct web_request {
    const char *method;
    const char *path;
    bool is_foreign; /* its Host isn't ours (web/host.h) */
    struct {
        const char *key, *value; /* unescaped; value is NULL where there is none */
    } params[WEB_PARAMS];
    size_t param_count; /* may be more than WEB_PARAMS: the rest was left out */
};

struct web_answer {
    unsigned status;
    const char *type;
    const char *policy; /* Content-Security-Policy */
    const char *allow;  /* the methods, where another was asked for; or NULL */
    struct buf body;
    const char *fixed; /* instead of body, for ever */
    size_t fixed_len;
};

void routes_answer(const struct web_site *site, const struct web_request *request,
                   struct web_answer *answer);

#endif
