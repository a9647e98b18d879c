/* SPDX-License-Identifier: MIT */
#include "status/view.h"

#include "bytes.h"

#define ID                                                                \
    {                                                                     \
        {                                                                 \
            0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0a \
        }                                                                 \
    }

static struct view_gate gates[] = {
    {.name = "default",
     .policy = {.open_count = 1000,
                .open_bytes = 16777216,
                .open_age_us = 2000000,
                .open_idle_us = 200000}},
    {.name = "plant\n1",
     .waiting = 3,
     .bytes = 4096,
     .unsettled = 1,
     .unclaimable = 2,
     .more = true,
     .oldest_us = 1500000,
     .held = true,
     .stall = VIEW_STALLED_MISFIT,
     .stalled = "table \"t\" lacks column a"},
};

static struct view_job jobs[] = {
    {.id = ID, .gate = "default", .state = "loading", .since_us = 2000000},
    {.id = ID, .state = "held", .failures = 2, .error = "no route"},
};

static const struct row {
    struct view view;
    const char *want;
} rows[] = {
    {{.started_us = 1000000, .database_error = "not connected yet"},
     "{\"started_at\":\"1970-01-01T00:00:01Z\",\"stopping\":false,"
     "\"database_error\":\"not connected yet\",\"gates\":[],\"loading\":[]}"},
    {{.started_us = 1000000,
      .scanned_us = 3000000,
      .stopping = true,
      .gates = gates,
      .gate_count = COUNT(gates),
      .jobs = jobs,
      .job_count = COUNT(jobs)},
     "{\"started_at\":\"1970-01-01T00:00:01Z\","
     "\"stopping\":true,\"database_error\":null,\"gates\":["
     "{\"gate\":\"default\",\"waiting\":0,\"more\":false,\"bytes\":0,\"unsettled\":0,"
     "\"unclaimable\":0,"
     "\"oldest_at\":null,\"held\":false,\"stall\":\"\",\"stalled_reason\":null,"
     "\"opens\":{\"count\":1000,\"bytes\":16777216,\"age_s\":2,\"idle_s\":0.2}},"
     "{\"gate\":\"plant\\n1\",\"waiting\":3,\"more\":true,\"bytes\":4096,\"unsettled\":1,"
     "\"unclaimable\":2,"
     "\"oldest_at\":\"1970-01-01T00:00:01.5Z\",\"held\":true,\"stall\":\"misfit\","
     "\"stalled_reason\":\"table \\\"t\\\" lacks column a\","
     "\"opens\":{\"count\":0,\"bytes\":0,\"age_s\":0,\"idle_s\":0}}],"
     "\"loading\":[{\"batch_id\":\"01930000-0000-7000-8000-00000000000a\",\"gate\":\"default\","
     "\"state\":\"loading\",\"since\":\"1970-01-01T00:00:02Z\",\"failures\":0,\"error\":null},"
     "{\"batch_id\":\"01930000-0000-7000-8000-00000000000a\",\"gate\":null,\"state\":\"held\","
     "\"since\":null,\"failures\":2,\"error\":\"no route\"}]}"},
};

Test(status_view, json)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        view_json(&rows[i].view, &out);
        EXPECT_BYTES(out.data, out.len, rows[i].want, strlen(rows[i].want), "row %zu", i);
        buf_free(&out);
    }
}

Test(status_view, each_stall_has_a_name)
{
    for (int i = 0; i < VIEW_STALL_COUNT; i++)
        cr_expect(view_stall_names[i] && (*view_stall_names[i] != '\0') == (i != VIEW_NOT_STALLED),
                  "stall %d: %s", i, view_stall_names[i]);
}
