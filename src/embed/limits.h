/* SPDX-License-Identifier: MIT */
/*
 * limits: how fast an embedder may be asked: requests and tokens a minute, evenly spread. Pure.
 *
 *     struct embed_limits l = {0};                            // none
 *     embed_limits_set(&l, 60, 100000);
 *     int64_t wait_us = embed_limits_wait(&l, now_us);       // 0: ask now
 *     embed_limits_spend(&l, now_us, tokens);
 *
 * 0 a minute is no limit. What is asked for now is paid for by whoever comes next: a request of a
 * minute's tokens keeps the next one waiting for a minute. Times are any clock's that only goes
 * forward.
 */
#ifndef SPOOLGATE_EMBED_LIMITS_H
#define SPOOLGATE_EMBED_LIMITS_H

#include <stdint.h>

struct embed_limits { /* private */
    uint64_t requests_per_minute, tokens_per_minute;
    int64_t request_at_us, tokens_at_us; /* when the next may go */
};

/* What was owed under other limits is forgotten, or a limit that was too low by mistake would go on
 * for as long as it had made one wait. */
void embed_limits_set(struct embed_limits *l, uint64_t requests_per_minute,
                      uint64_t tokens_per_minute);
int64_t embed_limits_wait(const struct embed_limits *l, int64_t now_us);
void embed_limits_spend(struct embed_limits *l, int64_t now_us, uint64_t tokens);

#endif
