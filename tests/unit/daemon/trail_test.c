/* SPDX-License-Identifier: MIT */
#include "daemon/trail.h"

#include <jansson.h>

#include "bytes.h"
#include "meters.h"

static const struct load_outcome done = {
    .settled = true,
    .rows = 40,
    .rejected = 3,
    .skipped = 2,
    .segments = 5,
    .segments_failed = 1,
    .segments_duplicate = 1,
    .bytes = 1000,
    .bytes_raw = 4000,
    .id = {{0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0a}},
    .gate = "plant",
    .tag = "plant-0a",
    .opened_us = 1000000,
    .settled_us = 3500000,
    .rejected_by = {[REJECT_TYPE] = 2, [REJECT_SERVER] = 1},
    .times = {.of = {[BATCH_WAIT] = {500000, 500000},
                     [BATCH_LOAD] = {2000000, 1250000},
                     [BATCH_COMMIT] = {3250000, 2000}}}};

static void expect_json(void (*write)(struct trail *, struct buf *), struct trail *t,
                        const char *want)
{
    struct buf out = {0};
    write(t, &out);
    EXPECT_BYTES(out.data, out.len, want, strlen(want), "json");
    buf_free(&out);
}

Test(daemon_trail, nothing_settled)
{
    struct trail t;
    trail_open(&t);
    expect_json(trail_json, &t, "[]");
    expect_json(trail_totals_json, &t,
                "{\"batches\":0,\"batches_failed\":0,\"segments\":0,\"frames_loaded\":0,"
                "\"frames_rejected\":0,\"frames_skipped\":0,\"bytes\":0,\"bytes_raw\":0}");
    trail_close(&t);
}

Test(daemon_trail, one_batch)
{
    struct trail t;
    trail_open(&t);
    trail_add(&t, &done);
    expect_json(trail_json, &t,
                "[{\"batch_id\":\"01930000-0000-7000-8000-00000000000a\","
                "\"batch_tag\":\"plant-0a\",\"gate\":\"plant\",\"status\":\"done\","
                "\"error\":null,\"segments\":5,\"segments_failed\":1,\"rows\":40,\"rejected\":3,"
                "\"skipped\":2,\"bytes\":1000,\"bytes_raw\":4000,"
                "\"opened_at\":\"1970-01-01T00:00:01Z\",\"settled_at\":\"1970-01-01T00:00:03.5Z\","
                "\"stages\":["
                "{\"stage\":\"wait\",\"at\":\"1970-01-01T00:00:00.5Z\",\"seconds\":0.5},"
                "{\"stage\":\"load\",\"at\":\"1970-01-01T00:00:02Z\",\"seconds\":1.25},"
                "{\"stage\":\"commit\",\"at\":\"1970-01-01T00:00:03.25Z\",\"seconds\":0.002}]}]");
    expect_json(trail_totals_json, &t,
                "{\"batches\":1,\"batches_failed\":0,\"segments\":5,\"frames_loaded\":40,"
                "\"frames_rejected\":3,\"frames_skipped\":2,\"bytes\":1000,\"bytes_raw\":4000}");
    static const struct row {
        const char *sample;
        unsigned long long want;
    } rows[] = {
        {"spoolgate_batches_total{gate=\"plant\",status=\"done\"}", 1},
        {"spoolgate_batches_total{gate=\"plant\",status=\"failed\"}", 0},
        {"spoolgate_segments_total{gate=\"plant\",outcome=\"loaded\"}", 3},
        {"spoolgate_segments_total{gate=\"plant\",outcome=\"duplicate\"}", 1},
        {"spoolgate_segments_total{gate=\"plant\",outcome=\"failed\"}", 1},
        {"spoolgate_frames_total{gate=\"plant\",outcome=\"loaded\"}", 40},
        {"spoolgate_frames_total{gate=\"plant\",outcome=\"rejected\"}", 3},
        {"spoolgate_frames_total{gate=\"plant\",outcome=\"skipped\"}", 2},
        {"spoolgate_rejects_total{gate=\"plant\",reason=\"type\"}", 2},
        {"spoolgate_rejects_total{gate=\"plant\",reason=\"server\"}", 1},
        {"spoolgate_rejects_total{gate=\"plant\",reason=\"other\"}", 0},
        {"spoolgate_read_bytes_total{gate=\"plant\",form=\"disk\"}", 1000},
        {"spoolgate_read_bytes_total{gate=\"plant\",form=\"raw\"}", 4000},
        {"spoolgate_stage_seconds_count{stage=\"commit\"}", 1},
        {"spoolgate_stage_seconds_count{stage=\"claim\"}", 0}, /* nobody knows */
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_metered(rows[i].sample, rows[i].want);
    trail_close(&t);
}

Test(daemon_trail, one_that_failed)
{
    struct trail t;
    struct load_outcome failed = {.segments = 2,
                                  .segments_failed = 2,
                                  .skipped = 7,
                                  .gate = "default",
                                  .failed = true,
                                  .error = "parked by hand"};
    struct buf out = {0};
    trail_open(&t);
    trail_add(&t, &failed);
    trail_json(&t, &out);
    cr_expect(strstr(buf_cstr(&out), "\"status\":\"failed\",\"error\":\"parked by hand\""),
              "got %s", buf_cstr(&out));
    expect_metered("spoolgate_batches_total{gate=\"default\",status=\"failed\"}", 1);
    expect_metered("spoolgate_segments_total{gate=\"default\",outcome=\"loaded\"}", 0);
    cr_expect_eq(trail_sum(&t).batches_failed, 1);
    buf_free(&out);
    trail_close(&t);
}

Test(daemon_trail, the_newest_are_kept)
{
    struct trail t;
    struct buf out = {0};
    trail_open(&t);
    for (int i = 0; i < TRAIL_BATCHES + 3; i++) {
        struct load_outcome batch = {.gate = "g", .rows = 1};
        (void)snprintf(batch.tag, sizeof batch.tag, "b%d", i);
        trail_add(&t, &batch);
    }
    trail_json(&t, &out);
    json_t *batches = json_loads(buf_cstr(&out), 0, NULL);
    cr_assert_eq(json_array_size(batches), TRAIL_BATCHES);
    for (int i = 0; i < TRAIL_BATCHES; i++) {
        char want[16];
        const char *got =
            json_string_value(json_object_get(json_array_get(batches, (size_t)i), "batch_tag"));
        (void)snprintf(want, sizeof want, "b%d", TRAIL_BATCHES + 2 - i);
        cr_expect_str_eq(got, want, "place %d: want %s, got %s", i, want, got);
    }
    json_decref(batches);
    cr_expect_eq(trail_sum(&t).frames_loaded, TRAIL_BATCHES + 3);
    buf_free(&out);
    trail_close(&t);
}

Test(daemon_trail, a_gate_begins_at_0)
{
    struct buf out = {0};
    trail_expect("new");
    meter_write(&out);
    static const char *const wants[] = {
        "\nspoolgate_batches_total{gate=\"new\",status=\"failed\"} 0\n",
        "\nspoolgate_segments_total{gate=\"new\",outcome=\"failed\"} 0\n",
        "\nspoolgate_frames_total{gate=\"new\",outcome=\"rejected\"} 0\n"};
    for (size_t i = 0; i < COUNT(wants); i++)
        cr_expect(strstr(buf_cstr(&out), wants[i]), "want %s in %s", wants[i], buf_cstr(&out));
    buf_free(&out);
}
