/* SPDX-License-Identifier: MIT */
#include "daemon/backlog.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "spool/name.h"

#define FIRST_WEIGHT 8.0                 /* what zstd usually makes of metrics and logs */
#define SHARE_LEAST  ((double)(4 << 20)) /* a batch has fixed costs of some ms: don't cut finer */

static size_t larger(size_t a, uint64_t b)
{
    return b > a ? (size_t)b : a;
}

/* Names before `first` have been given away. */
static void disown_taken(struct backlog *b)
{
    for (size_t i = 0; i < b->first; i++)
        b->found.files[i].name = NULL;
    b->first = 0;
    b->bytes = 0;
    b->oldest_us = INT64_MAX;
    b->newest_us = INT64_MIN;
}

struct err backlog_scan(struct backlog *b, const struct spool *s, const char *gate,
                        const struct gate_policy *policy, const struct scan_rules *rules)
{
    enum { LIMIT = 1000000 };
    struct scan_rules ours = *rules;
    /* A piece must be able to hold one batch, and to reach the gate's threshold. */
    size_t wanted = larger(SCAN_FILES_MAX, policy->batch_segments);
    wanted = larger(wanted, policy->open_count);
    ours.max_files = wanted < LIMIT ? wanted : LIMIT;
    ours.is_ordered = b->is_ordered = policy->is_ordered;
    disown_taken(b);
    if (b->found.more) {
        TRY(scan_continue(s, gate, &ours, &b->found));
    } else {
        scan_free(&b->found);
        TRY(scan_gate(s, gate, &ours, &b->found));
    }
    for (size_t i = 0; i < b->found.count; i++) {
        const struct scan_file *file = &b->found.files[i];
        b->bytes += file->bytes;
        if (file->arrived_us < b->oldest_us)
            b->oldest_us = file->arrived_us;
        if (file->arrived_us > b->newest_us)
            b->newest_us = file->arrived_us;
    }
    return ERR_OK;
}

void backlog_free(struct backlog *b)
{
    disown_taken(b);
    scan_free(&b->found);
    *b = (struct backlog){0};
}

struct gate_backlog backlog_waiting(const struct backlog *b)
{
    size_t count = b->found.count - b->first;
    struct gate_backlog waiting = {.count = count, .bytes = b->bytes};
    if (count > 0) {
        /* Of an ordered list the oldest may be gone already; too old is no harm. */
        waiting.oldest_us = b->is_ordered ? b->oldest_us : b->found.files[b->first].arrived_us;
        waiting.newest_us = b->newest_us;
    }
    return waiting;
}

static double weight_of(const struct scan_file *file, const struct load_weight *weight)
{
    double raw = weight->raw > 0 ? weight->raw : 1;
    double zstd = weight->zstd > 0 ? weight->zstd : FIRST_WEIGHT;
    return (double)file->bytes * (name_is_zstd(file->name) ? zstd : raw);
}

/* Rows for one batch: an even share for each loader, within what is worth a batch and what can be
 * held in memory. */
static double share(const struct backlog *b, unsigned loaders, const struct load_weight *weight)
{
    double all = 0;
    for (size_t i = b->first; i < b->found.count && all < BACKLOG_BATCH * loaders; i++)
        all += weight_of(&b->found.files[i], weight);
    double part = all / loaders;
    return part > BACKLOG_BATCH ? BACKLOG_BATCH : part < SHARE_LEAST ? SHARE_LEAST : part;
}

size_t backlog_cut(struct backlog *b, const struct gate_policy *policy, unsigned loaders,
                   const struct load_weight *weight, struct scan_file **files)
{
    struct gate_backlog batch = {0};
    double most = policy->batch_bytes > 0 ? 0 : share(b, loaders, weight);
    double taken = 0;
    const struct scan_file *from = &b->found.files[b->first];
    while (b->first + batch.count < b->found.count) {
        const struct scan_file *file = &from[batch.count];
        taken += weight_of(file, weight);
        bool is_full = policy->batch_bytes == 0 && batch.count > 0 && taken > most;
        if (is_full || !gate_fits(policy, &batch, file->bytes))
            break;
        batch.bytes += file->bytes;
        batch.count++;
    }
    *files = mem_calloc(batch.count, sizeof **files);
    memcpy(*files, from, batch.count * sizeof **files);
    b->first += batch.count;
    b->bytes -= batch.bytes;
    return batch.count;
}
