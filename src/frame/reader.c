/* SPDX-License-Identifier: MIT */
#include "frame/reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "frame/msgpack.h"

#ifndef FIRST_WINDOW /* the fuzz target starts with less, to get past the window's end */
#define FIRST_WINDOW ((size_t)1 << 20)
#endif

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
            return err_make(ERR_SEGMENT,
                            "frame at byte %" PRIu64 " is larger than limits.frame (%" PRIu64
                            " bytes)",
                            r->offset, r->limits->frame_bytes);
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

/* The next value's extent in the window, read further as needed. len 0: the clean end. */
static struct err next_extent(struct frame_reader *r, size_t *len)
{
    *len = 0;
    if (!r->window)
        TRY(read_more(r));
    for (;;) {
        struct mp_cursor c = {r->window + r->start, r->window + r->end};
        enum mp_status status = c.p == c.end ? MP_SHORT : mp_skip(&c, r->limits);
        if (status == MP_OK) {
            *len = (size_t)(c.p - (r->window + r->start));
            if (*len > r->limits->frame_bytes)
                return err_make(ERR_SEGMENT,
                                "frame at byte %" PRIu64 " is larger than limits.frame (%" PRIu64
                                " bytes)",
                                r->offset, r->limits->frame_bytes);
            return ERR_OK;
        }
        if (status != MP_SHORT)
            return malformed(r, status);
        if (r->source_done)
            return r->start == r->end ? ERR_OK : malformed(r, status);
        TRY(read_more(r));
    }
}

/* Notes `kind`; `event` stands in for it (kb.ingest.asset.created.v1 and its like). The walk
 * can't fail: next_extent has been over the same bytes. */
static void find_kind(struct frame *frame, struct mp_cursor c, uint32_t pairs,
                      const struct frame_limits *limits)
{
    frame->kind = NULL;
    frame->kind_len = 0;
    for (uint32_t i = 0; i < pairs; i++) {
        struct mp_value key;
        struct mp_value value;
        struct mp_cursor peek = c;
        bool is_kind;
        if (mp_read(&peek, &key) == MP_OK && key.type == MP_STR &&
            ((is_kind = mp_is_str(&key, "kind", 4)) || mp_is_str(&key, "event", 5)) &&
            mp_read(&peek, &value) == MP_OK && value.type == MP_STR) {
            frame->kind = value.bytes;
            frame->kind_len = value.len;
            if (is_kind)
                return;
        }
        (void)mp_skip(&c, limits);
        (void)mp_skip(&c, limits);
    }
}

static bool is_seal(const struct frame *frame)
{
    return frame->kind_len == 4 && memcmp(frame->kind, "seal", 4) == 0;
}

static struct err check_seal(const struct frame_reader *r, struct mp_cursor c, uint32_t pairs)
{
    uint64_t frames = UINT64_MAX;
    for (uint32_t i = 0; i < pairs; i++) {
        struct mp_value key;
        struct mp_value value;
        struct mp_cursor peek = c;
        if (mp_read(&peek, &key) == MP_OK && mp_is_str(&key, "frames", 6) &&
            mp_read(&peek, &value) == MP_OK && value.type == MP_UINT)
            frames = value.u;
        (void)mp_skip(&c, r->limits);
        (void)mp_skip(&c, r->limits);
    }
    if (frames == UINT64_MAX)
        return err_make(ERR_SEGMENT, "seal at byte %" PRIu64 " has no count in `frames`",
                        r->offset);
    if (frames != r->frames)
        return err_make(ERR_SEGMENT, "sealed as %" PRIu64 " frames, but %" PRIu64 " are there",
                        frames, r->frames);
    return ERR_OK;
}

static struct err next(struct frame_reader *r, struct frame *frame, bool *found)
{
    for (;;) {
        size_t len;
        *found = false;
        TRY(next_extent(r, &len));
        if (len == 0)
            return ERR_OK;
        if (r->sealed)
            return err_make(ERR_SEGMENT, "bytes after the seal, at byte %" PRIu64, r->offset);

        struct mp_cursor c = {r->window + r->start, r->window + r->start + len};
        struct mp_value map;
        *frame = (struct frame){.bytes = c.p, .len = len, .offset = r->offset, .index = r->frames};
        if (mp_read(&c, &map) != MP_OK || map.type != MP_MAP)
            return err_make(ERR_SEGMENT,
                            "frame %" PRIu64 " at byte %" PRIu64 " is not a msgpack map", r->frames,
                            r->offset);
        find_kind(frame, c, map.len, r->limits);
        if (is_seal(frame)) {
            TRY(check_seal(r, c, map.len));
            r->sealed = true;
        }
        r->start += len;
        r->offset += len;
        if (!r->sealed) {
            r->frames++;
            *found = true;
            return ERR_OK;
        }
    }
}

enum frame_result frame_next(struct frame_reader *r, struct frame *frame, struct err *e)
{
    bool found = false;
    *e = next(r, frame, &found);
    return err_is(e) ? FRAME_FAILED : found ? FRAME_NEXT : FRAME_END;
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
