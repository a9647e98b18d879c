/* SPDX-License-Identifier: MIT */
/*
 * metrics: all of /metrics, as OpenMetrics 1.0 text. Pure; the names and labels are a contract,
 * docs/MONITORING.md.
 *
 *     struct metrics m = {.view = &view, .facts = facts, ...};
 *     metrics_write(&m, &out);
 */
#ifndef SPOOLGATE_WEB_METRICS_H
#define SPOOLGATE_WEB_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "status/view.h"
#include "web/process.h"

struct metrics {
    const struct view *view;
    const json_t *facts;     /* status/facts.h */
    bool is_database_up;     /* else the facts are left out */
    const json_t *manifests; /* manifest_current_status() */
    unsigned spool_used;     /* percent of its file system */
    struct process process;
    int64_t now_us;
};

void metrics_write(const struct metrics *m, struct buf *out);

#endif
