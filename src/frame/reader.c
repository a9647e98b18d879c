/* SPDX-License-Identifier: MIT */
#include "frame/reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "frame/msgpack.h"

#ifndef FIRST_WINDOW /* the fuzz target starts with less, to get past the window's end */
#define FIRST_WINDOW ((size_t)1 << 20)
#endif

static struct err too_large(const struct frame_reader *r)
{
    return err_make(ERR_SEGMENT,
                    "frame at byte %" PRIu64 " is larger than limits.frame (%" PRIu64 " bytes)",
                    r->offset, r->limits->frame_bytes);
}

/* Room for more bytes of an unfinished frame: slide it to the front, then grow. */
static struct err read_more(struct frame_reader *r)
{
    size_t held = r->end - r->start;
    if (r->start > 0) {
        assert(r->window);
        memmove(r->window, r->window + r->start, held);
        r->start = 0;
        r->end = held;
    }
    if (r->end == r->cap) {
        if (held >= r->limits->frame_bytes)
            return too_large(r);
        size_t cap = r->cap ? r->cap * 2 : FIRST_WINDOW;
        if (cap > r->limits->frame_bytes && r->cap > 0)
            cap = r->limits->frame_bytes;
        r->window = mem_realloc(r->window, cap);
        r->cap = cap;
    }
    /* Fill it up, so that an unfinished frame is walked again only after the window doubled. */
    while (r->end < r->cap && !r->source_done) {
        size_t got = 0;
        TRY(r->fill(r->context, r->window + r->end, r->cap - r->end, &got));
        r->end += got;
        r->source_done = got == 0;
    }
    return ERR_OK;
}

static struct err malformed(const struct frame_reader *r, enum mp_status status)
{
    static const char *const texts[] = {
        [MP_SHORT] = "cut short: the segment ends inside the frame",
        [MP_BAD] = "not msgpack (byte 0xc1)",
        [MP_STRING] = "a string is longer than limits.string",
        [MP_KEYS] = "a map has more keys than limits.keys",
        [MP_ARRAY_LONG] = "an array claims more elements than a frame can hold",
        [MP_DEEP] = "nested deeper than limits.depth",
    };
    return err_make(ERR_SEGMENT, "frame %" PRIu64 " at byte %" PRIu64 ": %s", r->frames, r->offset,
                    texts[status]);
}

/* Notes `kind`, the first that is a string; `event` stands in for it (kb.ingest.asset.created.v1
 * and its like). True: nothing can take its place any more. */
static bool note_kind(struct frame *frame, const struct frame_pair *pair)
{
    bool is_kind = mp_is_str(&pair->key, "kind", 4);
    if (pair->value.type != MP_STR || (!is_kind && !mp_is_str(&pair->key, "event", 5)))
        return false;
    frame->kind = pair->value.bytes;
    frame->kind_len = pair->value.len;
    return is_kind;
}

/* The one walk over a frame's bytes: they are msgpack within the limits, and its pairs are noted.
 */
static enum mp_status walk_pairs(struct frame_reader *r, struct mp_cursor *c, struct frame *frame)
{
    struct frame_pair rest;
    bool has_kind = false;
    for (uint32_t i = 0; i < frame->pair_count; i++) {
        struct frame_pair *pair = i < FRAME_PAIRS ? &r->pairs[i] : &rest;
        enum mp_status status = mp_take(c, &pair->key, 1, r->limits);
        pair->at.p = c->p;
        if (status == MP_OK)
            status = mp_take(c, &pair->value, 1, r->limits);
        if (status != MP_OK)
            return status;
        pair->at.end = c->p;
        has_kind = has_kind || note_kind(frame, pair);
    }
    return MP_OK;
}

