/* SPDX-License-Identifier: MIT */
#include "replay/held.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void held_open(struct held *h, size_t budget)
{
    *h = (struct held){.budget = budget};
}

/* Batches of different sorts would each leave another buffer large. */
static size_t kept_bytes(const struct held *h)
{
    size_t kept = h->frames.cap + h->run_cap * sizeof *h->runs + h->reject_cap * sizeof *h->rejects;
    for (size_t i = 0; i < h->streams; i++)
        kept += h->rows[i].cap;
    return kept;
}

static void free_memory(struct held *h)
{
    for (size_t i = 0; i < h->streams; i++)
        buf_free(&h->rows[i]);
    buf_free(&h->frames);
    free(h->runs);
    free(h->rejects);
    h->runs = NULL;
    h->rejects = NULL;
    h->run_cap = h->reject_cap = 0;
}

void held_close(struct held *h)
{
    free_memory(h);
    free(h->rows);
    *h = (struct held){0};
}

static void forget(struct held *h)
{
    for (size_t i = 0; i < h->streams; i++)
        buf_clear(&h->rows[i]);
    buf_clear(&h->frames);
    h->run_count = h->reject_count = h->row_bytes = 0;
}

void held_clear(struct held *h)
{
    forget(h);
    h->is_over = false;
    if (kept_bytes(h) > h->budget + h->budget / 2)
        free_memory(h);
}

size_t held_bytes(const struct held *h)
{
    return h->row_bytes + h->frames.len + h->run_count * sizeof *h->runs +
           h->reject_count * sizeof *h->rejects;
}

static void check_budget(struct held *h)
{
    if (held_bytes(h) > h->budget)
        h->is_over = true;
    if (!h->is_over)
        return;
    forget(h);
    if (kept_bytes(h) > h->budget / 4) /* the rows that come one by one now are small, mostly */
        free_memory(h);
}

void held_row(struct held *h, size_t segment, const struct copybin_row *row, size_t len)
{
    struct held_run *last = h->run_count > 0 ? &h->runs[h->run_count - 1] : NULL;
    h->row_bytes += len;
    if (last && last->stream == row->stream && last->segment == segment &&
        last->period_us == row->period_us && last->rows < UINT32_MAX) {
        last->rows++;
        last->len += len;
    } else if (!h->is_over) {
        struct held_run *run = MEM_PUSH(h->runs, h->run_count, h->run_cap);
        assert(run);
        *run = (struct held_run){.stream = (uint32_t)row->stream,
                                 .segment = (uint32_t)segment,
                                 .period_us = row->period_us,
                                 .rows = 1,
                                 .at = h->rows[row->stream].len - len,
                                 .len = len};
    }
    check_budget(h);
}

void held_reject(struct held *h, size_t segment, const struct frame *frame,
                 const struct reject *reject)
{
    if (h->is_over)
        return;
    *MEM_PUSH(h->rejects, h->reject_count, h->reject_cap) =
        (struct held_reject){.segment = (uint32_t)segment,
                             .frame_len = (uint32_t)frame->len,
                             .frame_at = h->frames.len,
                             .index = frame->index,
                             .offset = frame->offset,
                             .reject = *reject};
    buf_put(&h->frames, frame->bytes, frame->len);
    check_budget(h);
}

void held_begin(struct held *h, size_t streams)
{
    held_clear(h);
    for (size_t i = streams; i < h->streams; i++)
        buf_free(&h->rows[i]);
    h->rows = mem_realloc(h->rows, streams * sizeof *h->rows);
    for (size_t i = h->streams; i < streams; i++)
        h->rows[i] = (struct buf){0};
    h->streams = streams;
}

static int by_stream_and_period(const void *a, const void *b)
{
    const struct held_run *x = a;
    const struct held_run *y = b;
    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    if (x->period_us != y->period_us)
        return x->period_us < y->period_us ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

void held_order(struct held *h)
{
    for (size_t i = 1; i < h->run_count; i++)
        if (by_stream_and_period(&h->runs[i - 1], &h->runs[i]) > 0) {
            qsort(h->runs, h->run_count, sizeof *h->runs, by_stream_and_period);
            return;
        }
}

struct frame held_frame(const struct held *h, const struct held_reject *reject)
{
    return (struct frame){.bytes = h->frames.data + reject->frame_at,
                          .len = reject->frame_len,
                          .offset = reject->offset,
                          .index = reject->index};
}
