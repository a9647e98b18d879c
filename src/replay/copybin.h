/* SPDX-License-Identifier: MIT */
/*
 * copybin: a frame becomes a row of COPY BINARY, or a reject that says why. Pure.
 *
 *     struct copybin e;
 *     copybin_open(&e, &streams, batch_id, now, NUL_REJECT);
 *     e.segment = "a%20name.msgpack";
 *     if (copybin_encode(&e, &frame, rows, &row, &reject))
 *         ... rows[row.stream] has grown by one row ...
 *     copybin_close(&e);
 *
 * Row format: PostgreSQL manual, COPY, "Binary Format": int16 field count, then int32 length (-1 is
 * NULL) and the type's binary form for each; all big-endian. The stream's header and trailer are
 * copybin_header() and copybin_trailer(). Fields by type are in field.h.
 */
#ifndef SPOOLGATE_REPLAY_COPYBIN_H
#define SPOOLGATE_REPLAY_COPYBIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "frame/reader.h"
#include "replay/field.h"
#include "replay/jsonb.h"
#include "replay/match.h"
#include "replay/rules.h"
#include "stream/stream.h"

struct copybin_times;

struct copybin {
    const struct stream_set *streams;
    struct uuid batch;
    int64_t
        now_us; /* the accepted window lies around this; the same for every attempt of a batch */
    enum nul_rule nul; /* of text columns; jsonb rejects NUL whatever the rule */

    /* the caller's to set, once open; both must stay until the next frame is encoded */
    const char *segment; /* the one in hand, percent-encoded; for COLUMN_FROM_SEGMENT */
    const bool *allowed; /* by stream: does the gate take it; NULL: all */
    /* Is it a kind that is taken elsewhere (handler.h), where no stream takes it? NULL: none is. */
    bool (*elsewhere)(const struct frame *frame);

    /* private */
    struct match match;
    struct jsonb_order order;
    struct copybin_times *times; /* by stream */
};

#define COPYBIN_ELSEWHERE SIZE_MAX
struct copybin_row {
    size_t stream;           /* index in the set, or COPYBIN_ELSEWHERE */
    size_t len;              /* of the row, at the end of its stream's rows */
    int64_t time_us;         /* of the stream's time column; INT64_MIN where it has none */
    int64_t period_us;       /* where the row's partition begins; 0 where there are none */
    uint32_t keys_ignored;   /* keys of the frame that no column takes; 0 where a rest is kept */
    uint32_t numbers_nulled; /* NaN and Inf inside jsonb */
};

void copybin_open(struct copybin *e, const struct stream_set *streams, const struct uuid *batch,
                  int64_t now_us, enum nul_rule nul);
void copybin_close(struct copybin *e);

/* rows: one buf a stream. On a reject (false) nothing was appended. False and row->stream
 * COPYBIN_ELSEWHERE: the frame is none of the streams', and isn't rejected. */
bool copybin_encode(struct copybin *e, const struct frame *frame, struct buf *rows,
                    struct copybin_row *row, struct reject *reject);

/* Would it be COPYBIN_ELSEWHERE? */
bool copybin_is_elsewhere(struct copybin *e, const struct frame *frame);

/* One value of the column's type, as msgpack, becomes its field, length included: what a manifest
 * states as a default or a constant. nil is NULL. No window applies. On a reject (false) nothing
 * was appended. */
bool copybin_value(struct buf *out, const struct column *c, const void *msgpack, size_t len,
                   struct reject *reject);

void copybin_header(struct buf *out);
void copybin_trailer(struct buf *out);

/* Fields for rows that don't come from a frame (ingestion_reject). */
void copybin_text(struct buf *out, const void *bytes, size_t len);
void copybin_int8(struct buf *out, int64_t v);
void copybin_uuid(struct buf *out, const struct uuid *id);

#endif
