/* SPDX-License-Identifier: MIT */
#include "replay/prepare.h"

#include "base/log.h"
#include "spool/name.h"

void prepared_open(struct prepared *p, const struct preparer *preparer)
{
    *p = (struct prepared){
        .claim = {.folder = -1}, .terms_source = preparer->terms, .handler = preparer->handler};
    held_open(&p->held, PREPARE_BUDGET);
}

static void end_handled(struct prepared *p)
{
    if (p->batch.handled)
        p->handler->end(p->batch.handled);
    p->batch.handled = NULL;
}

void prepared_clear(struct prepared *p)
{
    if (p->is_started) {
        end_handled(p);
        batch_close(&p->batch);
        copybin_close(&p->encoder);
        p->terms_source.done(p->terms_source.context, &p->terms);
    }
    held_clear(&p->held);
    claim_free(&p->claim);
    p->is_started = p->is_inspected = false;
    p->times = (struct batch_times){0};
}

void prepared_close(struct prepared *p)
{
    prepared_clear(p);
    held_close(&p->held);
}

void preparer_close(struct preparer *preparer)
{
    segment_tools_close(&preparer->tools);
}

void prepared_weigh(const struct prepared *p, struct load_weight *weight)
{
    uint64_t all = 0;
    uint64_t packed = 0;
    uint64_t unpacked = 0;
    if (!p->is_inspected)
        return;
    for (size_t i = 0; i < p->batch.count; i++) {
        const struct segment_summary *sum = &p->batch.segments[i].sum;
        bool is_zstd = name_is_zstd(p->batch.segments[i].name);
        all += sum->bytes_raw;
        packed += is_zstd ? sum->bytes : 0;
        unpacked += is_zstd ? sum->bytes_raw : 0;
    }
    if (all == 0)
        return;
    bool is_over = false;
    size_t handled = p->batch.handled ? p->handler->held(p->batch.handled, &is_over) : 0;
    /* Rows take more or less room than their frames; how much more isn't known of rows let go. */
    weight->raw =
        p->held.is_over || is_over ? 2 : (double)(held_bytes(&p->held) + handled) / (double)all;
    if (weight->raw < 1)
        weight->raw = 1;
    if (packed > 0)
        weight->zstd = weight->raw * (double)unpacked / (double)packed;
}

void prepare_start(struct prepared *p)
{
    if (p->is_started)
        return;
    p->terms_source.get(p->terms_source.context, p->claim.gate, &p->terms);
    batch_open(&p->batch, &p->claim, &p->terms);
    copybin_open(&p->encoder, p->terms.streams, &p->claim.id, p->claim.opened_us,
                 (enum nul_rule)p->terms.rules->nul);
    p->encoder.allowed = p->terms.allowed;
    p->encoder.elsewhere = p->handler ? p->handler->takes : NULL;
    p->batch.handler = p->handler;
    p->is_started = true;
}

struct err prepare_batch(struct preparer *preparer, struct prepared *p)
{
    struct batch_watch watch = batch_watch_start();
    prepare_start(p);
    held_begin(&p->held, p->terms.streams->count);
    end_handled(p);
    if (p->handler)
        p->batch.handled = p->handler->begin(p->handler->context, &p->terms);
    struct segment_walk walk = {.tools = &preparer->tools,
                                .encoder = &p->encoder,
                                .limits = p->terms.limits,
                                .stop = preparer->stop};
    TRY(batch_inspect(&p->batch, &walk, &p->held));
    held_order(&p->held);
    p->is_inspected = true;
    batch_watch_stop(&watch, &p->times, BATCH_PREPARE);
    p->queue = batch_watch_start();
    struct batch_totals t = batch_totals(&p->batch);
    LOG_INFO("batch inspected", LOG_STR("batch", p->claim.batch), LOG_INT("bytes", t.bytes),
             LOG_INT("bytes_raw", t.bytes_raw), LOG_INT("frames", t.frames),
             LOG_DURATION("took", p->times.of[BATCH_PREPARE].took_us));
    return ERR_OK;
}
