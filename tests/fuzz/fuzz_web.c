/* SPDX-License-Identifier: MIT */
/*
 * What a request says, as the status server reads it: the first line is its Host, the others are
 * parameters of /api/receipts, KEY=VALUE. What must hold: a Host that is ours by no list is
 * localhost, or a loopback address; parameters that are taken are inside their ranges.
 */
#include "base/endpoint.c"
#include "web/host.c"
#include "web/receipts.c"

#include <assert.h>

#include "base/buf.h"

static void check_host(const char *host)
{
    struct endpoint listen;
    struct endpoint_text parts;
    struct endpoint address;
    assert(endpoint_parse("127.0.0.1:9647", &listen));
    (void)endpoint_parse(host, &address);
    if (!host_is_ours(host, &listen, ""))
        return;
    assert(endpoint_split(host, &parts));
    assert(parts.port >= -1 && parts.port <= 65535);
    if (endpoint_resolve(&parts, &address))
        assert(endpoint_is_loopback(&address));
    else
        assert(strcasecmp(parts.host, "localhost") == 0 ||
               strcasecmp(parts.host, "localhost.") == 0);
}

static void check_param(struct receipts_query *q, char *line)
{
    char problem[RECEIPTS_PROBLEM] = "";
    struct uuid id;
    char *equals = strchr(line, '=');
    if (equals)
        *equals = '\0';
    if (!receipts_set(q, line, equals ? equals + 1 : NULL, problem)) {
        assert(*problem);
        *q = RECEIPTS_QUERY;
    }
    assert(q->limit >= 1 && q->limit <= RECEIPTS_MAX);
    assert(*q->gate == '\0' || name_is_gate(q->gate));
    assert(*q->before == '\0' || uuid_parse(q->before, &id));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct receipts_query q = RECEIPTS_QUERY;
    struct buf text = {0};
    buf_put(&text, bytes, len);
    char *rest = buf_take(&text);
    char *at = rest;
    char *line = strsep(&at, "\n");
    check_host(line);
    while ((line = strsep(&at, "\n")))
        check_param(&q, line);
    free(rest);
    return 0;
}
