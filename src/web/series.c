/* SPDX-License-Identifier: MIT */
#include "web/series.h"

#include <math.h>
#include <string.h>

#include "base/meter.h"

static const char other[] = "other";

void series_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

/* What we count and measure is exact to a microsecond, or to a whole number. */
void series_number(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 0x1p53)
        buf_printf(out, "%.0f", value);
    else
        buf_printf(out, "%.6f", value);
}

static void put_line(const struct series *s, double value, const char *value_1, const char *value_2)
{
    buf_str(s->out, s->name);
    if (s->labels[0]) {
        buf_printf(s->out, "{%s=", s->labels[0]);
        meter_write_value(s->out, value_1);
    }
    if (s->labels[1]) {
        buf_printf(s->out, ",%s=", s->labels[1]);
        meter_write_value(s->out, value_2);
    }
    buf_str(s->out, s->labels[0] ? "} " : " ");
    series_number(s->out, value);
    buf_byte(s->out, '\n');
}

void series_begin(struct series *s, struct buf *out, const char *name, enum series_rule rule,
                  const char *help, const char *label_1, const char *label_2)
{
    *s = (struct series){.out = out, .name = name, .rule = rule, .labels = {label_1, label_2}};
    series_head(out, name, "gauge", help);
}

/* A gate may have that name: its line would be there twice. */
static bool is_other(const struct series *s, const char *value_1, const char *value_2)
{
    return s->labels[0] && strcmp(value_1, other) == 0 &&
           (!s->labels[1] || strcmp(value_2, other) == 0);
}

void series_put(struct series *s, double value, const char *value_1, const char *value_2)
{
    if (!is_other(s, value_1, value_2) && s->count++ < METER_SERIES) {
        put_line(s, value, value_1, value_2);
        return;
    }
    if (s->rule == SERIES_SUM)
        s->other += value;
    else if (!s->has_other || value > s->other)
        s->other = value;
    s->has_other = true;
}

void series_end(struct series *s)
{
    if (s->has_other)
        put_line(s, s->other, other, other);
}

void series_one(struct buf *out, const char *name, const char *help, double value)
{
    struct series s;
    series_begin(&s, out, name, SERIES_SUM, help, NULL, NULL);
    series_put(&s, value, NULL, NULL);
    series_end(&s);
}
