/* SPDX-License-Identifier: MIT */
/* The batch's segments once more, frame by frame: for rows that weren't held, and for rejects. */
#include <stdio.h>
#include <string.h>

#include "kb/work.h"

struct reading {
    struct kb_work *work;
    enum kb_walk what;
    struct kb_sender *sender;
    struct kb_reader reader;
    struct kb_held frame; /* what the one in hand says */
    size_t cursor;
};

/* The same bytes say the same, unless they name a file that changed meanwhile. */
static struct err check_same(const struct reading *r, const struct kb_record *record,
                             const struct frame *frame)
{
    const struct kb_held *whole = r->work->held;
    const struct kb_record *now = &r->frame.records[0];
    bool same = record->frame <= frame->index && record->has_asset == now->has_asset &&
                record->is_head == now->is_head &&
                (record->frames > 1 ||
                 (record->frame == frame->index && record->sections == now->sections &&
                  record->chunks == now->chunks));
    if (same && record->frames == 1 && kb_record_is_document(record))
        same = memcmp(whole->digests.data + record->digest_at,
                      r->frame.digests.data + now->digest_at, HASH_BYTES) == 0;
    return same ? ERR_OK
                : err_make(ERR_SPOOL,
                           "frame %llu names a file that changed while its batch was "
                           "loaded; the batch is read anew",
                           (unsigned long long)frame->index);
}

/* One that was taken and isn't now: its file has gone. */
static struct err check_refused(const struct reading *r, size_t segment, const struct frame *frame)
{
    size_t cursor = r->cursor;
    const struct kb_held *h = r->work->held;
    if (h->count == 0)
        return ERR_OK;
    const struct kb_record *record = &h->records[kb_held_find(h, segment, frame->index, &cursor)];
    if (record->segment != segment || record->frame != frame->index)
        return ERR_OK;
    return err_make(ERR_SPOOL,
                    "frame %llu names a file that can't be read any more; the batch is read anew",
                    (unsigned long long)frame->index);
}

static struct err reject(const struct reading *r, size_t segment, const struct frame *frame,
                         size_t record)
{
    struct kb_work *w = r->work;
    struct reject reject = {0};
    const char *sqlstate = "";
    const char *problem = kb_work_problem(w, record, &sqlstate);
    if (!problem)
        return ERR_OK;
    (void)snprintf(reject.reason, sizeof reject.reason, "%s", problem);
    (void)snprintf(reject.sqlstate, sizeof reject.sqlstate, "%s", sqlstate);
    reject.why = *sqlstate ? REJECT_SERVER : REJECT_OTHER;
    return w->in->reject(w->in, segment, frame, &reject);
}

static struct err one_frame(void *context, size_t segment, const struct frame *frame, bool *refused,
                            struct reject *why)
{
    struct reading *r = context;
    const struct kb_held *whole = r->work->held;
    kb_held_clear(&r->frame);
    if (!kb_frame_read(&r->reader, segment, frame, &r->frame, why)) {
        TRY(r->reader.failure);
        *refused = true;
        return check_refused(r, segment, frame);
    }
    if (whole->count == 0)
        return err_make(ERR_INTERNAL, "a frame that was refused isn't any more");
    size_t record = kb_held_find(whole, segment, frame->index, &r->cursor);
    TRY(check_same(r, &whole->records[record], frame));
    if (r->what == KB_WALK_REJECT)
        return reject(r, segment, frame, record);
    if (!kb_work_sends(r->work, record))
        return ERR_OK;
    return kb_sender_record(r->sender, r->work->plan.ref_of[record], &r->frame,
                            &r->frame.records[0]);
}

struct err kb_walk(struct kb_work *w, enum kb_walk what, struct kb_sender *sender)
{
    struct reading r = {.work = w, .what = what, .sender = sender, .reader = w->reader};
    kb_held_open(&r.frame, SIZE_MAX);
    struct err e = w->in->walk(w->in, what == KB_WALK_REJECT, one_frame, &r);
    kb_held_close(&r.frame);
    kb_reader_free(&r.reader);
    return e;
}
