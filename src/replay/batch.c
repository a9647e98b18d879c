/* SPDX-License-Identifier: MIT */
#include "replay/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "replay/handle.h"

enum { FILES_LISTED = 1000 };

void batch_open(struct batch *b, const struct claim *claim, const struct load_terms *terms)
{
    *b = (struct batch){.claim = claim,
                        .terms = terms,
                        .count = claim->count,
                        .segments = mem_calloc(claim->count, sizeof *b->segments)};
    for (size_t i = 0; i < b->count; i++) {
        struct buf encoded = {0};
        str_percent_encode(&encoded, claim->files[i].name);
        b->segments[i].name = claim->files[i].name;
        b->segments[i].sum.bytes = claim->files[i].bytes;
        b->segments[i].encoded = buf_take(&encoded);
    }
}

void batch_close(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        free(b->segments[i].encoded);
        free(b->segments[i].reason);
    }
    free(b->segments);
    partition_free(&b->partitions);
    *b = (struct batch){0};
}

struct inspection {
    struct batch *batch;
    size_t segment; /* the one in hand */
    struct held *held;
};

static bool note_row(void *context, const struct frame *frame, const struct copybin_row *row,
                     struct err *failure)
{
    struct inspection *in = context;
    (void)frame;
    (void)failure;
    partition_need(&in->batch->partitions, row->stream, row->period_us);
    held_row(in->held, in->segment, row, row->len);
    return true;
}

static bool note_reject(void *context, const struct frame *frame, const struct reject *reject,
                        struct err *failure)
{
    struct inspection *in = context;
    (void)failure;
    held_reject(in->held, in->segment, frame, reject);
    return true; /* segment_walk counts */
}

static bool note_other(void *context, const struct frame *frame, bool *refused,
                       struct reject *reject, struct err *failure)
{
    struct inspection *in = context;
    struct batch *b = in->batch;
    if (b->terms->takes_handled)
        return b->handler->inspect(b->handled, in->segment, frame, refused, reject, failure);
    *refused = !handle_refuse(reject);
    return true;
}

struct err batch_inspect(struct batch *b, const struct segment_walk *walk, struct held *held)
{
    struct inspection in = {.batch = b, .held = held};
    struct segment_walk w = *walk;
    struct err e = ERR_OK;
    w.rows = held->rows;
    w.on_row = note_row;
    w.on_reject = note_reject;
    w.on_other = note_other;
    w.context = &in;
    for (; in.segment < b->count && !err_is(&e); in.segment++) {
        struct batch_segment *s = &b->segments[in.segment];
        w.encoder->segment = s->encoded;
        e = segment_walk(&w, b->claim->folder, s->name, &s->sum);
        if (e.cls == ERR_SEGMENT) {
            batch_fail_segment(b, in.segment, e.text);
            e = ERR_OK;
        }
    }
    return e;
}

void batch_fail_segment(struct batch *b, size_t index, const char *reason)
{
    struct batch_segment *s = &b->segments[index];
    free(s->reason);
    s->reason = mem_strdup(reason);
    s->fate = SEGMENT_FAILED;
}

void batch_fail(struct batch *b, const char *reason)
{
    b->skipped = 0; /* what a transaction that is undone found */
    memset(b->refused_by, 0, sizeof b->refused_by);
    (void)snprintf(b->error, sizeof b->error, "%s", reason);
    for (size_t i = 0; i < b->count; i++) {
        if (b->segments[i].fate == SEGMENT_FAILED)
            continue;
        batch_fail_segment(b, i, reason);
        b->segments[i].fate = SEGMENT_HELD_BACK;
    }
}

