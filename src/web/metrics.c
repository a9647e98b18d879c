/* SPDX-License-Identifier: MIT */
#include "web/metrics.h"

#include <string.h>

#include "base/meter.h"
#include "base/time.h"
#include "base/version.h"
#include "web/series.h"

static double seconds_since(int64_t us, int64_t now_us)
{
    return now_us > us ? (double)(now_us - us) / TIME_US_PER_S : 0;
}

/* ---- the daemon ---- */

static void write_about(const struct metrics *m, struct buf *out)
{
    series_head(out, "spoolgate_build", "info", "The program.");
    buf_str(out, "spoolgate_build_info{version=");
    meter_write_value(out, SPOOLGATE_VERSION);
    buf_str(out, "} 1\n");
    series_one(out, "spoolgate_start_time_seconds", "When it started, since 1970.",
               (double)m->view->started_us / TIME_US_PER_S);
    if (m->view->scanned_us > 0)
        series_one(out, "spoolgate_scan_age_seconds", "Since the last look into the spool ended.",
                   seconds_since(m->view->scanned_us, m->now_us));
    const char *refused = json_string_value(json_object_get(m->manifests, "refused"));
    series_one(out, "spoolgate_manifests_refused",
               "1: the last reload of manifests or configuration changed nothing.",
               refused && *refused);
    series_one(out, "spoolgate_spool_used_ratio", "Of the file system of the spool.",
               (double)m->spool_used / 100);
}

enum gate_value { GATE_WAITING, GATE_BYTES, GATE_OLDEST, GATE_UNCLAIMABLE, GATE_HELD };

static double gate_value(const struct view_gate *g, enum gate_value which, int64_t now_us)
{
    switch (which) {
    case GATE_WAITING:
        return (double)g->waiting;
    case GATE_BYTES:
        return (double)g->bytes;
    case GATE_OLDEST:
        return g->waiting > 0 && g->oldest_us > 0 ? seconds_since(g->oldest_us, now_us) : 0;
    case GATE_UNCLAIMABLE:
        return (double)g->unclaimable;
    case GATE_HELD:
        break;
    }
    return g->held;
}

static void write_gates(const struct metrics *m, struct buf *out)
{
    static const struct {
        const char *name, *help;
        enum series_rule rule;
        enum gate_value which;
    } gauges[] = {{"spoolgate_gate_waiting_segments", "Segments that wait in incoming/.",
                   SERIES_SUM, GATE_WAITING},
                  {"spoolgate_gate_waiting_bytes", "Size of the segments that wait in incoming/.",
                   SERIES_SUM, GATE_BYTES},
                  {"spoolgate_gate_oldest_seconds",
                   "Age of the oldest segment that waits; 0: none does.", SERIES_MOST, GATE_OLDEST},
                  {"spoolgate_gate_unclaimable_files",
                   "Files in incoming/ that are left alone: unreadable, a foreign name.",
                   SERIES_SUM, GATE_UNCLAIMABLE},
                  {"spoolgate_gate_held", "1: held by hand.", SERIES_MOST, GATE_HELD}};
    struct series s;
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        series_begin(&s, out, gauges[i].name, gauges[i].rule, gauges[i].help, "gate", NULL);
        for (size_t g = 0; g < m->view->gate_count; g++)
            series_put(&s, gate_value(&m->view->gates[g], gauges[i].which, m->now_us),
                       m->view->gates[g].name, NULL);
        series_end(&s);
    }
    series_begin(&s, out, "spoolgate_gate_stalled", SERIES_MOST,
                 "1 for the reason why segments don't become rows now.", "gate", "reason");
    for (size_t g = 0; g < m->view->gate_count; g++)
        for (int why = VIEW_NOT_STALLED + 1; why < VIEW_STALL_COUNT; why++)
            series_put(&s, (int)m->view->gates[g].stall == why, m->view->gates[g].name,
                       view_stall_names[why]);
    series_end(&s);
}

static void write_jobs(const struct metrics *m, struct buf *out)
{
    static const char *const states[] = {"queued", "loading", "held"};
    struct series s;
    series_begin(&s, out, "spoolgate_processing_batches", SERIES_SUM, "Batches in processing/.",
                 "state", NULL);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        double count = 0;
        for (size_t j = 0; j < m->view->job_count; j++)
            count += strcmp(m->view->jobs[j].state, states[i]) == 0;
        series_put(&s, count, states[i], NULL);
    }
    series_end(&s);
}

static void write_process(const struct metrics *m, struct buf *out)
{
    series_one(out, "process_resident_memory_bytes", "Memory of the daemon.",
               m->process.resident_bytes);
    series_one(out, "process_open_fds", "Open files and sockets of the daemon.",
               m->process.open_fds);
    series_head(out, "process_cpu_seconds", "counter", "Time of the processor, user and system.");
    buf_str(out, "process_cpu_seconds_total ");
    series_number(out, m->process.cpu_seconds);
    buf_byte(out, '\n');
}

/* ---- the database ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Seconds from that time to now, or from now to it; 0 where it isn't known, or the other way round.
 */
static double age_of(const json_t *object, const char *key, int64_t now_us)
{
    const char *text = text_of(object, key);
    int64_t us;
    return time_parse(text, strlen(text), &us) ? seconds_since(us, now_us) : 0;
}

