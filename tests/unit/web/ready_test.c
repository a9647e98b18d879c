/* SPDX-License-Identifier: MIT */
#include "web/ready.h"

#include "bytes.h"

static struct view_gate stalled[] = {
    {.name = "well", .stall = VIEW_NOT_STALLED},
    {.name = "held", .held = true},
    {.name = "a", .stall = VIEW_STALLED_MISFIT, .stalled = "table t lacks column \"x\""},
    {.name = "b", .stall = VIEW_STALLED_ROOM, .stalled = "two\nlines\tof it"},
    {.name = "c", .stall = VIEW_STALLED_CLAIM},
    {.name = "d", .stall = VIEW_STALLED_DATABASE, .stalled = "no route"},
};

Test(web_ready, judge)
{
    static const struct {
        struct view view;
        const char *want;
    } rows[] = {
        {{.scanned_us = 1}, ""},
        {{.scanned_us = 0}, "the daemon starts: the spool hasn't been looked through yet\n"},
        {{.scanned_us = 1, .stopping = true}, "the daemon stops\n"},
        {{.scanned_us = 1, .database_error = "no\nroute"},
         "the database can't be used: no route\n"},
        {{.scanned_us = 1, .gates = stalled, .gate_count = 2}, ""},
        {{.scanned_us = 1,
          .database_error = "no route",
          .gates = stalled,
          .gate_count = COUNT(stalled)},
         "the database can't be used: no route\n"
         "stalled: gate a: table t lacks column \"x\"\n"
         "stalled: gate b: two lines of it\n"
         "stalled: gate c\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got = {0};
        ready_judge(&rows[i].view, &got);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "row %zu: want\n%s\ngot\n%s", i,
                         rows[i].want, buf_cstr(&got));
        buf_free(&got);
    }
}