struct batch_totals batch_totals(const struct batch *b)
{
    struct batch_totals t = {.ts_min_us = INT64_MAX, .ts_max_us = INT64_MIN};
    for (size_t i = 0; i < b->count; i++) {
        const struct batch_segment *s = &b->segments[i];
        t.bytes += s->sum.bytes;
        t.segments_failed += segment_goes_to_failed(s->fate);
        t.segments_duplicate += s->fate == SEGMENT_DUPLICATE;
        if (s->fate == SEGMENT_FAILED)
            continue;
        t.bytes_raw += s->sum.bytes_raw;
        t.frames += s->sum.frames;
        if (s->fate == SEGMENT_DUPLICATE || s->fate == SEGMENT_HELD_BACK) {
            t.skipped += s->sum.frames;
            continue;
        }
        t.rejected += s->sum.rejected + s->refused;
        for (int why = 0; why < REJECT_WHY_COUNT; why++)
            t.rejected_by[why] += s->sum.rejected_by[why];
        t.rows += s->sum.frames - s->sum.rejected - s->refused;
        if (s->sum.ts_min_us < t.ts_min_us)
            t.ts_min_us = s->sum.ts_min_us;
        if (s->sum.ts_max_us > t.ts_max_us)
            t.ts_max_us = s->sum.ts_max_us;
    }
    for (int why = 0; why < REJECT_WHY_COUNT; why++)
        t.rejected_by[why] += b->refused_by[why];
    t.skipped += b->skipped;
    t.rows -= b->skipped;
    if (b->is_careful) {
        t.ts_min_us = b->ts_min_us;
        t.ts_max_us = b->ts_max_us;
    }
    if (t.rows == 0 || t.ts_max_us == INT64_MIN) /* no row, or none that has a time */
        t.ts_min_us = t.ts_max_us = INT64_MIN;
    return t;
}

static void file_json(struct jsonw *j, const struct batch_segment *s)
{
    char hex[HASH_HEX];
    jsonw_object(j);
    jsonw_key(j, "name");
    jsonw_str(j, s->encoded);
    jsonw_key(j, "bytes");
    jsonw_int(j, (int64_t)s->sum.bytes);
    if (segment_goes_to_failed(s->fate)) {
        jsonw_key(j, "failed");
        jsonw_str(j, s->reason);
    } else {
        jsonw_key(j, "sha256");
        jsonw_str(j, hash_hex(s->sum.sha256, hex));
        jsonw_key(j, "frames");
        jsonw_int(j, (int64_t)s->sum.frames);
        jsonw_key(j, "rejected");
        jsonw_int(j, s->fate == SEGMENT_DUPLICATE ? 0 : (int64_t)(s->sum.rejected + s->refused));
    }
    if (s->fate == SEGMENT_DUPLICATE) {
        jsonw_key(j, "duplicate_of");
        jsonw_str(j, s->duplicate_of);
    }
    jsonw_end(j);
}

bool batch_files_json(const struct batch *b, struct buf *out)
{
    struct jsonw j = {.out = out};
    size_t listed = 0;
    jsonw_array(&j);
    /* Failed segments have no ledger row, so they are the last that may be cut. */
    for (int failed = 1; failed >= 0; failed--)
        for (size_t i = 0; i < b->count && listed < FILES_LISTED; i++)
            if (segment_goes_to_failed(b->segments[i].fate) == failed) {
                file_json(&j, &b->segments[i]);
                listed++;
            }
    jsonw_end(&j);
    return listed < b->count;
}

void batch_reason_json(const struct batch *b, size_t index, struct buf *out)
{
    const struct batch_segment *s = &b->segments[index];
    struct jsonw j = {.out = out};
    jsonw_object(&j);
    jsonw_key(&j, "segment");
    jsonw_str(&j, s->encoded);
    jsonw_key(&j, "batch_id");
    jsonw_str(&j, b->claim->batch);
    jsonw_key(&j, "gate");
    jsonw_str(&j, b->claim->gate);
    jsonw_key(&j, "reason");
    jsonw_str(&j, s->reason);
    jsonw_key(&j, "bytes");
    jsonw_int(&j, (int64_t)s->sum.bytes);
    jsonw_key(&j, "failed_at");
    jsonw_time(&j, time_now());
    jsonw_end(&j);
    buf_byte(out, '\n');
}
