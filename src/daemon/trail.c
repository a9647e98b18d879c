/* SPDX-License-Identifier: MIT */
#include "daemon/trail.h"

#include <stdlib.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/meter.h"
#include "base/uuid.h"

static const char *const stage_names[BATCH_STAGES] = {
    [BATCH_WAIT] = "wait",     [BATCH_CLAIM] = "claim",  [BATCH_PREPARE] = "prepare",
    [BATCH_QUEUE] = "queue",   [BATCH_OPEN] = "open",    [BATCH_LOAD] = "load",
    [BATCH_COMMIT] = "commit", [BATCH_RETIRE] = "retire"};

static const char *const why_names[REJECT_WHY_COUNT] = {
    [REJECT_OTHER] = "other",     [REJECT_KIND] = "kind",    [REJECT_TYPE] = "type",
    [REJECT_MISSING] = "missing", [REJECT_RANGE] = "range",  [REJECT_TIME] = "time",
    [REJECT_TEXT] = "text",       [REJECT_SERVER] = "server"};

void trail_open(struct trail *t)
{
    *t = (struct trail){0};
    (void)pthread_mutex_init(&t->lock, NULL);
}

void trail_close(struct trail *t)
{
    (void)pthread_mutex_destroy(&t->lock);
}

/* ---- counting ---- */

static const char *status_of(const struct load_outcome *batch)
{
    return batch->failed ? "failed" : "done";
}

static void count(const struct load_outcome *b)
{
    uint64_t loaded = b->segments - b->segments_failed - b->segments_duplicate;
    meter_add(METER_BATCHES, METER_LABELS(b->gate, status_of(b)), 1);
    meter_add(METER_SEGMENTS, METER_LABELS(b->gate, "loaded"), loaded);
    meter_add(METER_SEGMENTS, METER_LABELS(b->gate, "duplicate"), b->segments_duplicate);
    meter_add(METER_SEGMENTS, METER_LABELS(b->gate, "failed"), b->segments_failed);
    meter_add(METER_FRAMES, METER_LABELS(b->gate, "loaded"), b->rows);
    meter_add(METER_FRAMES, METER_LABELS(b->gate, "rejected"), b->rejected);
    meter_add(METER_FRAMES, METER_LABELS(b->gate, "skipped"), b->skipped);
    meter_add(METER_READ_BYTES, METER_LABELS(b->gate, "disk"), b->bytes);
    meter_add(METER_READ_BYTES, METER_LABELS(b->gate, "raw"), b->bytes_raw);
    for (int why = 0; why < REJECT_WHY_COUNT; why++)
        if (b->rejected_by[why] > 0)
            meter_add(METER_REJECTS, METER_LABELS(b->gate, why_names[why]), b->rejected_by[why]);
    for (int stage = 0; stage < BATCH_STAGES; stage++)
        if (b->times.of[stage].at_us > 0)
            meter_time(METER_STAGE, METER_LABELS(stage_names[stage]), b->times.of[stage].took_us);
}

void trail_expect(const char *gate)
{
    meter_add(METER_BATCHES, METER_LABELS(gate, "done"), 0);
    meter_add(METER_BATCHES, METER_LABELS(gate, "failed"), 0);
    meter_add(METER_SEGMENTS, METER_LABELS(gate, "loaded"), 0);
    meter_add(METER_SEGMENTS, METER_LABELS(gate, "duplicate"), 0);
    meter_add(METER_SEGMENTS, METER_LABELS(gate, "failed"), 0);
    meter_add(METER_FRAMES, METER_LABELS(gate, "loaded"), 0);
    meter_add(METER_FRAMES, METER_LABELS(gate, "rejected"), 0);
    meter_add(METER_FRAMES, METER_LABELS(gate, "skipped"), 0);
}

static void add_up(struct trail_totals *t, const struct load_outcome *b)
{
    t->batches++;
    t->batches_failed += b->failed;
    t->segments += b->segments;
    t->frames_loaded += b->rows;
    t->frames_rejected += b->rejected;
    t->frames_skipped += b->skipped;
    t->bytes += b->bytes;
    t->bytes_raw += b->bytes_raw;
}

