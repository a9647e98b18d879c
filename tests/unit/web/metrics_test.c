/* SPDX-License-Identifier: MIT */
#include "web/metrics.h"

#include "base/time.h"
#include "bytes.h"

#define NOW (100 * TIME_US_PER_S)

static struct view_gate gates[] = {
    {.name = "default", .waiting = 3, .bytes = 4096, .oldest_us = NOW - 1500000},
    {.name = "b",
     .unclaimable = 2,
     .held = true,
     .oldest_us = NOW - 1,
     .stall = VIEW_STALLED_ROOM,
     .stalled = "the spool is full"},
};
static struct view_job jobs[] = {{.state = "loading"}, {.state = "held"}, {.state = "loading"}};
static const struct view view = {.started_us = 10 * TIME_US_PER_S,
                                 .scanned_us = NOW - 250000,
                                 .gates = gates,
                                 .gate_count = COUNT(gates),
                                 .jobs = jobs,
                                 .job_count = COUNT(jobs)};

static const char facts[] =
    "{\"sinks\": [{\"sink\": \"ops\", \"state\": \"disabled\", \"waiting\": 7,"
    "              \"oldest_waiting\": \"1970-01-01T00:01:30+00:00\", \"dead_letters\": 2},"
    "             {\"sink\": \"evil\\\"} 1\\n# EOF\\\\\", \"state\": \"ok\", \"waiting\": 0,"
    "              \"oldest_waiting\": null, \"dead_letters\": 0}],"
    " \"partitions\": [{\"stream\": \"metrics\", \"count\": 3, \"ahead\": 2,"
    "                   \"ahead_until\": \"1970-01-01T00:02:00+00:00\"},"
    "                  {\"stream\": \"events\", \"count\": 0, \"ahead_until\": null}],"
    " \"knowledge\": {\"documents\": {\"complete\": 5, \"waiting\": 1},"
    "                 \"chunks\": {\"complete\": 40, \"failed\": 1},"
    "                 \"waiting_chunks\": {\"pending\": 9, \"oldest_at\": "
    "\"1970-01-01T00:01:00Z\"},"
    "                 \"embedders\": [{\"embedder\": \"e\", \"state\": \"unfit\"},"
    "                                 {\"embedder\": \"f\", \"state\": \"paused\"}]}}";

static char *write(const char *known, bool is_up, const char *manifests)
{
    struct buf out = {0};
    json_t *f = json_loads(known, 0, NULL);
    json_t *m = json_loads(manifests, 0, NULL);
    cr_assert_not_null(f);
    metrics_write(&(struct metrics){.view = &view,
                                    .facts = f,
                                    .is_database_up = is_up,
                                    .manifests = m,
                                    .spool_used = 23,
                                    .process = {4096, 12, 1.5},
                                    .now_us = NOW},
                  &out);
    json_decref(f);
    json_decref(m);
    return buf_take(&out);
}

static size_t count_lines(const char *text, const char *line)
{
    size_t n = 0;
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at += len)
        n += (at == text || at[-1] == '\n') && at[len] == '\n';
    return n;
}

Test(web_metrics, lines)
{
    static const char *const want[] = {
        "spoolgate_start_time_seconds 10",
        "spoolgate_scan_age_seconds 0.250000",
        "spoolgate_manifests_refused 1",
        "spoolgate_spool_used_ratio 0.230000",
        "spoolgate_gate_waiting_segments{gate=\"default\"} 3",
        "spoolgate_gate_waiting_bytes{gate=\"default\"} 4096",
        "spoolgate_gate_oldest_seconds{gate=\"default\"} 1.500000",
        "spoolgate_gate_oldest_seconds{gate=\"b\"} 0",
        "spoolgate_gate_unclaimable_files{gate=\"default\"} 0",
        "spoolgate_gate_unclaimable_files{gate=\"b\"} 2",
        "spoolgate_gate_held{gate=\"default\"} 0",
        "spoolgate_gate_held{gate=\"b\"} 1",
        "spoolgate_gate_stalled{gate=\"default\",reason=\"room\"} 0",
        "spoolgate_gate_stalled{gate=\"b\",reason=\"room\"} 1",
        "spoolgate_gate_stalled{gate=\"b\",reason=\"database\"} 0",
        "spoolgate_processing_batches{state=\"queued\"} 0",
        "spoolgate_processing_batches{state=\"loading\"} 2",
        "spoolgate_processing_batches{state=\"held\"} 1",
        "spoolgate_database_up 1",
        "spoolgate_sink_pending_events{sink=\"ops\"} 7",
        "spoolgate_sink_oldest_seconds{sink=\"ops\"} 10",
        "spoolgate_sink_dead_letters{sink=\"ops\"} 2",
        "spoolgate_sink_disabled{sink=\"ops\"} 1",
        "spoolgate_sink_disabled{sink=\"evil\\\"} 1\\n# EOF\\\\\"} 0",
        "spoolgate_partitions{stream=\"metrics\"} 3",
        "spoolgate_partitions_wanted_ahead{stream=\"metrics\"} 2",
        "spoolgate_partition_ahead_seconds{stream=\"metrics\"} 20",
        "spoolgate_partition_ahead_seconds{stream=\"events\"} 0",
        "spoolgate_documents{state=\"complete\"} 5",
        "spoolgate_documents{state=\"waiting\"} 1",
        "spoolgate_documents{state=\"retired\"} 0",
        "spoolgate_chunks{state=\"failed\"} 1",
        "spoolgate_waiting_chunks{state=\"pending\"} 9",
        "spoolgate_waiting_chunks_oldest_seconds 40",
        "spoolgate_embedder_stopped{embedder=\"e\"} 1",
        "spoolgate_embedder_stopped{embedder=\"f\"} 0",
        "process_resident_memory_bytes 4096",
        "process_open_fds 12",
        "process_cpu_seconds_total 1.500000",
        "# EOF",
    };
    char *got = write(facts, true, "{\"refused\": \"no\"}");
    for (size_t i = 0; i < COUNT(want); i++)
        cr_expect_eq(count_lines(got, want[i]), 1, "want once: %s\nin\n%s", want[i], got);
    cr_expect_str_eq(got + strlen(got) - 6, "# EOF\n");
    free(got);
}

/* Of what isn't known, nothing is said. */
Test(web_metrics, nothing_known)
{
    static const struct {
        const char *facts;
        bool is_up;
    } rows[] = {{"{}", true}, {"{}", false}, {facts, false}, {"{\"knowledge\": null}", true}};
    static const char *const families[] = {"spoolgate_sink_",          "spoolgate_partition",
                                           "spoolgate_documents",      "spoolgate_chunks",
                                           "spoolgate_waiting_chunks", "spoolgate_embedder_"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *got = write(rows[i].facts, rows[i].is_up, "{\"refused\": null}");
        char up[64];
        (void)snprintf(up, sizeof up, "spoolgate_database_up %d", rows[i].is_up);
        cr_expect_eq(count_lines(got, up), 1, "row %zu: want %s", i, up);
        cr_expect_eq(count_lines(got, "spoolgate_manifests_refused 0"), 1, "row %zu", i);
        for (size_t f = 0; f < COUNT(families); f++) {
            char sample[64];
            (void)snprintf(sample, sizeof sample, "\n%s", families[f]);
            cr_expect_null(strstr(got, sample), "row %zu: a sample of %s", i, families[f]);
        }
        free(got);
    }
}
