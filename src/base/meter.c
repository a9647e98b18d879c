/* SPDX-License-Identifier: MIT */
#include "base/meter.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/utf8.h"

/* Names are the families': a counter's samples end in _total, a histogram's in _bucket and so on.
 */
struct description {
    const char *name;
    const char *unit; /* NULL: a plain number. "seconds" makes a histogram of it */
    const char *labels[METER_LABELS_MAX];
    const char *help;
};

static const struct description descriptions[METER_COUNT] = {
    [METER_BATCHES] = {"spoolgate_batches",
                       NULL,
                       {"gate", "status"},
                       "Batches settled: done, or failed."},
    [METER_SEGMENTS] = {"spoolgate_segments",
                        NULL,
                        {"gate", "outcome"},
                        "Segments of settled batches: loaded, duplicate, failed."},
    [METER_FRAMES] = {"spoolgate_frames",
                      NULL,
                      {"gate", "outcome"},
                      "Frames of settled batches: loaded, rejected, skipped."},
    [METER_REJECTS] = {"spoolgate_rejects",
                       NULL,
                       {"gate", "reason"},
                       "Rejected frames, by what was wrong with them."},
    [METER_READ_BYTES] = {"spoolgate_read_bytes",
                          "bytes",
                          {"gate", "form"},
                          "Segments' bytes: on disk, and raw (decompressed)."},
    [METER_STAGE] = {"spoolgate_stage_seconds",
                     "seconds",
                     {"stage"},
                     "How long the stages of settled batches took."},
    [METER_STALLS] = {"spoolgate_stalls", NULL, {"reason"}, "Times a gate became stalled."},
    [METER_RECONNECTS] = {"spoolgate_reconnects",
                          NULL,
                          {"who"},
                          "Connections to the database made anew."},
    [METER_RESCUED] = {"spoolgate_rescued_segments",
                       NULL,
                       {NULL},
                       "Segments that no inotify event announced, found by a rescan."},
    [METER_DELIVERIES] = {"spoolgate_deliveries",
                          NULL,
                          {"sink", "outcome"},
                          "Attempts to deliver an event: delivered, retried, dead."},
    [METER_DELIVERY] = {"spoolgate_delivery_seconds",
                        "seconds",
                        {"sink"},
                        "How long one attempt to deliver took."},
    [METER_EMBED_TEXTS] = {"spoolgate_embed_texts",
                           NULL,
                           {"embedder", "outcome"},
                           "Texts that got their vector, or never will: embedded, failed."},
    [METER_EMBED_REQUEST] = {"spoolgate_embed_request_seconds",
                             "seconds",
                             {"embedder", "outcome"},
                             "How long one request for vectors took."},
};

/* From a small batch's COMMIT to a big one on a slow disk. */
static const struct bound {
    int64_t us;
    const char *text; /* in seconds */
} bounds[] = {
    {1000, "0.001"},      {2500, "0.0025"},     {5000, "0.005"},    {10000, "0.01"},
    {25000, "0.025"},     {50000, "0.05"},      {100000, "0.1"},    {250000, "0.25"},
    {500000, "0.5"},      {1000000, "1.0"},     {2500000, "2.5"},   {5000000, "5.0"},
    {10000000, "10.0"},   {30000000, "30.0"},   {60000000, "60.0"}, {120000000, "120.0"},
    {300000000, "300.0"}, {600000000, "600.0"},
};
#define BOUNDS (sizeof bounds / sizeof *bounds)

struct series {
    char *labels[METER_LABELS_MAX];
    uint64_t value;          /* a counter's, or how often a histogram was told something */
    uint64_t sum_us;         /* a histogram's */
    uint64_t within[BOUNDS]; /* of each bound alone; added up when it is written */
};

static struct table {
    struct series *series;
    size_t count, cap;
} tables[METER_COUNT];

/* For all tables: what holds it takes a microsecond, but for meter_write. */
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const no_labels[METER_LABELS_MAX];
static const char *const other_labels[METER_LABELS_MAX] = {"other", "other"};

/* ---- counting ---- */

static unsigned label_count(enum meter meter)
{
    unsigned n = 0;
    while (n < METER_LABELS_MAX && descriptions[meter].labels[n])
        n++;
    return n;
}

static bool has_labels(const struct series *s, const char *const *labels, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(s->labels[i], labels[i] ? labels[i] : "") != 0)
            return false;
    return true;
}

static struct series *find_series(enum meter meter, const char *const *labels)
{
    struct table *t = &tables[meter];
    for (size_t i = 0; i < t->count; i++)
        if (has_labels(&t->series[i], labels, label_count(meter)))
            return &t->series[i];
    return NULL;
}

static struct series *add_series(enum meter meter, const char *const *labels)
{
    struct table *t = &tables[meter];
    struct series *s = MEM_PUSH(t->series, t->count, t->cap);
    *s = (struct series){0};
    for (unsigned i = 0; i < label_count(meter); i++)
        s->labels[i] = mem_strdup(labels[i] ? labels[i] : "");
    return s;
}