void trail_add(struct trail *t, const struct load_outcome *batch)
{
    count(batch);
    (void)pthread_mutex_lock(&t->lock);
    t->last[t->added++ % TRAIL_BATCHES] = *batch;
    add_up(&t->totals, batch);
    (void)pthread_mutex_unlock(&t->lock);
}

struct trail_totals trail_sum(struct trail *t)
{
    (void)pthread_mutex_lock(&t->lock);
    struct trail_totals totals = t->totals;
    (void)pthread_mutex_unlock(&t->lock);
    return totals;
}

/* ---- writing ---- */

static void number(struct jsonw *j, const char *key, uint64_t n)
{
    jsonw_key(j, key);
    jsonw_int(j, (int64_t)n);
}

static void stages_json(struct jsonw *j, const struct batch_times *times)
{
    jsonw_array(j);
    for (int i = 0; i < BATCH_STAGES; i++) {
        if (times->of[i].at_us == 0)
            continue;
        jsonw_object(j);
        jsonw_key(j, "stage");
        jsonw_str(j, stage_names[i]);
        jsonw_key(j, "at");
        jsonw_time(j, times->of[i].at_us);
        jsonw_key(j, "seconds");
        jsonw_seconds(j, times->of[i].took_us);
        jsonw_end(j);
    }
    jsonw_end(j);
}

static void batch_json(struct jsonw *j, const struct load_outcome *b)
{
    char id[UUID_TEXT];
    jsonw_object(j);
    jsonw_key(j, "batch_id");
    jsonw_str(j, uuid_format(&b->id, id));
    jsonw_key(j, "batch_tag");
    jsonw_str(j, b->tag);
    jsonw_key(j, "gate");
    jsonw_str(j, b->gate);
    jsonw_key(j, "status");
    jsonw_str(j, status_of(b));
    jsonw_key(j, "error");
    jsonw_str(j, *b->error ? b->error : NULL);
    number(j, "segments", b->segments);
    number(j, "segments_failed", b->segments_failed);
    number(j, "rows", b->rows);
    number(j, "rejected", b->rejected);
    number(j, "skipped", b->skipped);
    number(j, "bytes", b->bytes);
    number(j, "bytes_raw", b->bytes_raw);
    jsonw_key(j, "opened_at");
    jsonw_time(j, b->opened_us);
    jsonw_key(j, "settled_at");
    jsonw_time(j, b->settled_us);
    jsonw_key(j, "stages");
    stages_json(j, &b->times);
    jsonw_end(j);
}

/* Newest first. Written from a copy: no loader waits for it. */
void trail_json(struct trail *t, struct buf *json)
{
    struct jsonw j = {.out = json};
    struct load_outcome *copy = mem_calloc(TRAIL_BATCHES, sizeof *copy);
    size_t count = 0;
    (void)pthread_mutex_lock(&t->lock);
    while (count < TRAIL_BATCHES && count < t->added) {
        copy[count] = t->last[(t->added - 1 - count) % TRAIL_BATCHES];
        count++;
    }
    (void)pthread_mutex_unlock(&t->lock);
    jsonw_array(&j);
    for (size_t i = 0; i < count; i++)
        batch_json(&j, &copy[i]);
    jsonw_end(&j);
    free(copy);
}

void trail_totals_json(struct trail *t, struct buf *json)
{
    struct jsonw j = {.out = json};
    struct trail_totals totals = trail_sum(t);
    jsonw_object(&j);
    number(&j, "batches", totals.batches);
    number(&j, "batches_failed", totals.batches_failed);
    number(&j, "segments", totals.segments);
    number(&j, "frames_loaded", totals.frames_loaded);
    number(&j, "frames_rejected", totals.frames_rejected);
    number(&j, "frames_skipped", totals.frames_skipped);
    number(&j, "bytes", totals.bytes);
    number(&j, "bytes_raw", totals.bytes_raw);
    jsonw_end(&j);
}
