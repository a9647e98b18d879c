/* SPDX-License-Identifier: MIT */
/*
 * series: one metric of this moment (a gauge) as OpenMetrics, in at most METER_SERIES lines. Pure.
 *
 *     struct series s;
 *     series_begin(&s, out, "spoolgate_gate_held", SERIES_MOST, "1: held by hand", "gate", NULL);
 *     series_put(&s, 1, "default", NULL);
 *     series_end(&s);
 *
 * What is beyond is one more line with "other" as each label's value: their sum, or the largest.
 * The same labels mustn't come twice.
 */
#ifndef SPOOLGATE_WEB_SERIES_H
#define SPOOLGATE_WEB_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum series_rule { SERIES_SUM, SERIES_MOST };

struct series {
    struct buf *out;
    const char *name;
    enum series_rule rule;
    const char *labels[2];
    size_t count;
    bool has_other;
    double other;
};

/* labels: NULL where there is none, or no second one. */
void series_begin(struct series *s, struct buf *out, const char *name, enum series_rule rule,
                  const char *help, const char *label_1, const char *label_2);
void series_put(struct series *s, double value, const char *value_1, const char *value_2);
void series_end(struct series *s);

/* A metric without labels, as a whole. */
void series_one(struct buf *out, const char *name, const char *help, double value);

/* "# TYPE" and "# HELP". */
void series_head(struct buf *out, const char *name, const char *type, const char *help);
/* The shortest decimal that is the same number; never an exponent that isn't needed. */
void series_number(struct buf *out, double value);

#endif