static double left_of(const json_t *object, const char *key, int64_t now_us)
{
    const char *text = text_of(object, key);
    int64_t us;
    return time_parse(text, strlen(text), &us) ? seconds_since(now_us, us) : 0;
}

static double count_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

enum row_value { ROW_COUNT, ROW_AGE, ROW_LEFT, ROW_IS_DISABLED, ROW_IS_STOPPED };

static double row_value(const json_t *row, enum row_value how, const char *key, int64_t now_us)
{
    switch (how) {
    case ROW_COUNT:
        return count_of(row, key);
    case ROW_AGE:
        return age_of(row, key, now_us);
    case ROW_LEFT:
        return left_of(row, key, now_us);
    case ROW_IS_DISABLED:
        return strcmp(text_of(row, key), "disabled") == 0;
    case ROW_IS_STOPPED:
        break;
    }
    return strcmp(text_of(row, key), "stopped") == 0 || strcmp(text_of(row, key), "unfit") == 0;
}

struct row_gauge {
    const char *name, *help, *key;
    enum series_rule rule;
    enum row_value how;
};

/* A gauge for each of the rows, which are of one label. */
static void write_rows(const struct metrics *m, struct buf *out, const json_t *rows,
                       const char *label, const struct row_gauge *gauges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row_gauge *g = &gauges[i];
        struct series s;
        size_t r;
        json_t *row;
        series_begin(&s, out, g->name, g->rule, g->help, label, NULL);
        json_array_foreach(rows, r, row)
            series_put(&s, row_value(row, g->how, g->key, m->now_us), text_of(row, label), NULL);
        series_end(&s);
    }
}

/* A gauge whose label is the key that it is counted under. */
static void write_states(struct buf *out, const char *name, const char *help, const json_t *counts,
                         const char *const *states)
{
    struct series s;
    series_begin(&s, out, name, SERIES_SUM, help, "state", NULL);
    for (; *states; states++)
        series_put(&s, count_of(counts, *states), *states, NULL);
    series_end(&s);
}

static void write_knowledge(const struct metrics *m, const json_t *knowledge, struct buf *out)
{
    static const char *const documents[] = {"complete", "partial", "pending",
                                            "retired",  "waiting", NULL};
    static const char *const served[] = {"complete", "failed", "pending", NULL};
    static const char *const next[] = {"pending", "processing", "complete", "failed", NULL};
    static const struct row_gauge embedders[] = {
        {"spoolgate_embedder_stopped", "1: stopped, or unfit for the database's vectors.", "state",
         SERIES_MOST, ROW_IS_STOPPED}};
    const json_t *waiting = json_object_get(knowledge, "waiting_chunks");
    write_states(out, "spoolgate_documents", "Documents.", json_object_get(knowledge, "documents"),
                 documents);
    write_states(out, "spoolgate_chunks", "Chunks that are served.",
                 json_object_get(knowledge, "chunks"), served);
    write_states(out, "spoolgate_waiting_chunks", "Chunks of revisions that are to come.", waiting,
                 next);
    series_one(out, "spoolgate_waiting_chunks_oldest_seconds",
               "Age of the oldest chunk that has no vector yet.",
               age_of(waiting, "oldest_at", m->now_us));
    write_rows(m, out, json_object_get(knowledge, "embedders"), "embedder", embedders,
               sizeof embedders / sizeof *embedders);
}

static void write_facts(const struct metrics *m, struct buf *out)
{
    static const struct row_gauge sinks[] = {
        {"spoolgate_sink_pending_events", "Events that wait for the sink.", "waiting", SERIES_SUM,
         ROW_COUNT},
        {"spoolgate_sink_oldest_seconds", "Age of the oldest event that waits for the sink.",
         "oldest_waiting", SERIES_MOST, ROW_AGE},
        {"spoolgate_sink_dead_letters", "Events that were given up.", "dead_letters", SERIES_SUM,
         ROW_COUNT},
        {"spoolgate_sink_disabled", "1: nothing is tried until it is enabled.", "state",
         SERIES_MOST, ROW_IS_DISABLED}};
    static const struct row_gauge streams[] = {
        {"spoolgate_partitions", "Partitions of the table.", "count", SERIES_SUM, ROW_COUNT},
        {"spoolgate_partitions_wanted_ahead",
         "Partitions that the stream wants beyond the current one; 0: batches make them.", "ahead",
         SERIES_MOST, ROW_COUNT},
        {"spoolgate_partition_ahead_seconds",
         "How far partitions reach beyond now, without a gap; 0: now has none.", "ahead_until",
         SERIES_MOST, ROW_LEFT}};
    const json_t *knowledge = json_object_get(m->facts, "knowledge");
    write_rows(m, out, json_object_get(m->facts, "sinks"), "sink", sinks,
               sizeof sinks / sizeof *sinks);
    write_rows(m, out, json_object_get(m->facts, "partitions"), "stream", streams,
               sizeof streams / sizeof *streams);
    if (json_is_object(knowledge))
        write_knowledge(m, knowledge, out);
}

void metrics_write(const struct metrics *m, struct buf *out)
{
    write_about(m, out);
    write_gates(m, out);
    write_jobs(m, out);
    meter_write(out);
    series_one(out, "spoolgate_database_up", "1: the last question was answered.",
               m->is_database_up);
    if (m->is_database_up)
        write_facts(m, out);
    write_process(m, out);
    buf_str(out, "# EOF\n");
}
