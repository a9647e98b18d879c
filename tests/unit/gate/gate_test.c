/* SPDX-License-Identifier: MIT */
#include "gate/gate.h"

#include "bytes.h"

#define NOW   INT64_C(1795226221000000)
#define S     INT64_C(1000000)
#define NEVER INT64_MAX

static const char *const action_names[] = {
    [GATE_EMPTY] = "empty", [GATE_WAIT] = "wait", [GATE_OPEN] = "open"};

/* policy: count, bytes, age, idle; backlog: count, bytes, oldest, newest (relative to NOW) */
static const struct {
    uint64_t open_count, open_bytes;
    int64_t age, idle;
    uint64_t count, bytes;
    int64_t oldest, newest;
    bool forced;
    enum gate_action want;
    const char *reason; /* GATE_OPEN */
    int64_t until;      /* GATE_WAIT: relative to NOW, or NEVER */
} rows[] = {
    /* nothing waits: nothing opens, not even by hand */
    {1, 1, S, S, 0, 0, 0, 0, false, GATE_EMPTY, "", NEVER},
    {1, 1, S, S, 0, 0, -9 * S, -9 * S, true, GATE_EMPTY, "", NEVER},
    /* count */
    {100, 0, 0, 0, 99, 0, 0, 0, false, GATE_WAIT, "", NEVER},
    {100, 0, 0, 0, 100, 0, 0, 0, false, GATE_OPEN, "count 100 reached", 0},
    {100, 0, 0, 0, 101, 0, 0, 0, false, GATE_OPEN, "count 100 reached", 0},
    {1, 0, 0, 0, 1, 0, 0, 0, false, GATE_OPEN, "count 1 reached", 0},
    {UINT64_MAX, 0, 0, 0, 1, 0, 0, 0, false, GATE_WAIT, "", NEVER},
    /* bytes */
    {0, 16 << 20, 0, 0, 1, (16 << 20) - 1, 0, 0, false, GATE_WAIT, "", NEVER},
    {0, 16 << 20, 0, 0, 1, 16 << 20, 0, 0, false, GATE_OPEN, "bytes 16.0 MiB reached", 0},
    /* age, of the oldest */
    {0, 0, 2 * S, 0, 1, 9, -2 * S, 0, false, GATE_OPEN, "age 2.0 s reached", 0},
    {0, 0, 2 * S, 0, 1, 9, -2 * S + 1, 0, false, GATE_WAIT, "", 1},
    {0, 0, 2 * S, 0, 1, 9, 0, 0, false, GATE_WAIT, "", 2 * S},
    /* idle, since the newest */
    {0, 0, 0, S / 5, 5, 9, -9 * S, -S / 5, false, GATE_OPEN, "idle 200 ms reached", 0},
    {0, 0, 0, S / 5, 5, 9, -9 * S, -S / 5 + 1, false, GATE_WAIT, "", 1},
    /* the earlier of the two decides when to look again */
    {0, 0, 2 * S, S / 5, 5, 9, -1 * S, 0, false, GATE_WAIT, "", S / 5},
    {0, 0, 2 * S, S / 5, 5, 9, -2 * S + S / 10, 0, false, GATE_WAIT, "", S / 10},
    /* count comes before bytes, bytes before age, age before idle */
    {1, 1, 1, 1, 1, 1, -S, -S, false, GATE_OPEN, "count 1 reached", 0},
    {0, 1, 1, 1, 1, 1, -S, -S, false, GATE_OPEN, "bytes 1 B reached", 0},
    {0, 0, S, S, 1, 1, -S, -S, false, GATE_OPEN, "age 1.0 s reached", 0},
    /* by hand */
    {100, 0, 0, 0, 1, 0, 0, 0, true, GATE_OPEN, "opened by hand", 0},
    {1, 0, 0, 0, 1, 0, 0, 0, true, GATE_OPEN, "opened by hand", 0},
    /* everything off: only by hand */
    {0, 0, 0, 0, 1000000, UINT64_MAX, -1000000 * S, -1000000 * S, false, GATE_WAIT, "", NEVER},
    {0, 0, 0, 0, 1, 1, 0, 0, true, GATE_OPEN, "opened by hand", 0},
    /* a clock that was set back: who arrived in the future has waited long enough */
    {0, 0, 2 * S, S / 5, 1, 9, 999 * S, 999 * S, false, GATE_OPEN, "age 2.0 s reached", 0},
    {0, 0, 0, S / 5, 1, 9, 999 * S, 999 * S, false, GATE_OPEN, "idle 200 ms reached", 0},
    {0, 0, 0, 0, 1, 9, 999 * S, 999 * S, false, GATE_WAIT, "", NEVER},
    {0, 0, 2 * S, S / 5, 2, 9, -2 * S, 999 * S, false, GATE_OPEN, "age 2.0 s reached", 0},
    /* waits that no clock reaches are no overflow */
    {0, 0, INT64_MAX, INT64_MAX, 1, 9, 0, 0, false, GATE_WAIT, "", NEVER},
    {0, 0, INT64_MAX, S, 1, 9, 0, 0, false, GATE_WAIT, "", S},
};

Test(gate_gate, decisions)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct gate_policy policy = {.open_count = rows[i].open_count,
                                     .open_bytes = rows[i].open_bytes,
                                     .open_age_us = rows[i].age,
                                     .open_idle_us = rows[i].idle};
        struct gate_backlog backlog = {.count = rows[i].count,
                                       .bytes = rows[i].bytes,
                                       .oldest_us = NOW + rows[i].oldest,
                                       .newest_us = NOW + rows[i].newest};
        struct gate_decision got = gate_decide(&policy, &backlog, NOW, rows[i].forced);
        cr_expect_eq(got.action, rows[i].want, "row %zu: want %s, got %s", i,
                     action_names[rows[i].want], action_names[got.action]);
        cr_expect_str_eq(got.reason, rows[i].reason, "row %zu: want \"%s\", got \"%s\"", i,
                         rows[i].reason, got.reason);
        if (rows[i].want != GATE_OPEN) {
            int64_t want = rows[i].until == NEVER ? NEVER : NOW + rows[i].until;
            cr_expect_eq(got.until_us, want, "row %zu: want until %lld, got %lld", i,
                         (long long)want, (long long)got.until_us);
        }
    }
}

Test(gate_gate, fits)
{
    static const struct {
        uint64_t segments, limit; /* caps */
        uint64_t count, bytes;    /* what the batch has */
        uint64_t more;
        bool want;
    } caps[] = {
        {10, 100, 0, 0, 1, true},          {10, 100, 0, 0, 100, true},
        {10, 100, 0, 0, 101, true}, /* the first always does */
        {10, 100, 0, 0, UINT64_MAX, true}, {10, 100, 1, 60, 40, true},
        {10, 100, 1, 60, 41, false},       {10, 100, 1, 101, 0, false},
        {10, 100, 9, 10, 1, true},         {10, 100, 10, 10, 1, false},
        {10, 100, 10, 10, 0, false},       {1, 100, 1, 1, 1, false},
    };
    for (size_t i = 0; i < COUNT(caps); i++) {
        struct gate_policy policy = {.batch_segments = caps[i].segments,
                                     .batch_bytes = caps[i].limit};
        struct gate_backlog batch = {.count = caps[i].count, .bytes = caps[i].bytes};
        bool got = gate_fits(&policy, &batch, caps[i].more);
        cr_expect_eq(got, caps[i].want, "row %zu: want %d, got %d", i, caps[i].want, got);
    }
}
