/* SPDX-License-Identifier: MIT */
#include "kb/work.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Every ref with its asset, then the assets that have none. */
static void make_units(struct kb_work *w)
{
    const struct kb_plan *p = &w->plan;
    bool *has_ref = mem_calloc(p->asset_count, sizeof *has_ref);
    w->units = mem_calloc(p->count + p->asset_count, sizeof *w->units);
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->refs[i].is_superseded)
            continue;
        w->units[w->count++] = (struct kb_unit){p->refs[i].asset, i};
        if (p->refs[i].asset != KB_NONE)
            has_ref[p->refs[i].asset] = true;
    }
    for (uint32_t i = 0; i < p->asset_count; i++)
        if (!has_ref[i])
            w->units[w->count++] = (struct kb_unit){i, KB_NONE};
    free(has_ref);
}

void kb_work_open(struct kb_work *w, struct kb_held *held, struct handler_load *in,
                  const struct load_terms *terms)
{
    *w = (struct kb_work){.in = in, .terms = terms, .held = held};
    kb_plan_open(&w->plan, held);
    for (size_t i = 0; i < held->count; i++)
        if (in->batch->segments[held->records[i].segment].fate == SEGMENT_LOADED)
            kb_plan_add(&w->plan, i);
    w->assets = mem_calloc(w->plan.asset_count, sizeof *w->assets);
    w->refs = mem_calloc(w->plan.count, sizeof *w->refs);
    make_units(w);
}

void kb_work_close(struct kb_work *w)
{
    kb_plan_close(&w->plan);
    free(w->units);
    free(w->assets);
    free(w->refs);
    buf_free(&w->next);
    buf_free(&w->next_now);
    buf_free(&w->docs);
    buf_free(&w->idxs);
    buf_free(&w->chunks);
    arena_free(&w->arena);
    *w = (struct kb_work){0};
}

static void accept_fates(struct kb_fate *fates, size_t count, bool done)
{
    for (size_t i = 0; i < count; i++) {
        fates[i].is_changed |= done && fates[i].is_changed_now;
        fates[i].is_here = fates[i].is_changed_now = false;
    }
}

void kb_work_accept(struct kb_work *w, bool done)
{
    accept_fates(w->assets, w->plan.asset_count, done);
    accept_fates(w->refs, w->plan.count, done);
    for (size_t i = 0; i < KB_TABLES; i++) {
        w->rows[i] += done ? w->rows_now[i] : 0;
        w->rows_now[i] = 0;
    }
    if (done && w->next_now.len > 0) {
        if (w->next.len > 0)
            buf_byte(&w->next, ',');
        buf_put(&w->next, w->next_now.data, w->next_now.len);
    }
    buf_clear(&w->next_now);
    buf_clear(&w->docs);
    buf_clear(&w->idxs);
    buf_clear(&w->chunks);
    w->adds = false;
}

bool kb_work_sends(const struct kb_work *w, size_t record)
{
    uint32_t ref = w->plan.ref_of[record];
    if (ref == KB_NONE || !w->refs[ref].is_here || w->plan.refs[ref].is_superseded)
        return false;
    enum kb_target target = w->plan.refs[ref].target;
    return (target == KB_TARGET_SERVED || target == KB_TARGET_NEXT) &&
           kb_record_is_document(&w->held->records[record]);
}

const char *kb_work_problem(const struct kb_work *w, size_t record, const char **sqlstate)
{
    uint32_t asset = w->plan.asset_of[record];
    uint32_t ref = w->plan.ref_of[record];
    if (asset != KB_NONE && w->plan.assets[asset].problem) {
        *sqlstate = w->assets[asset].sqlstate;
        return w->plan.assets[asset].problem;
    }
    if (ref == KB_NONE || !kb_record_is_document(&w->held->records[record]) ||
        w->plan.refs[ref].is_superseded || w->plan.refs[ref].target != KB_TARGET_REJECT)
        return NULL;
    *sqlstate = w->refs[ref].sqlstate;
    return w->plan.refs[ref].problem;
}