/* The value that starts at the window's start. Of one that isn't a map, there are no pairs. */
static enum mp_status walk_frame(struct frame_reader *r, struct frame *frame)
{
    if (r->start == r->end)
        return MP_SHORT;
    struct mp_cursor c = {r->window + r->start, r->window + r->end};
    struct mp_cursor inside = c;
    struct mp_value v = {.type = MP_NIL};
    enum mp_status status = mp_read(&inside, &v);
    *frame = (struct frame){.bytes = c.p, .offset = r->offset, .index = r->frames};
    if (status == MP_OK && v.type == MP_MAP && v.len <= r->limits->keys && r->limits->depth > 0) {
        frame->pair_count = v.len;
        frame->pairs = r->pairs;
        status = walk_pairs(r, &inside, frame);
        c.p = inside.p;
    } else {
        status = mp_skip(&c, r->limits);
    }
    frame->len = (size_t)(c.p - frame->bytes);
    return status;
}

static bool is_seal(const struct frame *frame)
{
    return frame->kind_len == 4 && memcmp(frame->kind, "seal", 4) == 0;
}

static struct err check_seal(const struct frame_reader *r, const struct frame *seal)
{
    uint64_t frames = UINT64_MAX;
    char many[STR_MANY];
    struct mp_cursor c = {seal->bytes, seal->bytes + seal->len};
    struct mp_value map;
    (void)mp_read(&c, &map); /* these can't fail: the walk has been over the same bytes */
    for (uint32_t i = 0; i < seal->pair_count; i++) {
        struct mp_value key;
        struct mp_value value;
        (void)mp_take(&c, &key, 1, r->limits);
        (void)mp_take(&c, &value, 1, r->limits);
        if (mp_is_str(&key, "frames", 6) && value.type == MP_UINT)
            frames = value.u;
    }
    if (frames == UINT64_MAX)
        return err_make(ERR_SEGMENT, "seal at byte %" PRIu64 " has no count in `frames`",
                        r->offset);
    if (frames != r->frames)
        return err_make(ERR_SEGMENT, "sealed as %s, but %" PRIu64 " %s there",
                        str_many(frames, "frame", many), r->frames, r->frames == 1 ? "is" : "are");
    return ERR_OK;
}

static void step_over(struct frame_reader *r, const struct frame *frame)
{
    r->start += frame->len;
    r->offset += frame->len;
}

/* A whole value that frame_next() doesn't give out: the seal, or nothing that may stand there. */
static struct err judge(struct frame_reader *r, const struct frame *frame)
{
    if (frame->len > r->limits->frame_bytes)
        return too_large(r);
    if (r->sealed)
        return err_make(ERR_SEGMENT, "bytes after the seal, at byte %" PRIu64, r->offset);
    if (!frame->pairs)
        return err_make(ERR_SEGMENT, "frame %" PRIu64 " at byte %" PRIu64 " is not a msgpack map",
                        r->frames, r->offset);
    TRY(check_seal(r, frame));
    r->sealed = true;
    step_over(r, frame);
    return ERR_OK;
}

enum frame_result frame_next(struct frame_reader *r, struct frame *frame, struct err *e)
{
    for (;;) {
        enum mp_status status = walk_frame(r, frame);
        if (status == MP_OK && frame->pairs && frame->len <= r->limits->frame_bytes && !r->sealed &&
            !is_seal(frame)) {
            step_over(r, frame);
            r->frames++;
            return FRAME_NEXT;
        }
        if (status == MP_OK)
            *e = judge(r, frame);
        else if (status == MP_SHORT && !r->source_done)
            *e = read_more(r);
        else if (status == MP_SHORT && r->start == r->end)
            break;
        else
            *e = malformed(r, status);
        if (err_is(e))
            return FRAME_FAILED;
    }
    *e = ERR_OK;
    return FRAME_END;
}

void frame_reader_restart(struct frame_reader *r)
{
    if (r->cap > FIRST_WINDOW) {
        r->window = mem_realloc(r->window, FIRST_WINDOW);
        r->cap = FIRST_WINDOW;
    }
    r->start = r->end = 0;
    r->frames = r->offset = 0;
    r->sealed = r->source_done = false;
}

void frame_reader_free(struct frame_reader *r)
{
    free(r->window);
    r->window = NULL;
    r->cap = 0;
}
