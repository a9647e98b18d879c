/* SPDX-License-Identifier: MIT */
#include "daemon/history.h"

#include "base/jsonw.h"

static const char *const keys[HISTORY_KINDS] = {[HISTORY_ROWS] = "rows",
                                                [HISTORY_BYTES] = "bytes",
                                                [HISTORY_REJECTED] = "rejected",
                                                [HISTORY_WAITING] = "waiting",
                                                [HISTORY_WAITING_BYTES] = "waiting_bytes"};

void history_open(struct history *h)
{
    *h = (struct history){0};
    (void)pthread_mutex_init(&h->lock, NULL);
}

void history_close(struct history *h)
{
    (void)pthread_mutex_destroy(&h->lock);
}

void history_add(struct history *h, const struct trail_totals *totals, uint64_t waiting,
                 uint64_t waiting_bytes, int64_t now_us)
{
    (void)pthread_mutex_lock(&h->lock);
    uint64_t *sample = h->samples[h->added++ % HISTORY_SAMPLES];
    sample[HISTORY_ROWS] = totals->frames_loaded - h->before.frames_loaded;
    sample[HISTORY_BYTES] = totals->bytes - h->before.bytes;
    sample[HISTORY_REJECTED] = totals->frames_rejected - h->before.frames_rejected;
    sample[HISTORY_WAITING] = waiting;
    sample[HISTORY_WAITING_BYTES] = waiting_bytes;
    h->before = *totals;
    h->end_us = now_us;
    (void)pthread_mutex_unlock(&h->lock);
}

/* The oldest first. */
static void samples_json(struct jsonw *j, const struct history *h, int kind)
{
    uint64_t count = h->added < HISTORY_SAMPLES ? h->added : HISTORY_SAMPLES;
    jsonw_array(j);
    for (uint64_t i = h->added - count; i < h->added; i++)
        jsonw_int(j, (int64_t)h->samples[i % HISTORY_SAMPLES][kind]);
    jsonw_end(j);
}

void history_json(struct history *h, struct buf *json)
{
    struct jsonw j = {.out = json};
    (void)pthread_mutex_lock(&h->lock);
    jsonw_object(&j);
    jsonw_key(&j, "step_s");
    jsonw_int(&j, HISTORY_STEP_S);
    jsonw_key(&j, "end_at");
    jsonw_time(&j, h->added > 0 ? h->end_us : INT64_MIN);
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        jsonw_key(&j, keys[kind]);
        samples_json(&j, h, kind);
    }
    jsonw_end(&j);
    (void)pthread_mutex_unlock(&h->lock);
}
