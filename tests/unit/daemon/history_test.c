/* SPDX-License-Identifier: MIT */
#include "daemon/history.h"

#include <jansson.h>

#include "bytes.h"

static void expect_json(struct history *h, const char *want)
{
    struct buf out = {0};
    history_json(h, &out);
    EXPECT_BYTES(out.data, out.len, want, strlen(want), "json");
    buf_free(&out);
}

Test(daemon_history, what_came_and_what_waits)
{
    struct history h;
    history_open(&h);
    expect_json(&h, "{\"step_s\":2,\"end_at\":null,\"rows\":[],\"bytes\":[],\"rejected\":[],"
                    "\"waiting\":[],\"waiting_bytes\":[]}");
    struct trail_totals so_far = {.frames_loaded = 10, .bytes = 100, .frames_rejected = 1};
    history_add(&h, &so_far, 3, 30, 2000000);
    history_add(&h, &so_far, 2, 20, 4000000); /* nothing came */
    so_far = (struct trail_totals){.frames_loaded = 15, .bytes = 160, .frames_rejected = 3};
    history_add(&h, &so_far, 0, 0, 6000000);
    expect_json(&h, "{\"step_s\":2,\"end_at\":\"1970-01-01T00:00:06Z\",\"rows\":[10,0,5],"
                    "\"bytes\":[100,0,60],\"rejected\":[1,0,2],\"waiting\":[3,2,0],"
                    "\"waiting_bytes\":[30,20,0]}");
    history_close(&h);
}

Test(daemon_history, the_oldest_goes)
{
    struct history h;
    struct buf out = {0};
    const uint64_t last = HISTORY_SAMPLES + 7;
    history_open(&h);
    for (uint64_t i = 1; i <= last; i++) {
        struct trail_totals so_far = {.frames_loaded = i * (i + 1) / 2};
        history_add(&h, &so_far, i, 0, (int64_t)i);
    }
    history_json(&h, &out);
    json_t *root = json_loads(buf_cstr(&out), 0, NULL);
    static const char *const keys[] = {"rows", "waiting"}; /* of sample i both are i */
    for (size_t k = 0; k < COUNT(keys); k++) {
        const json_t *samples = json_object_get(root, keys[k]);
        cr_assert_eq(json_array_size(samples), HISTORY_SAMPLES);
        for (size_t i = 0; i < HISTORY_SAMPLES; i++) {
            json_int_t got = json_integer_value(json_array_get(samples, i));
            json_int_t want = (json_int_t)(last - HISTORY_SAMPLES + 1 + i);
            cr_expect_eq(got, want, "%s %zu: want %lld, got %lld", keys[k], i, want, got);
        }
    }
    json_decref(root);
    buf_free(&out);
    history_close(&h);
}
