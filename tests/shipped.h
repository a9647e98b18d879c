/* SPDX-License-Identifier: MIT */
/* shipped: the shipped streams, for tests that want some streams, whichever. */
#ifndef SPOOLGATE_TESTS_SHIPPED_H
#define SPOOLGATE_TESTS_SHIPPED_H

#include "manifest/manifest.h"

enum { SHIPPED_EVENTS, SHIPPED_METRICS }; /* their places in the set */

static inline const struct stream_set *shipped_streams(void)
{
    static struct manifest *m;
    if (!m)
        m = manifest_default();
    return &m->streams;
}

#endif