/* The bound is on combinations beside "other", which comes last and once. */
static struct series *series_of(enum meter meter, const char *const *labels)
{
    const char *const *own = labels ? labels : no_labels;
    struct series *s = find_series(meter, own);
    if (s)
        return s;
    if (tables[meter].count < METER_SERIES)
        return add_series(meter, own);
    s = find_series(meter, other_labels);
    return s ? s : add_series(meter, other_labels);
}

void meter_add(enum meter meter, const char *const *labels, uint64_t n)
{
    (void)pthread_mutex_lock(&tables_lock);
    series_of(meter, labels)->value += n;
    (void)pthread_mutex_unlock(&tables_lock);
}

void meter_time(enum meter meter, const char *const *labels, int64_t us)
{
    size_t b = 0;
    while (b < BOUNDS && us > bounds[b].us)
        b++;
    (void)pthread_mutex_lock(&tables_lock);
    struct series *s = series_of(meter, labels);
    s->value++;
    s->sum_us += us > 0 ? (uint64_t)us : 0;
    if (b < BOUNDS)
        s->within[b]++;
    (void)pthread_mutex_unlock(&tables_lock);
}

/* ---- writing ---- */

/* The text format knows three escapes, and wants UTF-8. */
void meter_write_value(struct buf *out, const char *value)
{
    const uint8_t *p = (const uint8_t *)value;
    size_t len = strlen(value);
    buf_byte(out, '"');
    for (size_t i = 0; i < len;) {
        size_t n = utf8_length(p + i, len - i);
        if (p[i] == '\n')
            buf_str(out, "\\n");
        else if (p[i] == '"' || p[i] == '\\')
            buf_printf(out, "\\%c", p[i]);
        else if (n == 0)
            buf_str(out, "\xef\xbf\xbd");
        else
            buf_put(out, p + i, n);
        i += n > 0 ? n : 1;
    }
    buf_byte(out, '"');
}

/* {gate="a",le="0.1"}; nothing where there is no label. */
static void write_labels(struct buf *out, enum meter meter, const struct series *s, const char *le)
{
    const char *before = "{";
    for (unsigned i = 0; i < label_count(meter); i++) {
        buf_printf(out, "%s%s=", before, descriptions[meter].labels[i]);
        meter_write_value(out, s->labels[i]);
        before = ",";
    }
    if (le) {
        buf_printf(out, "%sle=\"%s\"", before, le);
        before = ",";
    }
    if (*before == ',')
        buf_byte(out, '}');
}

static void write_sample(struct buf *out, enum meter meter, const struct series *s,
                         const char *suffix, const char *le, uint64_t value)
{
    buf_printf(out, "%s%s", descriptions[meter].name, suffix);
    write_labels(out, meter, s, le);
    buf_printf(out, " %" PRIu64 "\n", value);
}

static void write_histogram(struct buf *out, enum meter meter, const struct series *s)
{
    uint64_t so_far = 0;
    for (size_t b = 0; b < BOUNDS; b++) {
        so_far += s->within[b];
        write_sample(out, meter, s, "_bucket", bounds[b].text, so_far);
    }
    write_sample(out, meter, s, "_bucket", "+Inf", s->value);
    write_sample(out, meter, s, "_count", NULL, s->value);
    buf_printf(out, "%s_sum", descriptions[meter].name);
    write_labels(out, meter, s, NULL);
    buf_printf(out, " %" PRIu64 ".%06" PRIu64 "\n", s->sum_us / TIME_US_PER_S,
               s->sum_us % TIME_US_PER_S);
}

static void write_meter(struct buf *out, enum meter meter)
{
    const struct description *d = &descriptions[meter];
    bool is_histogram = d->unit && strcmp(d->unit, "seconds") == 0;
    buf_printf(out, "# TYPE %s %s\n", d->name, is_histogram ? "histogram" : "counter");
    if (d->unit)
        buf_printf(out, "# UNIT %s %s\n", d->name, d->unit);
    buf_printf(out, "# HELP %s %s\n", d->name, d->help);
    if (!d->labels[0]) /* a counter of one series is there before it counts */
        (void)series_of(meter, NULL);
    for (size_t i = 0; i < tables[meter].count; i++) {
        const struct series *s = &tables[meter].series[i];
        if (is_histogram)
            write_histogram(out, meter, s);
        else
            write_sample(out, meter, s, "_total", NULL, s->value);
    }
}

void meter_write(struct buf *out)
{
    for (int m = 0; m < METER_COUNT; m++) {
        (void)pthread_mutex_lock(&tables_lock);
        write_meter(out, (enum meter)m);
        (void)pthread_mutex_unlock(&tables_lock);
    }
}
