/* SPDX-License-Identifier: MIT */
/*
 * meters: what the process has counted (base/meter.h), as /metrics would say it.
 *
 *     expect_metered("spoolgate_stalls_total{reason=\"room\"}", 1);
 */
#ifndef SPOOLGATE_TESTS_METERS_H
#define SPOOLGATE_TESTS_METERS_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/meter.h"

/* sample: up to its value. One that isn't there counts as 0. */
static inline unsigned long long metered(const char *sample)
{
    struct buf text = {0};
    unsigned long long n = 0;
    size_t len = strlen(sample);
    meter_write(&text);
    const char *at = buf_cstr(&text);
    while (at && !(strncmp(at, sample, len) == 0 && at[len] == ' ')) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    if (at)
        n = strtoull(at + len, NULL, 10);
    buf_free(&text);
    return n;
}

static inline void expect_metered(const char *sample, unsigned long long want)
{
    unsigned long long got = metered(sample);
    cr_expect_eq(got, want, "%s: want %llu, got %llu", sample, want, got);
}

#endif
