/* SPDX-License-Identifier: MIT */
#include "replay/handle.h"

#include <string.h>

/* One walk over the segments that are loaded. */
struct handle_walk {
    struct handle *handle;
    size_t segment; /* the one in hand */
    bool again;
    struct err (*frame)(void *context, size_t segment, const struct frame *frame, bool *refused,
                        struct reject *reject);
    void *context;
};

static bool one_frame(void *context, const struct frame *frame, bool *refused,
                      struct reject *reject, struct err *failure)
{
    struct handle_walk *w = context;
    *failure = w->frame(w->context, w->segment, frame, refused, reject);
    return !err_is(failure);
}

static bool one_reject(void *context, const struct frame *frame, const struct reject *reject,
                       struct err *failure)
{
    struct handle_walk *w = context;
    struct handle *h = w->handle;
    *failure = w->again && h->must_walk ? h->again(h->context, w->segment, frame, reject) : ERR_OK;
    return !err_is(failure);
}

/* The bytes must be those that were inspected and entered into the ledger. */
static struct err walk_segment(struct handle_walk *w, const struct segment_walk *walk)
{
    struct batch *b = &w->handle->prepared->batch;
    const struct batch_segment *s = &b->segments[w->segment];
    struct segment_summary now;
    struct err e = segment_walk(walk, b->claim->folder, s->name, &now);
    if (!err_is(&e) &&
        (memcmp(now.sha256, s->sum.sha256, HASH_BYTES) != 0 || now.others != s->sum.others ||
         now.others_rejected != s->sum.others_rejected))
        e = err_make(ERR_SEGMENT, "the file changed between inspection and loading");
    if (e.cls == ERR_SEGMENT)
        batch_fail_segment(b, w->segment, e.text); /* the caller starts over without it */
    return e;
}

static struct err walk_segments(struct handler_load *in, bool again,
                                struct err (*frame)(void *context, size_t segment,
                                                    const struct frame *frame, bool *refused,
                                                    struct reject *reject),
                                void *context)
{
    struct handle *h = in->replay;
    struct preparer *preparer = &h->loader->preparer;
    struct handle_walk w = {.handle = h, .again = again, .frame = frame, .context = context};
    struct segment_walk walk = {.tools = &preparer->tools,
                                .encoder = &h->prepared->encoder,
                                .limits = h->prepared->terms.limits,
                                .stop = preparer->stop,
                                .on_other = one_frame,
                                .on_reject = one_reject,
                                .context = &w};
    const struct batch *b = in->batch;
    for (; w.segment < b->count; w.segment++)
        if (b->segments[w.segment].fate == SEGMENT_LOADED && b->segments[w.segment].sum.others > 0)
            TRY(walk_segment(&w, &walk));
    return ERR_OK;
}

bool handle_refuse(struct reject *reject)
{
    return field_reject(reject, REJECT_KIND, "kind", "the gate does not take stream %s",
                        HANDLER_NAME);
}

static struct err refuse_frame(void *context, size_t segment, const struct frame *frame,
                               bool *refused, struct reject *reject)
{
    (void)context;
    (void)segment;
    (void)frame;
    *refused = !handle_refuse(reject);
    return ERR_OK;
}

static struct err reject(struct handler_load *in, size_t segment, const struct frame *frame,
                         const struct reject *reject)
{
    struct handle *h = in->replay;
    return h->refuse(h->context, segment, frame, reject);
}

struct err handle_load(struct handle *h)
{
    struct batch *b = &h->prepared->batch;
    struct handler_load in = {.pg = &h->loader->pg,
                              .batch = b,
                              .is_careful = b->is_careful,
                              .must_walk = h->must_walk,
                              .walk = walk_segments,
                              .reject = reject,
                              .replay = h};
    uint64_t others = 0;
    for (size_t i = 0; i < b->count; i++)
        others += b->segments[i].fate == SEGMENT_LOADED ? b->segments[i].sum.others : 0;
    if (others == 0)
        return ERR_OK;
    if (!b->terms->takes_handled)
        return h->must_walk ? walk_segments(&in, true, refuse_frame, NULL) : ERR_OK;
    TRY(b->handler->load(b->handled, &in));
    b->skipped += in.skipped;
    memcpy(h->tables, in.tables, sizeof h->tables);
    return ERR_OK;
}
