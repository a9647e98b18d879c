/* SPDX-License-Identifier: MIT */
#include "base/meter.h"

#include <pthread.h>

#include "bytes.h"

/* Each test is a process of its own, so every meter begins at 0. */

/* How often the text has this line. */
static size_t lines(struct buf *text, const char *line)
{
    size_t n = 0;
    size_t len = strlen(line);
    for (const char *p = buf_cstr(text); (p = strstr(p, line)); p += len)
        n += (p == (char *)text->data || p[-1] == '\n') && p[len] == '\n';
    return n;
}

static void expect_line(struct buf *text, const char *line)
{
    cr_expect_eq(lines(text, line), 1, "want: %s\n got: %s", line, buf_cstr(text));
}

Test(base_meter, nothing_counted)
{
    struct buf out = {0};
    meter_write(&out);
    expect_line(&out, "# TYPE spoolgate_frames counter");
    expect_line(&out, "# TYPE spoolgate_stage_seconds histogram");
    expect_line(&out, "# UNIT spoolgate_stage_seconds seconds");
    expect_line(&out, "# TYPE spoolgate_read_bytes counter");
    expect_line(&out, "# UNIT spoolgate_read_bytes bytes");
    expect_line(&out, "# HELP spoolgate_stalls Times a gate became stalled.");
    expect_line(&out, "spoolgate_rescued_segments_total 0");
    cr_expect_null(strstr(buf_cstr(&out), "\nspoolgate_frames_total"));
    cr_expect_null(strstr(buf_cstr(&out), "EOF"), "who writes the gauges ends the text");
    buf_free(&out);
}

Test(base_meter, counters)
{
    struct buf out = {0};
    meter_add(METER_FRAMES, METER_LABELS("default", "loaded"), 40);
    meter_add(METER_FRAMES, METER_LABELS("default", "rejected"), 1);
    meter_add(METER_FRAMES, METER_LABELS("plant", "loaded"), 5);
    meter_add(METER_FRAMES, METER_LABELS("default", "loaded"), 2);
    meter_add(METER_STALLS, METER_LABELS("room"), 0);
    meter_add(METER_RESCUED, METER_NO_LABELS, 3);
    meter_write(&out);
    expect_line(&out, "spoolgate_frames_total{gate=\"default\",outcome=\"loaded\"} 42");
    expect_line(&out, "spoolgate_frames_total{gate=\"default\",outcome=\"rejected\"} 1");
    expect_line(&out, "spoolgate_frames_total{gate=\"plant\",outcome=\"loaded\"} 5");
    expect_line(&out, "spoolgate_stalls_total{reason=\"room\"} 0");
    expect_line(&out, "spoolgate_rescued_segments_total 3");
    buf_free(&out);
}

Test(base_meter, histograms)
{
    struct buf out = {0};
    static const int64_t took_us[] = {-5, 0, 1000, 1001, 700000, 600000000, 600000001};
    for (size_t i = 0; i < COUNT(took_us); i++)
        meter_time(METER_STAGE, METER_LABELS("load"), took_us[i]);
    meter_write(&out);
    expect_line(&out, "spoolgate_stage_seconds_bucket{stage=\"load\",le=\"0.001\"} 3");
    expect_line(&out, "spoolgate_stage_seconds_bucket{stage=\"load\",le=\"0.0025\"} 4");
    expect_line(&out, "spoolgate_stage_seconds_bucket{stage=\"load\",le=\"0.5\"} 4");
    expect_line(&out, "spoolgate_stage_seconds_bucket{stage=\"load\",le=\"1.0\"} 5");
    expect_line(&out, "spoolgate_stage_seconds_bucket{stage=\"load\",le=\"600.0\"} 6");
    expect_line(&out, "spoolgate_stage_seconds_bucket{stage=\"load\",le=\"+Inf\"} 7");
    expect_line(&out, "spoolgate_stage_seconds_count{stage=\"load\"} 7");
    expect_line(&out, "spoolgate_stage_seconds_sum{stage=\"load\"} 1200.702002");
    buf_free(&out);
}

Test(base_meter, label_values_are_escaped)
{
    struct buf out = {0};
    static const struct row {
        const char *value, *want;
    } rows[] = {
        {"plain", "\"plain\""},
        {"", "\"\""},
        {"a\"b", "\"a\\\"b\""},
        {"a\\b", "\"a\\\\b\""},
        /* a name can't add a line */
        {"x\"} 1\nforged 1", "\"x\\\"} 1\\nforged 1\""},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
        {"\xff\xfe", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"cut \xe2\x82", "\"cut \xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf_clear(&out);
        meter_write_value(&out, rows[i].value);
        EXPECT_BYTES(out.data, out.len, rows[i].want, strlen(rows[i].want), "row %zu", i);
    }
    meter_add(METER_STALLS, METER_LABELS("x\"} 1\nforged 1"), 1);
    buf_clear(&out);
    meter_write(&out);
    expect_line(&out, "spoolgate_stalls_total{reason=\"x\\\"} 1\\nforged 1\"} 1");
    buf_free(&out);
}

Test(base_meter, series_are_bounded)
{
    struct buf out = {0};
    for (unsigned i = 0; i < METER_SERIES + 20; i++) {
        char gate[32];
        (void)snprintf(gate, sizeof gate, "g%u", i);
        meter_add(METER_BATCHES, METER_LABELS(gate, "done"), 1);
    }
    meter_add(METER_BATCHES, METER_LABELS("g0", "done"), 1); /* who is known stays known */
    meter_write(&out);
    expect_line(&out, "spoolgate_batches_total{gate=\"g0\",status=\"done\"} 2");
    expect_line(&out, "spoolgate_batches_total{gate=\"g499\",status=\"done\"} 1");
    expect_line(&out, "spoolgate_batches_total{gate=\"other\",status=\"other\"} 20");
    cr_expect_null(strstr(buf_cstr(&out), "g500"));
    buf_free(&out);
}

#define THREADS 4
#define CALLS   2000

static void *count_much(void *number)
{
    static const char *const gates[THREADS] = {"a", "b", "a", "b"};
    const char *gate = gates[*(const size_t *)number];
    for (unsigned i = 0; i < CALLS; i++) {
        meter_add(METER_FRAMES, METER_LABELS(gate, "loaded"), 1);
        meter_time(METER_DELIVERY, METER_LABELS(gate), 1000);
        if (i % 500 == 0) {
            struct buf out = {0};
            meter_write(&out);
            buf_free(&out);
        }
    }
    return NULL;
}

Test(base_meter, threads)
{
    pthread_t threads[THREADS];
    size_t numbers[THREADS];
    struct buf out = {0};
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, count_much, &numbers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    meter_write(&out);
    expect_line(&out, "spoolgate_frames_total{gate=\"a\",outcome=\"loaded\"} 4000");
    expect_line(&out, "spoolgate_delivery_seconds_count{sink=\"b\"} 4000");
    expect_line(&out, "spoolgate_delivery_seconds_sum{sink=\"b\"} 4.000000");
    buf_free(&out);
}
