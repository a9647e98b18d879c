/* SPDX-License-Identifier: MIT */
#include "replay/rejects.h"

#include <string.h>
#include <unistd.h>

enum { FLUSH_AT = 256 * 1024 };

static struct err open_file(struct rejects *r)
{
    TRY(claim_open_staging(r->claim, &r->staging));
    struct err e = durable_create(&r->file, r->staging);
    if (err_is(&e)) {
        (void)close(r->staging);
        return e;
    }
    r->is_open = true;
    return ERR_OK;
}

static struct err flush(struct rejects *r)
{
    struct err e = durable_write(r->file.fd, r->pending.data, r->pending.len);
    buf_clear(&r->pending);
    return e;
}

static void nullable_text(struct buf *out, const char *text)
{
    if (*text)
        copybin_text(out, text, strlen(text));
    else
        buf_be32(out, UINT32_MAX);
}

/* Columns and their order: db/queries/reject_copy.sql. */
static void append_row(const struct rejects *r, struct buf *rows, const char *segment_encoded,
                       const struct frame *frame, const struct reject *reject)
{
    buf_be16(rows, 7);
    copybin_uuid(rows, &r->claim->id);
    copybin_text(rows, segment_encoded, strlen(segment_encoded));
    copybin_int8(rows, (int64_t)frame->index);
    copybin_int8(rows, (int64_t)frame->offset);
    nullable_text(rows, reject->column);
    copybin_text(rows, reject->reason, strlen(reject->reason));
    nullable_text(rows, reject->sqlstate);
}

struct err rejects_add(struct rejects *r, struct buf *rows, const char *segment_encoded,
                       const struct frame *frame, const struct reject *reject)
{
    if (!r->is_open)
        TRY(open_file(r));
    append_row(r, rows, segment_encoded, frame, reject);
    buf_put(&r->pending, frame->bytes, frame->len);
    return r->pending.len >= FLUSH_AT ? flush(r) : ERR_OK;
}

struct err rejects_stage(struct rejects *r)
{
    if (!r->is_open)
        return ERR_OK;
    TRY(flush(r));
    return durable_publish(&r->file, r->staging, CLAIM_REJECTS);
}

void rejects_discard(struct rejects *r)
{
    if (r->is_open) {
        durable_discard(&r->file);
        (void)close(r->staging);
        r->is_open = false;
    }
    buf_free(&r->pending);
}
