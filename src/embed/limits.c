/* SPDX-License-Identifier: MIT */
#include "embed/limits.h"

#include "base/time.h"

#define MINUTE ((unsigned __int128)60 * TIME_US_PER_S)

void embed_limits_set(struct embed_limits *l, uint64_t requests_per_minute,
                      uint64_t tokens_per_minute)
{
    if (l->requests_per_minute == requests_per_minute && l->tokens_per_minute == tokens_per_minute)
        return;
    *l = (struct embed_limits){.requests_per_minute = requests_per_minute,
                               .tokens_per_minute = tokens_per_minute};
}

int64_t embed_limits_wait(const struct embed_limits *l, int64_t now_us)
{
    int64_t at = l->request_at_us > l->tokens_at_us ? l->request_at_us : l->tokens_at_us;
    return at > now_us ? at - now_us : 0;
}

/* Rounded up: a limit is never passed, not by a microsecond. */
static int64_t later(int64_t at_us, int64_t now_us, uint64_t cost, uint64_t per_minute)
{
    if (per_minute == 0)
        return 0;
    unsigned __int128 us = (cost * MINUTE + per_minute - 1) / per_minute;
    int64_t from = at_us > now_us ? at_us : now_us;
    return us < (unsigned __int128)(INT64_MAX - from) ? from + (int64_t)us : INT64_MAX;
}

void embed_limits_spend(struct embed_limits *l, int64_t now_us, uint64_t tokens)
{
    l->request_at_us = later(l->request_at_us, now_us, 1, l->requests_per_minute);
    l->tokens_at_us = later(l->tokens_at_us, now_us, tokens, l->tokens_per_minute);
}
