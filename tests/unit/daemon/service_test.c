/* SPDX-License-Identifier: MIT */
#include "daemon/service.h"

#include "bytes.h"

static struct view_gate quiet = {.name = "default"};
static struct view_gate busy = {.name = "default", .waiting = 1234, .bytes = 1536};
static struct view_gate one = {.name = "fast", .waiting = 1, .bytes = 10};
static struct view_gate stalled = {
    .name = "slow", .waiting = 2, .stall = VIEW_STALLED_BATCH, .stalled = "no such table"};

Test(daemon_service, described)
{
    static const struct {
        struct view_gate *gates[2];
        size_t jobs;
        bool stopping, refused;
        const char *database_error, *want;
    } rows[] = {
        {{0}, 0, false, false, "", "0 gates: nothing waits"},
        {{&quiet}, 0, false, false, "", "1 gate: nothing waits"},
        {{&quiet, &one}, 1, false, false, "", "2 gates: 1 segment (10 B) waits, 1 batch in hand"},
        {{&busy, &one},
         2,
         false,
         false,
         "",
         "2 gates: 1,235 segments (1.5 KiB) wait, 2 batches in hand"},
        {{&quiet}, 0, true, false, "", "stopping; 1 gate: nothing waits"},
        {{&quiet}, 0, false, true, "", "1 gate: nothing waits; the last reload was refused"},
        {{&quiet}, 0, false, false, "gone", "1 gate: nothing waits; no database: gone"},
        {{&quiet}, 0, false, false, "a\nREADY=1", "1 gate: nothing waits; no database: a READY=1"},
        {{&one, &stalled},
         0,
         false,
         false,
         "gone",
         "2 gates: 3 segments (10 B) wait; gate slow is stalled: no such table"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct view_gate gates[2];
        struct view v = {.gates = gates, .job_count = rows[i].jobs, .stopping = rows[i].stopping};
        char got[SERVICE_STATUS];
        while (v.gate_count < 2 && rows[i].gates[v.gate_count]) {
            gates[v.gate_count] = *rows[i].gates[v.gate_count];
            v.gate_count++;
        }
        (void)strcpy(v.database_error, rows[i].database_error);
        service_describe(&v, rows[i].refused, got);
        cr_expect_str_eq(got, rows[i].want, "row %zu: want `%s`, got `%s`", i, rows[i].want, got);
    }
}

/* What is too long ends at a character's end. */
Test(daemon_service, cut)
{
    for (size_t shift = 0; shift < 2; shift++) {
        struct view v = {0};
        char got[SERVICE_STATUS];
        (void)strcpy(v.database_error, shift ? "a" : "");
        for (size_t i = 0; i < 120; i++)
            (void)strcat(v.database_error, "ä");
        service_describe(&v, false, got);
        size_t len = strlen(got);
        cr_expect(len >= SERVICE_STATUS - 2, "shift %zu: want a full line, got %zu", shift, len);
        cr_expect_eq((unsigned char)got[len - 1], 0xa4, "shift %zu: got half a character", shift);
    }
}
